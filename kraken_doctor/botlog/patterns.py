"""What the refused nonces of a log have in common. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from kraken_doctor.botlog.tally import AFTER_CUT_S, AFTER_START_S, TOGETHER_S, Tally
from kraken_doctor.model.unit import NonceUnit

MOST = 0.8
"""Of the refusals: so many make a pattern, since a bot has other troubles too."""

_HEALED_S = 3_600.0
"""So long without a refusal, and calls that work: it is over."""

_POLL_S = 3_600.0
"""A bot asks for its balance more often than that; one that is always refused is refused as often."""

_BEFORE_S = 86_400.0
"""What changed within a day before it began may have brought it."""


@dataclass(frozen=True)
class Pattern:
    """One thing that is true of the refusals."""

    id: str
    """``always``, ``since``, ``concurrent``, …"""
    text: str
    """One line, with its counts."""


def patterns(tally: Tally, end: float | None) -> tuple[Pattern, ...]:
    """
    The patterns in *tally*, the most telling first.

    Args:
        tally: Of the whole log.
        end: The log's last time.
    """
    if not tally.refused:
        return ()
    found = [*_of_nonces(tally), *_of_neighbours(tally), *_of_course(tally), *_of_before(tally)]
    if _healed(tally, end):
        found.append(Pattern("over", f"none since {when(tally.errors_of('nonce').last)}, and calls work"))
    return tuple(found)


def _of_nonces(tally: Tally) -> list[Pattern]:
    """What the numbers themselves say, where the log has them."""
    found = []
    if tally.repeated:
        found.append(Pattern("repeated", f"a nonce was sent again {times(tally.repeated)}: {tally.repeated_example}"))
    # A bot with two keys may count differently on each: then calls go on to work.
    if tally.coarser_after_finer and tally.refused_in_a_row:
        finest, *coarser = sorted(tally.units, key=_UNITS.index, reverse=True)
        text = f"nonces in {_WORDS[finest]}, and later in {' and '.join(_WORDS[unit] for unit in coarser)}"
        found.append(Pattern("mixed-units", text))
    if tally.falling and not tally.coarser_after_finer:
        found.append(Pattern("falling", f"a nonce below an earlier one {times(tally.falling)}"))
    return found


_UNITS = ("s", "ms", "us", "100ns", "10ns", "ns")
_WORDS = {"100ns": "100-nanosecond ticks"} | {unit.value: unit.words for unit in NonceUnit}


def _of_neighbours(tally: Tally) -> list[Pattern]:
    """What stood beside the refusals."""
    found = []
    refused, ever_worked = tally.refused, tally.worked > 0
    endpoints = set(tally.refused_endpoints)
    elsewhere = sum(count for name, count in tally.worked_endpoints.items() if name and name not in endpoints)
    never = not any(tally.worked_endpoints[name] for name in endpoints)
    if len(endpoints) == 1 and "" not in endpoints and never and elsewhere >= 2 and refused >= 2:
        found.append(
            Pattern("one-endpoint", f"only {endpoints.pop()} is refused; other calls worked {times(elsewhere)}")
        )
    if _most(tally.refused_after_cut, refused):
        text = (
            f"{_part(tally.refused_after_cut, refused)} within {AFTER_CUT_S:.0f} s after a timeout or a cut connection"
        )
        found.append(Pattern("after-timeout", text))
    if ever_worked and refused >= 2 and _most(tally.refused_together, refused):
        text = f"{_part(tally.refused_together, refused)} within {TOGETHER_S:.0f} s of a call of another worker"
        found.append(Pattern("concurrent", text))
    if tally.starts >= 2 and tally.starts_first_refused >= 2 and not tally.starts_first_worked:
        text = f"the first call failed after each of {tally.starts_first_refused} starts"
        found.append(Pattern("first-call", text))
    if ever_worked and tally.starts >= 2 and _most(tally.refused_after_start, refused):
        part = _part(tally.refused_after_start, refused)
        text = f"{part} within {AFTER_START_S:.0f} s after one of {tally.starts} starts"
        found.append(Pattern("restart", text))
    return found


def _of_course(tally: Tally) -> list[Pattern]:
    """How it went on."""
    if not tally.worked and _sparse(tally):
        return [Pattern("sparse", f"refused {times(tally.refused)}, far apart; the log shows no call that works")]
    if not tally.worked:
        public = f", public ones worked {times(tally.public_worked)}" if tally.public_worked else ""
        return [
            Pattern("always", f"refused {times(tally.refused)}, and no private call is logged as successful{public}")
        ]
    if tally.refused_in_a_row >= 3:
        text = f"{tally.refused_in_a_row} in a row since {when(tally.row_began)}, and no call worked since"
        return [Pattern("since", text)]
    return [Pattern("now-and-then", f"{tally.refused} refused among {tally.worked} that worked")]


def _sparse(tally: Tally) -> bool:
    """Whether they are so far apart that the bot must have made other calls in between, which it does not log."""
    seen = tally.errors_of("nonce")
    if seen.first is None or seen.last is None or seen.count < 2:
        return False
    return (seen.last - seen.first) / (seen.count - 1) > _POLL_S


def _of_before(tally: Tally) -> list[Pattern]:
    """What changed before the row that the log ends with began."""
    found: list[Pattern] = []
    if not tally.refused_in_a_row:
        return found
    if tally.clock_set_before_row:
        found.append(Pattern("clock-set", f"the clock was set at {when(tally.clock_set_at)}, before it began"))
    for name, versions in tally.versions.items():
        (old, _), (new, at) = versions[-2] if len(versions) > 1 else ("", None), versions[-1]
        since = tally.row_began - at if tally.row_began is not None and at is not None else None
        if old and since is not None and 0 <= since <= _BEFORE_S:
            found.append(Pattern("version", f"{name} went from {old} to {new} at {when(at)}, before it began"))
    return found


def _healed(tally: Tally, end: float | None) -> bool:
    last = tally.errors_of("nonce").last
    return tally.worked_after_refused >= 3 and last is not None and end is not None and end - last >= _HEALED_S


def when(at: float | None) -> str:
    """A time of the log, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at is not None else "an unknown time"


def times(count: int) -> str:
    """``once``, ``5 times``."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _most(part: int, whole: int) -> bool:
    return part > 0 and part >= MOST * whole


def _part(part: int, whole: int) -> str:
    if whole == 1:
        return "the only one"
    return f"all {whole}" if part == whole else f"{part} of {whole}"
