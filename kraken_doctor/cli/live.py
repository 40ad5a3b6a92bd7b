"""
The live view: what a run does, on stderr, while it does it, and nothing of it left afterwards.

The cursor is never hidden, so that no ending, not even SIGKILL, can leave it hidden; and what is drawn is
erased by the next write, so that a report never stands below half a frame.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Self

from kraken_doctor.doctor.progress import RunTracker
from kraken_doctor.render.progress import lines

if TYPE_CHECKING:
    from kraken_doctor.clock import Clock
    from kraken_doctor.doctor.plan import Plan
    from kraken_doctor.terminal.output import Output

_FRAME_S = 0.2
"""Seconds between frames: times are shown in whole seconds, and a new check is seen at once all the same."""


def live_view(output: Output, clock: Clock) -> AbstractContextManager[LiveView | None]:
    """Return a view of the run on stderr where a person looks at it; elsewhere one that yields None."""
    if not output.shows_progress():
        return nullcontext()
    view = LiveView(clock, output.show_progress, output.stderr_size, unicode=output.stderr_shows_unicode())
    output.suspend_progress = view.suspend
    return view


StatusLines = Callable[[float, int, int], list[str]]
"""Lines at a moment of the monotonic clock, of at most so many cells, and at most so many."""


class LiveView(RunTracker):
    """
    A tracker that draws what it knows, a few times a second, while it is entered.

    Args:
        clock: Where the time comes from.
        write: Puts text on the terminal.
        size: The terminal's columns and lines now; a window may be resized.
        unicode: Whether the terminal shows more than ASCII.
    """

    def __init__(
        self, clock: Clock, write: Callable[[str], None], size: Callable[[], tuple[int, int]], *, unicode: bool = True
    ) -> None:
        super().__init__(clock)
        self._write, self._size, self.unicode = write, size, unicode
        self._drawing = threading.Lock()
        self._height = 0
        self._shown = ""
        self._ended = threading.Event()
        self._status_lines: StatusLines = lambda _now_s, _width, _height: []

    def set_footer(self, status_lines: StatusLines) -> None:
        """From now on show these lines above those of the run, and alone while none is under way."""
        self._status_lines = status_lines

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """The frame is gone while something else is written; the next one stands below that."""
        with self._drawing:
            self._erase()
            yield

    def __enter__(self) -> Self:
        # A daemon: it must not keep a process alive whose main thread has died.
        threading.Thread(target=self._animate, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        with self._drawing:
            self._erase()

    def begin(self, plan: Plan, target: str) -> None:
        super().begin(plan, target)
        self._draw()  # before the first request: an empty screen looks like a hang

    def _animate(self) -> None:
        while not self._ended.wait(_FRAME_S):
            self._draw()

    def _draw(self) -> None:
        with self._drawing:
            if self._ended.is_set():
                return
            known, now_s = self.progress(), self._now()
            # One column is left free: a full line would make some terminals wrap, and the count of lines wrong.
            columns, height = self._size()
            width, room = max(20, columns - 1), max(2, height - 2)
            # A line is left to a round that is under way.
            rows = self._status_lines(now_s, width, room - bool(known.planned))
            if known.planned and len(rows) < room:
                rows += lines(known, now_s, width, room - len(rows), unicode=self.unicode)
            frame = "".join(f"{row}\n" for row in rows)
            if frame != self._shown:
                erasure = self._erasure()
                self._shown, self._height = frame, len(rows)
                self._write(erasure + frame)

    def _erase(self) -> None:
        if self._height:
            self._write(self._erasure())
        self._shown, self._height = "", 0

    def _erasure(self) -> str:
        """To the start of the frame, and everything below it gone; nothing where there is no frame."""
        return f"\r\x1b[{self._height}A\x1b[J" if self._height else ""
