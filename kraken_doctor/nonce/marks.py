"""Whether what a store answers can be a nonce: the one place where that is judged."""

from collections.abc import Callable

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.unit import MAX_NONCE, NonceUnit

Possible = Callable[[int], bool]

FIRST_NS = 1_790_000_000 * 10**9
"""
September 2026, when this library was written. Marks come from it alone, so none is of an earlier time; and a clock that
says so is wrong: that of a board without a battery, which begins in 1970 until it has been set.
"""

_AHEAD_S = 400 * 86_400
"""How far a clock may have been ahead when it gave a mark: by a year, or by day and month exchanged."""

_FAR_S = 4_102_444_800
"""2100: where the clock can't say what is too far ahead."""


def possible(nonce: int, unit: NonceUnit, now_ns: int) -> bool:
    """
    Return whether the store of a generator that counts in *unit* can have come to *nonce* by itself.

    Its mark is a time that a clock showed, in this unit or, where a finer one was used before, in that: the exchange
    takes nothing below it any more, and the bot has to go on from there. A time before this library, or further ahead
    than a clock is wrong, is a damaged mark or somebody's trap: sent once, it would make the key useless for good.
    """
    latest_ns = (now_ns if now_ns >= FIRST_NS else _FAR_S * 10**9) + _AHEAD_S * 10**9
    if nonce <= unit.floor(latest_ns):
        return True
    finer = (other for other in NonceUnit if other.tick_ns < unit.tick_ns)
    return any(other.floor(FIRST_NS) <= nonce <= other.floor(latest_ns) for other in finer)


def judged(answer: object, least: int, is_possible: Possible | None, remedy: str) -> int:
    """
    Return the nonce that a store's *answer* is.

    Args:
        answer: A whole number, or its digits.
        least: The floor, and above all that this process has got for the key.
        is_possible: Says of a number above *least* whether a clock can have given it; None for whoever knows better.
        remedy: Where the mark is, and how to get rid of it.

    Raises:
        NonceStoreError: It is none; the text ends with *remedy*.
    """
    nonce = mark(answer, remedy)
    if nonce < least:
        raise NonceStoreError(f"the nonce store gave {nonce}, which is below {least}; {remedy}")
    if nonce > least and is_possible is not None and not is_possible(nonce):
        raise NonceStoreError(
            f"the nonce store gave {nonce}, further ahead than any clock: its mark is damaged and no nonce was issued; "
            f"to start again from this host's clock, {remedy}"
        )
    return nonce


def mark(answer: object, remedy: str) -> int:
    """Return the mark that *answer* is, whether it is possible or not; see `judged`."""
    # Not int(): it takes " 7", "1_000" and the digits of other scripts too.
    if isinstance(answer, str) and answer.isascii() and answer.isdigit() and len(answer) <= len(str(MAX_NONCE)):
        answer = int(answer)
    if type(answer) is not int or not 0 <= answer <= MAX_NONCE:
        raise NonceStoreError(f"the nonce store gave {repr(answer)[:40]}, which is not a nonce; {remedy}")
    return answer
