"""Ctrl-C and SIGTERM: an exception where nothing is at stake, a flag that is looked at where a run is under way."""

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Ctrl-C; `timeout`, `docker stop` and a cancelled CI job; a terminal that was closed; Ctrl-Break and a closed console
of Windows."""

_AGAIN_S = 0.01


class Interruption:
    """
    Whether the user wants an end.

    Python raises ``KeyboardInterrupt`` wherever the main thread happens to be. In the callback of a weak reference it
    is printed and lost, and a run whose threads have just begun makes such calls (of every thread that ends); in the
    middle of a lock's own code it comes out as a ``RuntimeError``. The one makes a run go on that was told to end, the
    other takes from it what it had learned. A flag can't be lost.

    In the middle of an import it leaves the locks of Python's imports taken, and every thread that imports anything
    then waits for good: there it is put off until the import is over.
    """

    def __init__(self) -> None:
        self._requested = False
        self._deferred = False

    def requested(self) -> bool:
        """Return whether Ctrl-C was pressed since this process began, or another of `ENDINGS` came."""
        return self._requested

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt (as a signal handler), unless `deferred`; an import that is under way ends first."""
        self._requested = True
        if not self._deferred and not _is_importing(frame):
            raise KeyboardInterrupt
        if not self._deferred:
            self.again(number)

    def again(self, number: int = signal.SIGINT) -> None:
        """Call `handle` once more, in a moment: the exception could not be raised, or was lost."""
        # Not a threading.Thread: to start one takes locks, and the main thread may hold them at this very moment.
        _thread.start_new_thread(self._resend, (number,))

    def _resend(self, number: int) -> None:
        time.sleep(_AGAIN_S)
        if signal.getsignal(number) != self.handle:
            return  # the command line has ended
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, number)  # wakes it, whatever it waits in
        else:
            signal.raise_signal(number)

    def installed(self, *names: str) -> AbstractContextManager[None]:
        """Handle these signals meanwhile, but not one that is ignored, as in what ``nohup`` and ``&`` start."""
        return handled(names, self.handle)

    @contextmanager
    def deferred(self, *, unless_requested: bool = False) -> Iterator[Callable[[], bool]]:
        """
        Raise nothing meanwhile: for code that polls `requested`, which is yielded, and for what must not end halfway.

        Args:
            unless_requested: Raise what was put off or lost until now instead: nothing has begun yet.
        """
        before, self._deferred = self._deferred, True
        try:
            if unless_requested and self._requested:
                raise KeyboardInterrupt
            yield self.requested
        finally:
            self._deferred = before


@contextmanager
def handled(names: Iterable[str], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """
    Call *handler* for the signals of these *names* meanwhile.

    Not for one that this system does not have, or that is ignored; in another thread than the main one for none.
    """
    befores = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
                if (before := signal.getsignal(number)) not in (signal.SIG_IGN, None):
                    befores[number] = before
                    signal.signal(number, handler)
        yield
    finally:
        for number, before in befores.items():
            signal.signal(number, before)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
