"""Logs to tally, patterns and causes; several files as one story, in the order of their times."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from kraken_doctor.botlog.events import Event, event_of
from kraken_doctor.botlog.patterns import Pattern, patterns
from kraken_doctor.botlog.reading import Extent, Reader
from kraken_doctor.botlog.tally import Tally
from kraken_doctor.botlog.verdict import verdict
from kraken_doctor.model.diagnosis import Diagnosis


@dataclass(frozen=True)
class Findings:
    """What was read, and what it comes to."""

    extents: tuple[Extent, ...]
    """One a file, in the order in which they were given."""
    tally: Tally
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


def examine(streams: Sequence[BinaryIO], now_s: float) -> Findings:
    """
    Read *streams* once, to their ends.

    One that breaks off, such as a compressed file without its end, counts as far as it goes; its extent says so.

    Args:
        streams: Binary, one a file.
        now_s: Seconds since 1970, for times that have no year.
    """
    readers = [Reader(stream, now_s) for stream in streams]
    tally = Tally()
    # Rotated files in any order, and the logs of two programs side by side: the times put them right.
    for event in heapq.merge(*(_events(reader, number) for number, reader in enumerate(readers)), key=_order):
        tally.add(event)
    extents = tuple(reader.extent for reader in readers)
    end = max((extent.last for extent in extents if extent.last is not None), default=None)
    found = patterns(tally, end)
    return Findings(extents, tally, found, verdict(tally, found, end))


def _events(reader: Reader, source: int) -> Iterator[Event]:
    try:
        for line in reader.lines():
            event = event_of(line, source)
            if event is not None:
                yield event
    except (OSError, EOFError) as exc:
        reader.extent.broken = f"{type(exc).__name__}: {exc}"


def _order(event: Event) -> float:
    return event.at if event.at is not None else 0.0
