"""Times, durations and near misses in words: one place, so that a page, a rule and the JSON say them alike."""

import math
from collections.abc import Collection
from datetime import UTC, datetime

_UNITS_S = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


def milliseconds(seconds: float, sign: str = "") -> str:
    """Return a latency: ``12 ms``; with *sign* "+" also ``+12 ms``."""
    return f"{seconds * 1000:{sign}.0f} ms"


def span(seconds: float, *, signed: bool = False, digits: int = 0) -> str:
    """
    Return a duration as people say it: ``12 ms``, ``3.4 s``, ``12 minutes``, ``2 hours``.

    Args:
        seconds: How long; below zero only where *signed*.
        signed: Whether a plus is shown too; what is shown as zero has no minus.
        digits: Behind the point of minutes, hours and days.
    """
    sign = "+" if signed else ""
    # Rounded it would be shown as -0 ms.
    seconds = 0.0 if abs(seconds) <= 0.0005 else seconds
    if abs(seconds) < 1:
        return milliseconds(seconds, sign)
    for size, unit in _UNITS_S:
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:{sign}.{digits}f} {unit}"
    return f"{seconds:{sign}.1f} s"


def wait(seconds: float) -> str:
    """Return a time to wait, rounded up: ``90 s``, ``3 minutes``; who comes a moment early is refused again."""
    size, unit = next(((size, unit) for size, unit in _UNITS_S if seconds > 5 * size), (1, "s"))
    return f"{math.ceil(seconds / size)} {unit}"


def utc_timestamp(at_ns: int, digits: int = 0) -> str:
    """Return a time for programs, in UTC: ``2026-11-27T12:00:00Z``, with so many *digits* of the second."""
    # Cut, not rounded: rounded, the last nanoseconds of a second would belong to the next one, which is not shown.
    seconds, fraction = divmod(at_ns, 10**9)
    point = f".{fraction:09d}"[: digits + 1] if digits else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{point}Z"


def utc_words(unix_s: float, *, with_seconds: bool = True) -> str:
    """Return a time for people, in UTC: ``2026-11-27 12:00:00 UTC``."""
    try:
        at = datetime.fromtimestamp(unix_s, UTC)
    except (OverflowError, ValueError, OSError):  # a server may say anything; no calendar has that
        return f"unix time {unix_s:.6g}"
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if with_seconds else f"{at:%Y-%m-%d %H:%M} UTC"


def times(count: int) -> str:
    """Return ``once``, ``5 times``."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def file_name(path: str) -> str:
    """Return the last part of *path*, which may be another system's."""
    return path.replace("\\", "/").rpartition("/")[2]


def counted(count: int, one: str) -> str:
    """Return *count* things, each of them *one*: ``1 key``, ``5 processes``."""
    return f"{count} {one}" if count == 1 else f"{count} {one}{'es' if one.endswith('s') else 's'}"


def did_you_mean(name: str, known: Collection[str], *, otherwise: str = "", most: int = 1) -> str:
    """
    Return the end of an error message, ``; did you mean clock?``; *otherwise* where no known name is near.

    With *most* over 1 those come first, all of them, that have *name* in them: ``go`` is near to none by its spelling.
    """
    from difflib import get_close_matches  # takes longer to load than all the rest here

    similar = [each for each in known if most > 1 and name[1:] and name in each]
    similar = similar or get_close_matches(name, list(known), n=most)
    return f"; did you mean {', '.join(similar)}?" if similar else otherwise
