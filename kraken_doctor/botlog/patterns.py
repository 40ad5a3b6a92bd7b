"""What the refused nonces of a log have in common. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from kraken_doctor.botlog.counters import elapsed_s
from kraken_doctor.botlog.stats import AFTER_CUT_S, AFTER_START_S, TOGETHER_S, LogStats
from kraken_doctor.model.format import times, utc_words
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


def patterns(stats: LogStats, end: float | None) -> tuple[Pattern, ...]:
    """
    Return the patterns in *stats*, the most telling first.

    Args:
        stats: Of the whole log.
        end: The log's last time.
    """
    if not stats.refused:
        return ()
    found = [*_of_nonces(stats), *_of_neighbours(stats), _of_course(stats), *_of_before(stats)]
    if _healed(stats, end):
        found.append(Pattern("over", f"none since {when(stats.errors_of('nonce').last)}, and calls now work"))
    return tuple(found)


def _of_nonces(stats: LogStats) -> Iterator[Pattern]:
    """Yield what the numbers themselves say, where the log has them."""
    nonces = stats.nonces
    if nonces.repeated:
        yield Pattern("repeated", f"a nonce was sent again {times(nonces.repeated)}: {nonces.repeated_example}")
    # A bot with two keys may count differently on each: then calls go on to work.
    if nonces.coarser_after_finer and stats.refused_in_a_row:
        finest, *coarser = sorted(nonces.units, key=_UNITS.index, reverse=True)
        text = f"nonces in {_WORDS[finest]}, and later in {' and '.join(_WORDS[unit] for unit in coarser)}"
        yield Pattern("mixed-units", text)
    if nonces.falling and not nonces.coarser_after_finer:
        yield Pattern("falling", f"a nonce below an earlier one {times(nonces.falling)}")


_UNITS = ("s", "ms", "us", "100ns", "10ns", "ns")
_WORDS = {"100ns": "100-nanosecond ticks"} | {unit.value: unit.words for unit in NonceUnit}


def _of_neighbours(stats: LogStats) -> Iterator[Pattern]:
    """Yield what stood beside the refusals."""
    refused, ever_worked = stats.refused, stats.worked > 0
    endpoints = set(stats.refused_endpoints)
    elsewhere = sum(count for name, count in stats.worked_endpoints.items() if name and name not in endpoints)
    never = not any(stats.worked_endpoints[name] for name in endpoints)
    if len(endpoints) == 1 and "" not in endpoints and never and elsewhere >= 2 and refused >= 2:
        yield Pattern("one-endpoint", f"only {endpoints.pop()} is refused; other calls worked {times(elsewhere)}")
    if part := _most(stats.refused_after_cut, refused):
        yield Pattern("after-timeout", f"{part} within {AFTER_CUT_S:.0f} s after a timeout or a cut connection")
    if ever_worked and refused >= 2 and (part := _most(stats.refused_together, refused)):
        yield Pattern("concurrent", f"{part} within {TOGETHER_S:.0f} s of a call of another worker")
    if stats.starts >= 2 and stats.starts_first_refused >= 2 and not stats.starts_first_worked:
        yield Pattern("first-call", f"the first call failed after each of {stats.starts_first_refused} starts")
    if ever_worked and stats.starts >= 2 and (part := _most(stats.refused_after_start, refused)):
        yield Pattern("restart", f"{part} within {AFTER_START_S:.0f} s after one of {stats.starts} starts")


def _of_course(stats: LogStats) -> Pattern:
    """Return how it went on."""
    if not stats.worked and _sparse(stats):
        text = f"refused {times(stats.refused)}, far apart or among others; the log shows no successful call"
        return Pattern("sparse", text)
    if not stats.worked:
        public = f", public ones worked {times(stats.public_worked)}" if stats.public_worked else ""
        text = f"refused {times(stats.refused)}, and no private call is logged as successful{public}"
        return Pattern("always", text)
    if stats.refused_in_a_row >= 3:
        text = f"{stats.refused_in_a_row} in a row since {when(stats.row_began)}, and no successful call since"
        return Pattern("since", text)
    return Pattern("now-and-then", f"{stats.refused} refused, {stats.worked} successful")


def _sparse(stats: LogStats) -> bool:
    """
    Return whether the bot must have made other calls between the refusals, which it does not log.

    A bot that is always refused tries again within minutes, or is refused at each turn of its loop. What comes at
    irregular times, far apart, is some calls among many; so is it where the log names many more nonces.
    """
    if stats.nonces.units.total() > 2 * stats.refused:
        return True
    error = stats.errors_of("nonce")
    if error.first is None or error.last is None or error.count < 2:
        return False
    gaps, mean_s = error.count - 1, (error.last - error.first) / (error.count - 1)
    if mean_s > _POLL_S:
        return True
    return error.quick_gaps < gaps / 2 and error.longest_gap_s > 1.5 * mean_s


def _of_before(stats: LogStats) -> Iterator[Pattern]:
    """Yield what changed before the row that the log ends with began."""
    if not stats.refused_in_a_row:
        return
    if stats.clock_set_before_row:
        yield Pattern("clock-set", f"the clock was set at {when(stats.clock_set_at)}, before it began")
    for name, versions in stats.versions.items():
        (old, _), (new, at) = versions[-2] if len(versions) > 1 else ("", None), versions[-1]
        since = stats.row_began - at if stats.row_began is not None and at is not None else None
        if old and since is not None and 0 <= since <= _BEFORE_S:
            yield Pattern("version", f"{name} went from {old} to {new} at {when(at)}, before it began")


def _healed(stats: LogStats, end: float | None) -> bool:
    last = stats.errors_of("nonce").last
    calm = last is not None and end is not None and elapsed_s(last, end) >= _HEALED_S
    return stats.worked_after_refused >= 3 and calm


def when(at: float | None) -> str:
    """Return a time of the log, to the second."""
    return utc_words(at).removesuffix(" UTC") if at is not None else "an unknown time"


def _most(part: int, whole: int) -> str:
    """Return *part* in words where it is most of the *whole*, else nothing."""
    if not part or part < MOST * whole:
        return ""
    if whole == 1:
        return "the only one"
    return f"all {whole}" if part == whole else f"{part} of {whole}"
