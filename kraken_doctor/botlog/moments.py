"""The time that a log line carries, in the forms that loggers write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_HEAD_CHARACTERS = 200
"""A time stands near the start of its line, but behind a container's or a logger's prefix."""

_ISO = re.compile(
    r"(?<!\d)(\d{4})[-/](\d\d)[-/](\d\d)[T _](\d\d):(\d\d):(\d\d)(?:[.,:](\d{1,9}))?(?: ?(Z|[+-]\d\d:?\d\d)(?!\d))?"
)
_SYSLOG = re.compile(r"^(?:<\d{1,3}>)?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_COMMON = re.compile(r"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]")
_EPOCH = re.compile(r"^\s*\[?(1\d{9})(\d{3})?(?:[.,](\d{1,9}))?[\]\s:,|]")
_JSON = re.compile(
    r'"(?:@?timestamp|time|ts|t|asctime|created|datetime|date)"\s*:\s*"?(1\d{9})(\d{3})?(\d{6})?(?:\.(\d{1,9}))?["\s,}]'
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment_of(line: str, now_s: float) -> float | None:
    """
    Seconds since 1970; None where *line* carries no time.

    A time without a zone is taken as it stands, as if it were UTC: only differences within one log count. One
    without a year, as syslog's, belongs to the last twelve months before *now_s*.
    """
    head = line[:_HEAD_CHARACTERS]
    if match := _ISO.search(head):
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        return _seconds((int(year), int(month), int(day)), (hour, minute, second), fraction, zone)
    if match := _SYSLOG.match(head):
        return _without_year(match, now_s)
    if match := _EPOCH.match(head):
        return _epoch(match[1], match[2], match[3])
    if line.startswith("{") and (match := _JSON.search(line)):
        return _epoch(match[1], match[2], match[4] or match[3])
    if match := _COMMON.search(head):
        date, month, year, hour, minute, second, zone = match.groups()
        if month in _MONTHS:
            return _seconds((int(year), _MONTHS.index(month) + 1, int(date)), (hour, minute, second), None, zone)
    return None


def _seconds(
    date: tuple[int, int, int], time: tuple[str, str, str], fraction: str | None, zone: str | None
) -> float | None:
    try:
        whole = datetime(*date, int(time[0]), int(time[1]), int(time[2]), tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None  # 2026-13-45 is no time
    return whole + _part(fraction) - _offset_s(zone)


def _without_year(match: re.Match[str], now_s: float) -> float | None:
    month, day, hour, minute, second, fraction = match.groups()
    if month not in _MONTHS:
        return None
    now = datetime.fromtimestamp(now_s, UTC)
    for year in (now.year, now.year - 1):
        at_s = _seconds((year, _MONTHS.index(month) + 1, int(day)), (hour, minute, second), fraction, None)
        # A day's grace: the log's zone may be ahead of UTC.
        if at_s is not None and at_s <= now_s + timedelta(days=1).total_seconds():
            return at_s
    return None


def _epoch(seconds: str, milliseconds: str | None, fraction: str | None) -> float:
    return int(seconds) + (int(milliseconds) / 1000 if milliseconds else _part(fraction))


def _part(digits: str | None) -> float:
    return float(f"0.{digits}") if digits else 0.0


def _offset_s(zone: str | None) -> float:
    if zone is None or zone == "Z":
        return 0.0
    size = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -size if zone[0] == "-" else size
