"""
A log of any size, read in blocks: what is not about Kraken is passed over at the speed of a search.

Memory is one block and one line, whatever the file holds; a line longer than the bound is read in pieces.
"""

from __future__ import annotations

import functools
import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from kraken_doctor.botlog.moments import moment_of

BLOCK_BYTES = 1 << 20
LINE_BYTES = 1 << 16
HEAD_BYTES = 300
"""Of a line: its time, its level, and which thread wrote it."""
SHOWN_CHARACTERS = 4_000
"""Of one line, around what was found in it; an error with all that wraps it is a tenth of that."""

_LINES_BACK = 200
"""How far a line without a time may be from the one that has it: a traceback is fifty lines."""

# A line without any of these says nothing here. Lower case; each costs one pass over the log, so they are few.
NEEDLES = (
    b"nonce", b"invalid", b"error", b"xception", b"timeout", b"timed out", b"connect", b"gateway", b"/0/private/",
    b"balance", b"openorders", b"addorder", b"cancelorder", b"order placed", b"order created",
    b"start", b"clock", b"time has been", b"version", b"certificate", b"ccxt", b"krakenex",
)  # fmt: skip
_KRAKENS = re.compile(rb"E[A-Z][A-Za-z]{1,12}:")
"""The exchange's own form. Searched in the block as it is: in capitals it is rare, and so is fast to pass over."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that may say something."""

    at: float | None
    """Seconds since 1970 by the log's own clock; that of an earlier line where this one has none."""
    stamped: bool
    """Whether it carries the time itself."""
    text: str
    entry: int = 0
    """Where the line with the time begins, in bytes: the lines of one traceback have it in common."""
    head: str = ""
    """The beginning of that line, for one that has no time itself."""


class _Entry(NamedTuple):
    """A line with a time, and what follows it without one."""

    at: float
    place: int
    head: str


@dataclass
class Extent:
    """How much was read, and from when to when."""

    lines: int = 0
    bytes: int = 0
    first: float | None = None
    last: float | None = None
    broken: str = ""
    """Why it could not be read to its end; empty when it was."""

    def saw(self, at: float | None) -> None:
        """A time that stands in the log."""
        if at is not None:
            self.first = at if self.first is None else min(self.first, at)
            self.last = at if self.last is None else max(self.last, at)


@dataclass
class Reader:
    """One log; its lines once, in order."""

    stream: BinaryIO
    now_s: float
    extent: Extent = field(default_factory=Extent)
    _before: _Entry | None = None
    """The last entry of the block before."""

    def lines(self) -> Iterator[Line]:
        """
        The lines that may say something.

        Raises:
            OSError: The file can't be read on.
            EOFError: A compressed file is cut off.
        """
        while block := self.stream.read(BLOCK_BYTES):
            if not block.endswith(b"\n"):
                block += self.stream.readline(LINE_BYTES)
            self.extent.lines += block.count(b"\n") + (not block.endswith(b"\n"))
            self.extent.bytes += len(block)
            yield from self._of_block(block)
            if self.extent.first is None:
                self.extent.saw(self._first_time(block))
            last = self._entry_before(block, self.extent.bytes - len(block), len(block))
            self._before = last or self._before
            self.extent.saw(last.at if last else None)

    def _of_block(self, block: bytes) -> Iterator[Line]:
        base = self.extent.bytes - len(block)
        last, passed = self._before, 0
        for hit in _hits(block):
            start = block.rfind(b"\n", 0, hit) + 1
            end = block.find(b"\n", hit)
            end = len(block) if end < 0 else end
            at = self._time_at(block, start)
            if at is not None:
                last = _Entry(at, base + start, block[start:end][:HEAD_BYTES].decode(errors="replace"))
            else:
                # Between this line and the one before it there may be one with a time that had nothing to say.
                last = self._entry_before(block, base, start, not_before=passed) or last
            passed = end + 1
            first, stop = start, end
            if end - start > SHOWN_CHARACTERS:
                first, stop = max(start, hit - SHOWN_CHARACTERS // 2), min(end, hit + SHOWN_CHARACTERS // 2)
            text = block[first:stop].decode(errors="replace")
            yield Line(
                last.at if last else None,
                at is not None,
                text,
                last.place if last else base + start,
                last.head if last else "",
            )

    def _time_at(self, block: bytes, start: int) -> float | None:
        end = block.find(b"\n", start, start + SHOWN_CHARACTERS)
        head = block[start : start + SHOWN_CHARACTERS if end < 0 else end]
        return moment_of(head.decode(errors="replace"), self.now_s)

    def _entry_before(self, block: bytes, base: int, end: int, not_before: int = 0) -> _Entry | None:
        """The nearest line above *end* that has a time, within bounds."""
        for _ in range(_LINES_BACK):
            if end <= not_before:
                return None
            start = max(block.rfind(b"\n", not_before, end - 1) + 1, not_before)
            if (at := self._time_at(block, start)) is not None:
                return _Entry(at, base + start, block[start:end][:HEAD_BYTES].decode(errors="replace"))
            end = start
        return None

    def _first_time(self, block: bytes) -> float | None:
        start = 0
        for _ in range(_LINES_BACK):
            if (at := self._time_at(block, start)) is not None:
                return at
            start = block.find(b"\n", start) + 1
            if start == 0:
                return None
        return None


def _hits(block: bytes) -> Iterator[int]:
    """Places of which each lies in another line of *block*, in order: one for each line with a needle in it."""
    lowered = block.lower()
    finders = [functools.partial(lowered.find, needle) for needle in NEEDLES]
    finders.append(functools.partial(_place, block))
    waiting = [(place, number) for number, find in enumerate(finders) if (place := find(0)) >= 0]
    heapq.heapify(waiting)
    while waiting:
        hit = waiting[0][0]
        yield hit
        end = lowered.find(b"\n", hit)
        if end < 0:
            return
        while waiting and waiting[0][0] < end:
            number = waiting[0][1]
            place = finders[number](end)
            if place < 0:
                heapq.heappop(waiting)
            else:
                heapq.heapreplace(waiting, (place, number))


def _place(block: bytes, start: int) -> int:
    match = _KRAKENS.search(block, start)
    return match.start() if match else -1
