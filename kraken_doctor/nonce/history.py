"""
What the audit log proves of a key: which nonces the exchange accepted, in whose unit, and how its calls went.

Pure but for the store.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from kraken_doctor.frozen import dataclass
from kraken_doctor.model.call import BOT, UNDECLARED, CallRecord
from kraken_doctor.model.findings import by_kind
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores import NonceStore

UNIT_NOTE_0_1 = "accepted unit"
"""Under this name version 0.1 kept the unit of a key's last accepted call, and not who had chosen it: its own guess of
microseconds is among them, so the note is shown and never followed."""


class KeyHistory(NamedTuple):
    """One key's accepted calls, as far back as the audit log goes."""

    nonce: int | None = None
    """The newest nonce that was accepted, whoever sent it; None if there is none."""
    unit: NonceUnit | None = None
    """The unit of the newest accepted call of a bot, or of a doctor whose user had declared the unit."""
    by_bot: bool = False
    """Whether that call was a bot's."""


def key_histories(store: NonceStore, key_ids: Iterable[str]) -> dict[str, KeyHistory]:
    """
    Return the history of each key; one pass over the log for all of them, which ends when all is known.

    A mark proves nothing here: it is set when a nonce is issued, and a bot that never reached the exchange has one too.
    Nor does a record whose nonce is no time of its moment, or falls short of the unit that it names: it is damaged.

    Raises:
        NonceStoreError: The log can't be read.
    """
    wanted: dict[str, tuple[bytes, ...]] = dict.fromkeys(key_ids, ())
    found = dict.fromkeys(wanted, KeyHistory())
    for record in store.newest(wanted):
        unit, at_ns = NonceUnit(record.unit), max(record.at_ns, marks.FIRST_NS)
        shown = NonceUnit.of_mark(record.nonce, at_ns)
        if record.outcome != "ok" or shown is None or shown.tick_ns > unit.tick_ns:
            continue
        history = found[record.key_id]
        if history.nonce is None:
            history = history._replace(nonce=record.nonce)
            wanted[record.key_id] = (UNDECLARED,)  # they prove nothing more, and a watch of months has no others
        if record.by == BOT or (record.by and record.declared):
            history = history._replace(unit=unit, by_bot=record.by == BOT)
            del wanted[record.key_id]
        found[record.key_id] = history
    return found


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which records to look at; None for all."""

    key_ids: frozenset[str] | None = None
    since_ns: int = 0
    until_ns: int | None = None
    outcome: str | None = None
    """A part of it, whatever its case: ``nonce``, ``timeout``, ``ok``."""

    def __call__(self, records: Iterable[CallRecord]) -> Iterator[CallRecord]:
        """Yield the records that fit, in their order."""
        part, until_ns = (self.outcome or "").casefold(), math.inf if self.until_ns is None else self.until_ns
        for record in records:
            is_wanted = self.key_ids is None or record.key_id in self.key_ids
            if is_wanted and self.since_ns <= record.at_ns <= until_ns and part in record.outcome.casefold():
                yield record


@dataclass(frozen=True, kw_only=True)
class KeySummary:
    """The calls of one key."""

    key_id: str
    issued: int
    refused: int
    """For their nonce."""
    failed: int
    """For anything else."""
    first_ns: int
    last_ns: int
    rate_per_s: float
    """Calls a second from the first to the last; 0 for one call."""
    longest_wait_s: float
    longest_gap_s: float
    """The longest time without a call between two."""
    repeated: int
    """How often a nonce was not above the one before it: 0, or something is wrong."""


def summarise(records: Iterable[CallRecord]) -> list[KeySummary]:
    """Return one summary a key, the busiest first."""
    summaries = [_summary(key_id, found) for key_id, found in by_kind(records, lambda record: record.key_id).items()]
    return sorted(summaries, key=lambda summary: -summary.issued)


def _summary(key_id: str, records: Sequence[CallRecord]) -> KeySummary:
    # A process writes its record when the answer is there: two processes may write theirs the other way round.
    ordered = sorted(records, key=lambda record: record.nonce)
    times = sorted(record.at_ns for record in records)
    span_s = (times[-1] - times[0]) / 1e9
    refused = sum(record.refused for record in records)
    return KeySummary(
        key_id=key_id,
        issued=len(records),
        refused=refused,
        failed=sum(record.outcome != "ok" for record in records) - refused,
        first_ns=times[0],
        last_ns=times[-1],
        rate_per_s=(len(records) - 1) / span_s if span_s else 0.0,
        longest_wait_s=max(record.waited_s for record in records),
        longest_gap_s=max(((later - earlier) / 1e9 for earlier, later in pairwise(times)), default=0.0),
        repeated=sum(earlier.nonce == later.nonce for earlier, later in pairwise(ordered)),
    )
