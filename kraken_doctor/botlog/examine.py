"""Logs to stats, patterns and causes; several files as one story, in the order of their times."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO

from kraken_doctor.botlog.events import Event, parse_event
from kraken_doctor.botlog.patterns import Pattern, patterns
from kraken_doctor.botlog.prefilter import finder
from kraken_doctor.botlog.reading import Reader, ReadRange, together
from kraken_doctor.botlog.stats import LogStats
from kraken_doctor.botlog.verdict import verdict
from kraken_doctor.model.findings import Diagnosis


@dataclass(frozen=True)
class LogAnalysis:
    """What was read, and what it comes to."""

    extents: tuple[ReadRange, ...]
    """One a file, in the order in which they were given."""
    stats: LogStats
    patterns: tuple[Pattern, ...]
    diagnoses: tuple[Diagnosis, ...]


class LogReview:
    """
    Several logs, read as one story in the order of their times, and judged as often as asked.

    One that breaks off, such as a compressed file without its end, counts as far as it goes; its extent says so.

    Args:
        streams: Binary, one a file.
        now_s: Seconds since 1970, for times that have no year.
        since_s: Leave out what is older. Entries without a time stay, and those without a zone that may be newer: in
            UTC or by this host's clock.
    """

    def __init__(self, streams: Sequence[BinaryIO], now_s: float, since_s: float | None = None) -> None:
        self._find = finder()
        self._readers = [Reader(stream, now_s, self._find) for stream in streams]
        self._since_s = since_s
        self._stats = LogStats()

    def read(self, *, to_the_end: bool = True) -> LogAnalysis:
        """Read what is new, all of it at first, and return what the logs come to."""
        streams = [self._events(reader, number, to_the_end) for number, reader in enumerate(self._readers)]
        # Rotated files in any order, and the logs of two programs in parallel: the times put them right.
        for event in together(heapq.merge(*streams, key=lambda event: event.at or 0.0)):
            if self._since_s is None or not _is_older(event, self._since_s):
                self._stats.add(event)
        for reader in self._readers:
            self._stats.began_with(reader.beginning.decode(errors="replace"))
        extents = tuple(reader.extent for reader in self._readers)
        end = max((extent.last for extent in extents if extent.last is not None), default=None)
        found = patterns(self._stats, end)
        return LogAnalysis(extents, self._stats, found, verdict(self._stats, found, end))

    def _events(self, reader: Reader, source: int, to_the_end: bool) -> Iterator[Event]:
        try:
            for entry in reader.entries(to_the_end=to_the_end):
                if (event := parse_event(entry, source)) and (len(self._readers) > 1 or self._since_s is not None):
                    yield from (replace(event, at=at, again=()) for at in event.times)
                elif event:
                    yield event
        except (OSError, EOFError) as exc:
            reader.extent.broken = f"{type(exc).__name__}: {exc}"


def _is_older(event: Event, since_s: float) -> bool:
    """Return whether it is older for certain: without a zone a time may be UTC, as in containers, or this host's."""
    if event.at is None or event.at >= since_s:
        return False
    if event.zoned or since_s - event.at > 86_400:
        return True
    return datetime.fromtimestamp(event.at, UTC).replace(tzinfo=None).timestamp() < since_s


def examine(streams: Sequence[BinaryIO], now_s: float, since_s: float | None = None) -> LogAnalysis:
    """Read *streams* once, to their ends; arguments as of `LogReview`."""
    return LogReview(streams, now_s, since_s).read()
