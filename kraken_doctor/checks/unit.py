"""
The unit of the doctor's own nonces: declared, or known, and never raised by a guess.

A nonce that was accepted can't be taken back: one in microseconds locks every millisecond client out of the key for
good. A refusal in milliseconds is no proof of a finer unit, since a bot whose request overtook ours looks the same.
"""

from collections.abc import Callable
from typing import NamedTuple

from kraken_doctor.clock import Clock
from kraken_doctor.errors import KrakenDoctorError, NonceError
from kraken_doctor.frozen import dataclass
from kraken_doctor.model import facts
from kraken_doctor.model.account import Account
from kraken_doctor.model.findings import Evidence
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.history import KeyHistory

_MOST_AHEAD_NS = 10**9
"""A burst leads the clock by fractions of a second; a mark that leads it by more was issued by a clock that was ahead.
Sent, it would lock out all who take their nonces from a right one, until that time has come."""

_MOST_SINCE_NS = 60 * 10**9
"""What was accepted was read before the first call; a bot on such a clock goes on while a run lasts."""


class UnitChoice(NamedTuple):
    """The unit to count in, and why."""

    unit: NonceUnit
    source: str
    """Who said so: an option, a variable and where it is set, a bot's call, or ``default``."""
    declared: bool = False
    """Whether the user said so."""


class BudgetSpentError(KrakenDoctorError):
    """The run has made as many private calls for this account as it allows itself, or has ended."""


class NonceWithheldError(NonceError):
    """
    Sending the next nonce could lock other programs out of the key, so it was not sent.

    Args:
        reason: ``note``, ``finer`` or ``ahead``.
        mark: The store's mark, or the nonce that it gave; None for ``note``.
        unit: The unit that the mark or the note is in; None where it is in none.
    """

    def __init__(self, reason: str, mark: int | None, unit: NonceUnit | None, now_ns: int = 0) -> None:
        super().__init__(f"not sent: {_REASONS[reason]}")
        self.reason, self.mark, self.unit = reason, mark, unit
        self.lead_s = unit.lead_s(mark, now_ns) if mark is not None and unit is not None else None

    def evidence(self) -> tuple[Evidence, ...]:
        """Return the refusal to send as facts."""
        return (
            facts.NONCE_WITHHELD.of(self.reason),
            facts.NONCE_MARK.of(self.mark),
            facts.NONCE_MARK_UNIT.of(self.unit.value if self.unit else None),
            facts.NONCE_MARK_LEAD.of(self.lead_s),
        )


_REASONS = {
    "note": "version 0.1 recorded a finer unit for this key, but not who chose it",
    "finer": "the nonce store's mark is in a finer unit",
    "ahead": "the nonce store's mark is ahead of the clock, and no accepted call is known to have reached it",
}


def choose_unit(option: str | None, account: Account, history: KeyHistory) -> UnitChoice:
    """
    Return the option's unit, else the account's, else that of the last accepted call, else milliseconds.

    Raises:
        ConfigurationError: What is declared is no unit.
    """
    if text := option or account.nonce_unit:
        source = "--nonce-unit" if option else account.nonce_unit_source
        return UnitChoice(NonceUnit.parse(text, named=f"nonce unit of {account.label} ({source})"), source, True)
    if history.unit is not None:
        known_from = "the bot's last accepted call" if history.by_bot else "the last accepted call with a declared unit"
        return UnitChoice(history.unit, known_from)
    # Of the units that clients use only seconds are coarser: a guess in milliseconds locks out nobody but those.
    return UnitChoice(NonceUnit.MS, "default")


@dataclass(frozen=True, kw_only=True)
class NonceGuard:
    """
    Judges every nonce of one account before it is sent.

    Args:
        choice: The unit to count in.
        history: What the exchange has accepted on this key.
        clock: The time from which nonces are taken.
        note: What version 0.1 noted, None for nothing.
        correction_s: What was added to this host's clock, 0 or below: it is proved to be so far ahead.
        is_over: Whether the run has ended meanwhile: then nobody would see what is sent, or what comes of it.
    """

    choice: UnitChoice
    history: KeyHistory
    clock: Clock
    note: str | None = None
    correction_s: float = 0.0
    is_over: Callable[[], bool] = lambda: False

    def ahead_s(self, mark: int | None) -> float:
        """Return by how many seconds the nonce that follows *mark* is ahead of the time; 0 or below if it is not."""
        return 0.0 if mark is None else ((mark + 1) * self.choice.unit.tick_ns - self.clock.now_ns()) / 1e9

    def check_mark(self, mark: int | None) -> None:
        """
        Raise where the nonce that follows *mark* should not be sent, before one is taken.

        Raises:
            NonceWithheldError: It should not.
        """
        noted = NonceUnit.known(self.note)
        # What the user declares goes before a note that does not say who decided.
        if self.choice.source == "default" and noted is not None and noted is not NonceUnit.MS:
            raise NonceWithheldError("note", None, noted)
        if mark is not None:
            self.check_nonce(mark)

    def check_nonce(self, nonce: int) -> None:
        """
        Raise for a nonce that the store gave: it goes one above its mark, whatever unit that is in.

        Raises:
            NonceWithheldError: It should not be sent.
            BudgetSpentError: The run has ended, it may be while it waited for the key's turn.
        """
        if self.is_over():
            raise BudgetSpentError("the run has ended; no more private calls")
        # By a clock that begins in 1970 the milliseconds of today would pass for nanoseconds.
        unit, now_ns = self.choice.unit, max(self.clock.now_ns(), marks.FIRST_NS)
        floor = unit.floor(now_ns)
        # Neighbouring units are a factor of 10 or more apart: twice the present time is no time in this one.
        if nonce > 2 * floor:
            raise NonceWithheldError("finer", nonce, NonceUnit.of_mark(nonce, now_ns), now_ns)
        # What was accepted in a finer unit says nothing of times in this one.
        accepted = known if (known := self.history.nonce or 0) <= 2 * floor else 0
        if nonce > max(floor + _MOST_AHEAD_NS // unit.tick_ns, accepted + _MOST_SINCE_NS // unit.tick_ns):
            raise NonceWithheldError("ahead", nonce, unit, now_ns)
