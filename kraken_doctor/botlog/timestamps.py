"""The time that a log line carries, in the forms that loggers write."""

import functools
import re
from datetime import UTC, datetime, timedelta

from kraken_doctor.botlog.prefilter import patterns, words

HEAD_CHARACTERS = 200
"""A time stands near the start of its line, but behind a container's or a logger's prefix."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO, _EPOCH, _JSON, _HAS_CLOCK, *_FORMS = (re.compile(pattern) for pattern in patterns("times").values())
_FULL_DATE, _SECONDS = (re.compile(pattern.encode()) for pattern in patterns("times-in-bytes").values())


class Timestamps:
    """
    Read the times of one log, which says once what its other lines leave out.

    A time without a zone is taken as it stands, as if it were UTC: only differences within one log count. One without
    a year has the year that the log names elsewhere, else the last twelve months before *now_s*.
    """

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s
        self._year: int | None = None
        self._day_first = False
        self._last: float | None = None
        self.minute = (b"\n", 0.0, 0)
        """How the last line began, up to its seconds; that time; and where its date began. The next often begins so."""
        self.span = (0, 0)
        """Where in the line the time stood that was read last."""
        self.zoned = True
        """Whether it named its zone."""

    def look_at(self, block: bytes) -> None:
        """Take the year from the first full date in *block*; journald's own times have none."""
        if self._year is None and (match := _FULL_DATE.search(block)):
            self._year = 2000 + int(match[1])

    def time_at(self, block: bytes, start: int) -> float | None:
        """Return the time of the line at *start*; most begin as the one did that was read last."""
        beginning, minute_s, date = self.minute
        if block.startswith(beginning, start) and (match := _SECONDS.match(block, start + len(beginning))):
            self.span = date, match.end() - start
            self._last, self.zoned = minute_s + float(match[1].replace(b",", b".")), match.lastindex == 2
            return self._last
        end = block.find(b"\n", start, start + 12_000)  # one in JSON may have its time at its end
        return self.time_of(block[start : start + 4_000 if end < 0 else end].decode(errors="replace"))

    def time_of(self, line: str) -> float | None:
        """Return seconds since 1970; None where *line* carries no time."""
        head = line[:HEAD_CHARACTERS]
        if match := _ISO.search(head):
            self.span = match.span()
            return self._iso(match)
        if match := _EPOCH.match(head) or (_JSON.search(line) if line.startswith("{") else None):
            self.span, self.zoned = match.span(), True
            seconds, milliseconds, *fractions = match.groups()
            return _epoch(seconds, milliseconds, fractions[-1] or fractions[0])
        if not _HAS_CLOCK.search(head):
            return None
        for form in _FORMS:
            if (match := form.search(head)) and (at := self._seconds(match)) is not None:
                self.span = match.span()
                return at
        return None

    def _iso(self, match: re.Match[str]) -> float | None:
        """Return what nearly every log has, and at once: this is done for each entry of a log."""
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        try:
            minute_s = _day_s(int(year), int(month), int(day)) + int(hour) * 3600 + int(minute) * 60
        except (ValueError, OverflowError):
            return None  # 2026-13-45 is no time
        if zone in (None, "Z") and (before := match.string[: match.start(6)]).isascii():
            self.minute = before.encode(), minute_s, match.start()
        self._last, self.zoned = minute_s + float(f"{second}.{fraction or 0}") - _offset_s(zone), zone is not None
        return self._last

    def _seconds(self, match: re.Match[str]) -> float | None:
        parts = match.groupdict()
        hour = int(parts["h"])
        if half := parts["ap"]:
            hour = hour % 12 + (12 if half[0] in "Pp" else 0)
        month, day = self._month_and_day(parts)
        zone_s = _offset_s(parts.get("z"))
        try:
            for year in self._years(parts):
                whole = datetime(year, month or 1, day or 1, hour, int(parts["mi"]), int(parts["s"]), tzinfo=UTC)
                if month is None:
                    whole = self._on_the_last_day(whole)
                at = whole.timestamp() + _fraction(parts["f"]) - zone_s
                # A day's grace: the log's zone may be ahead of UTC.
                if month is None or parts.get("y") or self._year or at <= self._now_s + 86_400:
                    self._last, self.zoned = at, bool(parts.get("z"))
                    return at
        except (ValueError, OverflowError):
            pass  # 2026-13-45 is no time
        return None

    def _years(self, parts: dict[str, str | None]) -> tuple[int, ...]:
        if parts.get("y") or parts.get("yy"):
            return (int(parts.get("y") or f"20{parts['yy']}"),)
        now = datetime.fromtimestamp(self._now_s, UTC).year
        return (self._year,) if self._year else (now, now - 1)

    def _month_and_day(self, parts: dict[str, str | None]) -> tuple[int | None, int | None]:
        """Return both; None for a time of day alone."""
        if name := parts.get("mon"):
            return (_MONTHS.index(name.lower()) + 1 if name.lower() in _MONTHS else 13), int(parts["d"] or 0)
        if "one" not in parts:
            return (int(parts["mo"] or 0), int(parts["d"] or 0)) if parts.get("d") else (None, None)
        one, two = int(parts["one"] or 0), int(parts["two"] or 0)
        # 07/09 is two days; a number above 12, or a zone or dots as Europeans write them, decides for the whole log.
        self._day_first |= one > 12 or "CE" in (parts.get("z") or "")
        return (two, one) if self._day_first and two <= 12 else (one, two)

    def _on_the_last_day(self, whole: datetime) -> datetime:
        """Put a time of day on the day of the line before it, or on the next one where midnight was passed."""
        last = datetime.fromtimestamp(self._last if self._last is not None else self._now_s, UTC)
        whole = whole.replace(year=last.year, month=last.month, day=last.day)
        passed_midnight = self._last is not None and (last - whole) > timedelta(hours=12)
        return whole + timedelta(days=1) if passed_midnight else whole


@functools.lru_cache(maxsize=64)
def _day_s(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, tzinfo=UTC).timestamp()


def _epoch(seconds: str, milliseconds: str | None, fraction: str | None) -> float:
    return int(seconds) + (int(milliseconds) / 1000 if milliseconds else _fraction(fraction))


def _fraction(digits: str | None) -> float:
    return float(f"0.{digits}") if digits else 0.0


def _offset_s(zone: str | None) -> float:
    if zone is None or zone == "Z":
        return 0.0
    if zone in words()["zones"]:
        return float(words()["zones"][zone] * 3600)
    size = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return float(-size if zone[0] == "-" else size)
