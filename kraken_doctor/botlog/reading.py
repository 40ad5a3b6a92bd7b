"""
A log of any size, read in blocks, as entries: a line, and the lines that belong to it.

A traceback of fifty lines, a page that came in place of an answer, and an object that Node prints over twenty lines are
one entry each: what they say, and about which host, stands in different lines. Memory is one block and one entry,
whatever the file holds; a line longer than the bound is read in pieces.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar

from kraken_doctor.botlog.prefilter import Finder, finder, patterns, words
from kraken_doctor.botlog.timestamps import Timestamps

T = TypeVar("T")
BLOCK_BYTES = 1 << 20
HEAD_BYTES = 300
"""Of a line: its time, its level, and which thread wrote it."""
SHOWN_BYTES = 12_000
"""Of one entry: half from where it begins to speak, and its end. Chained tracebacks of aiohttp and ccxt take 10 KB."""
BEGINNING_BYTES = 8_000
"""Of a log: in which a bot says what it is."""
_LINES = 200
"""Of one entry, and how far a line without a time may be from the one that has it."""
_FEW_LINES = 3
"""Fewer in one JSON string are an error and what it quotes."""

ROUND_TRIP_S = 0.01
"""Shorter than a call to an exchange across the internet, TLS and its own work included."""

PREFIX = words()["shorthands"]["<prefix>"]
"""What docker compose, journald, syslog and Kubernetes put before each line, those of a traceback included."""

_CONTINUED, _EXCEPTION, _DOTTED, _INDENTED, _FRAMES = (
    re.compile(pattern.encode()) for pattern in patterns("lines").values()
)


@dataclass(slots=True)  # not frozen: that makes each of a million cost twice as much
class Entry:
    """A line that may say something, with the lines that belong to it."""

    at: float | None
    """Seconds since 1970 by the log's own clock; that of an earlier line where this one has none."""
    stamped: bool
    """Whether it carries the time itself."""
    text: str
    """Without the time: the same error is the same text, and is recognised once."""
    line: int = 0
    """The number of its first line, from 1."""
    zoned: bool = True
    """Whether its time says which zone it is in."""
    head: str = ""
    """The beginning of the line that has the time, for an entry that has none itself."""
    again: tuple[float, ...] = ()
    """When it came again, byte for byte but for the time, with nothing between."""


@dataclass
class ReadRange:
    """How much was read, and from when to when."""

    lines: int = 0
    bytes: int = 0
    first: float | None = None
    last: float | None = None
    broken: str = ""
    """Why it could not be read to its end; empty when it was."""

    def saw(self, at: float | None) -> None:
        """Widen it to a time that stands in the log; the last is the last line's, also where the clock was put back."""
        if at is not None:
            self.first = at if self.first is None else min(self.first, at)
            self.last = at


@dataclass
class Reader:
    """One log; its entries once, in order."""

    stream: BinaryIO
    now_s: float
    find: Finder = field(default_factory=finder)
    extent: ReadRange = field(default_factory=ReadRange)
    beginning: bytes = b""
    """The first block: which client writes here is said in its first lines, if anywhere."""
    _times: Timestamps = field(init=False)
    _at: float | None = None
    _head: bytes = b""
    _rest: bytes = b""
    """What was read and may go on: the last entry."""
    _margin: bytes = b""
    """The blanks before each line of a log that was quoted in a page."""

    def __post_init__(self) -> None:
        self._times = Timestamps(self.now_s)

    def entries(self, *, to_the_end: bool = True) -> Iterator[Entry]:
        """
        Yield the entries that may say something, from where the last call ended.

        Args:
            to_the_end: Take the last entry for complete. A log that is still written may go on with it.

        Raises:
            OSError: The file can't be read on.
            EOFError: A compressed file is cut off.
        """
        while (read := self._bare(self.stream.read(BLOCK_BYTES))) or (self._rest and to_the_end):
            block = self._rest + read if self._rest else read
            if not self.extent.bytes:
                self.beginning = block[:BEGINNING_BYTES]
            end = _last_entry(block) if read else len(block)
            block, self._rest = (block[:end], block[end:]) if end < len(block) else (block, b"")
            if not block:
                continue
            self._times.look_at(block)
            if not self.extent.bytes:
                self.extent.saw(self._first_time(block))
            yield from together(self._of_block(block))
            self.extent.lines += block.count(b"\n") + (not block.endswith(b"\n"))
            self.extent.bytes += len(block)
            self._look_back(block, len(block), 0)
            self.extent.saw(self._at)

    def _bare(self, read: bytes) -> bytes:
        """Take off what is around a whole log: a margin, and the escapes of JSON where all of it is one string."""
        if not (self.extent.bytes or self._rest):
            lines = [line for line in read[:BEGINNING_BYTES].splitlines() if line.strip()]
            self._margin = min((line[: len(line) - len(line.lstrip())] for line in lines), key=len, default=b"")
            if len(lines) == 1 and read.count(b"\\n") >= _FEW_LINES:
                return read.replace(b"\\n", b"\n").replace(b'\\"', b'"')
        # One that the edge of a block cuts stays: a line in a million bytes.
        return (b"\n" + read).replace(b"\n" + self._margin, b"\n")[1:] if self._margin else read

    def _of_block(self, block: bytes) -> Iterator[Entry]:
        passed, counted, line, next_place = 0, 0, self.extent.lines + 1, self.find(block)
        while (hit := next_place(passed)) >= 0:
            start = _beginning(block, hit, passed)
            stop = _ending(block, hit)
            stamp = self._stamp(block, start)
            if not stamp:
                # Between this entry and the one before it there may be a time that had nothing to say.
                self._look_back(block, start, passed)
            line += block.count(b"\n", counted, start)
            entry = Entry(self._at, stamp, "", line, self._times.zoned)
            entry.text = _shown(block, start, hit, stop).decode(errors="replace")
            if not stamp:
                entry.head = self._head.partition(b"\n")[0].decode(errors="replace")
            elif start + (span := self._times.span)[1] <= hit:
                entry.text = entry.text[: span[0]] + entry.text[span[1] :]
                entry.again = self._again(block, start, stop)
            counted, passed = start, stop + len(entry.again) * (stop - start)
            yield entry

    def _stamp(self, block: bytes, start: int) -> bool:
        """Return whether the line at *start* has a time; it is the log's time from there on."""
        at = self._times.time_at(block, start)
        if at is not None:
            self._at, self._head = at, block[start : start + HEAD_BYTES]
        return at is not None

    def _again(self, block: bytes, start: int, stop: int) -> tuple[float, ...]:
        """Return the times at which the entry from *start* to *stop* follows again."""
        times, span, size, last = self._times, self._times.span, stop - start, self._at or 0.0
        again, seconds = list[float](), dict[bytes, float]()  # by how they are written: most minutes have the same ones
        rest = block[start + span[1] : stop]
        while block.startswith(rest, stop + span[1]):
            minute, minute_s, _ = times.minute
            second = block[stop + len(minute) : stop + span[1]] if block.startswith(minute, stop) else b""
            at = minute_s + seconds[second] if second and second in seconds else times.time_at(block, stop)
            if at is None or at - last <= ROUND_TRIP_S or span != times.span or span[0]:
                break
            seconds[second] = at - minute_s
            again.append(at)
            last, stop = at, stop + size
        if again:
            times.time_at(block, stop - size)  # what it says of its line is about the last one
        # What is set in below the last one belongs to it alone.
        if again and stop < len(block) and not _opens(block, stop):
            again.pop()
        self._at = (self._at, *again)[-1]
        return tuple(again)

    def _look_back(self, block: bytes, end: int, not_before: int) -> None:
        """Take the time of the nearest line above *end* that has one, within bounds."""
        for _ in range(_LINES):
            if end <= not_before:
                return
            start = max(block.rfind(b"\n", not_before, end - 1) + 1, not_before)
            if self._stamp(block, start):
                return
            end = start

    def _first_time(self, block: bytes) -> float | None:
        starts = (line.start() for line in itertools.islice(re.finditer(rb"^", block, re.MULTILINE), _LINES))
        return self._at if any(self._stamp(block, start) for start in starts) else None


def together(items: Iterator[T]) -> Iterator[T]:
    """Return *items*, made some hundreds at a time: one kind of work after the other takes a quarter less time."""
    return itertools.chain.from_iterable(iter(lambda: list(itertools.islice(items, 512)), []))


def _beginning(block: bytes, hit: int, not_before: int) -> int:
    """Return where the entry begins that *hit* is in."""
    start = max(block.rfind(b"\n", not_before, hit) + 1, not_before)
    for _ in range(_LINES):
        above = max(block.rfind(b"\n", not_before, max(start - 1, not_before)) + 1, not_before)
        if start <= not_before or not _belongs(block, start, above):
            break
        start = above
    return start


def _ending(block: bytes, hit: int) -> int:
    """Return where it ends: the beginning of the first line that does not belong to it."""
    above = block.rfind(b"\n", 0, hit) + 1
    start = block.find(b"\n", hit) + 1
    for _ in range(_LINES):
        if not 0 < start < len(block) or not _belongs(block, start, above):
            break
        # A traceback's frames at once, in compiled code.
        frames = _FRAMES.match(block, start)
        after = frames.end() if frames else 0
        if after > start:
            above, start = block.rfind(b"\n", 0, after - 1) + 1, after
        else:
            above, start = start, block.find(b"\n", start) + 1
    return start or len(block)


def _belongs(block: bytes, start: int, above: int) -> bool:
    """Return whether the line at *start* belongs to the one at *above*, which stands right before it."""
    if _opens(block, start):
        return False
    if _CONTINUED.match(block, start, _end(block, start)):
        return True
    if not _EXCEPTION.match(block, start, _end(block, start)):
        return False
    if _INDENTED.match(block, above, _end(block, above)):
        return True
    dotted = _DOTTED.match(block, start, _end(block, start))
    return dotted is not None and not _EXCEPTION.match(block, above, _end(block, above))


def _opens(block: bytes, start: int) -> bool:
    """2026-11-23 12:00:00, as most entries begin."""
    return block[start + 4 : start + 11 : 6] == b"- " and block[start : start + 1].isdigit()


def _end(block: bytes, start: int) -> int:
    end = block.find(b"\n", start, start + HEAD_BYTES)
    return start + HEAD_BYTES if end < 0 else end


def _last_entry(block: bytes) -> int:
    """Return where the last entry of *block* begins, which the next block may go on with."""
    end = block.rfind(b"\n")
    if end < 0 or len(block) > 2 * BLOCK_BYTES:
        return len(block) if len(block) >= BLOCK_BYTES else 0
    start = block.rfind(b"\n", 0, end) + 1
    return _beginning(block, start, max(0, min(start, end - BLOCK_BYTES // 2)))


def _shown(block: bytes, start: int, hit: int, stop: int) -> bytes:
    if stop - start <= SHOWN_BYTES:
        return block[start:stop]
    half = SHOWN_BYTES // 2
    first = start if hit - start < half // 2 else hit - half // 2
    return block[first : first + half] + b"\n" + block[max(stop - half, first + half) : stop]
