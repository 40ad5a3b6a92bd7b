"""Ctrl-C: an exception where nothing is at stake, a flag that is looked at where a run is under way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """
    Whether the user wants an end.

    Python raises ``KeyboardInterrupt`` wherever the main thread happens to be. In the callback of a weak reference it
    is printed and lost, and a run whose threads have just begun makes such calls (of every thread that ends); in the
    middle of a lock's own code it comes out as a ``RuntimeError``. The one makes a run go on that was told to end, the
    other takes from it what it had learned. A flag can't be lost.
    """

    def __init__(self) -> None:
        self._wanted = False
        self._held = False

    def wanted(self) -> bool:
        """Whether Ctrl-C was pressed since this process began, or what stands for it."""
        return self._wanted

    def strike(self, number: int, frame: FrameType | None) -> None:
        """A signal handler. Raises KeyboardInterrupt, except where `held`."""
        self._wanted = True
        if not self._held:
            raise KeyboardInterrupt

    @contextmanager
    def heeding(self, number: signal.Signals) -> Iterator[None]:
        """Meanwhile the signal *number* is ours; not where it is ignored, as in what ``nohup`` and ``&`` start."""
        main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(number) if main else signal.SIG_IGN
        if before in (signal.SIG_IGN, None):
            yield
            return
        signal.signal(number, self.strike)
        try:
            yield
        finally:
            signal.signal(number, before)

    @contextmanager
    def held(self) -> Iterator[Callable[[], bool]]:
        """Meanwhile nothing is raised: for what asks `wanted`, which it yields, and for what must not end halfway."""
        before, self._held = self._held, True
        try:
            yield self.wanted
        finally:
            self._held = before
