"""Logs to stats, patterns and causes; several files as one story, in the order of their times."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from kraken_doctor.botlog.events import Event, parse_event
from kraken_doctor.botlog.patterns import Pattern, patterns
from kraken_doctor.botlog.reading import Reader, ReadRange
from kraken_doctor.botlog.stats import LogStats
from kraken_doctor.botlog.verdict import verdict
from kraken_doctor.model.diagnosis import Diagnosis


@dataclass(frozen=True)
class LogAnalysis:
    """What was read, and what it comes to."""

    extents: tuple[ReadRange, ...]
    """One a file, in the order in which they were given."""
    stats: LogStats
    patterns: tuple[Pattern, ...]
    diagnoses: tuple[Diagnosis, ...]

    @property
    def first(self) -> float | None:
        """The earliest time in any file."""
        return min((extent.first for extent in self.extents if extent.first is not None), default=None)

    @property
    def last(self) -> float | None:
        """The latest."""
        return max((extent.last for extent in self.extents if extent.last is not None), default=None)


def examine(streams: Sequence[BinaryIO], now_s: float) -> LogAnalysis:
    """
    Read *streams* once, to their ends.

    One that breaks off, such as a compressed file without its end, counts as far as it goes; its extent says so.

    Args:
        streams: Binary, one a file.
        now_s: Seconds since 1970, for times that have no year.
    """
    readers = [Reader(stream, now_s) for stream in streams]
    stats = LogStats()
    # Rotated files in any order, and the logs of two programs side by side: the times put them right.
    for event in heapq.merge(*(_events(reader, number) for number, reader in enumerate(readers)), key=_order):
        stats.add(event)
    extents = tuple(reader.extent for reader in readers)
    end = max((extent.last for extent in extents if extent.last is not None), default=None)
    found = patterns(stats, end)
    return LogAnalysis(extents, stats, found, verdict(stats, found, end))


def _events(reader: Reader, source: int) -> Iterator[Event]:
    try:
        for entry in reader.entries():
            event = parse_event(entry, source)
            if event is not None:
                yield event
    except (OSError, EOFError) as exc:
        reader.extent.broken = f"{type(exc).__name__}: {exc}"


def _order(event: Event) -> float:
    return event.at if event.at is not None else 0.0
