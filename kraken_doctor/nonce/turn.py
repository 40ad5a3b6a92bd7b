"""The right to have a request in flight on a key, inside one process."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

HOLD_S = 0.05
"""How long threads of one process may pass a lock among themselves before other processes get a chance."""


class Generator(Protocol):
    """The part of a nonce generator that a turn needs."""

    def next(self) -> int:
        """A nonce larger than every one before it."""

    def floor(self) -> int:
        """The least that the next nonce may be: the wall clock in ticks."""


class Turn:
    """What the holder of a key's turn has in hand."""

    def next(self, generator: Generator) -> int:
        """The next nonce of *generator*, whose turn this is; see there for the errors."""
        return generator.next()

    def confirm(self) -> None:
        """
        Make sure that the turn is still ours; for whoever did not take the nonce from `next`.

        Raises:
            TurnLostError: It is not (a lease ran out), so nothing may be sent.
        """


class FairLock:
    """
    A lock that is handed over in the order of asking.

    `threading.Lock` gives no order: a thread that releases and asks again at once can win for ever, and
    the others' calls time out although the exchange answers quickly.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def contended(self) -> bool:
        """Whether somebody waits right now; stale as soon as it is read."""
        return bool(self._waiting)

    def acquire(self, timeout_s: float) -> bool:
        """Wait for the lock, *timeout_s* seconds at most; False if it was not handed over in time."""
        with self._guard:
            if not self._held:
                self._held = True
                return True
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        try:
            if ticket.acquire(timeout=timeout_s):
                return True
        except BaseException:
            # Ctrl-C while waiting: a ticket left in the queue would be handed the lock and keep it.
            if not self._withdraw(ticket):
                self.release()
            raise
        return not self._withdraw(ticket)

    def release(self) -> None:
        """Hand the lock to whoever has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def _withdraw(self, ticket: threading.Lock) -> bool:
        """Leave the queue; False if the lock was handed over just before."""
        with self._guard:
            try:
                self._waiting.remove(ticket)
            except ValueError:
                return False
            return True


class Relay:
    """
    An outer lock that the threads of one process pass on among themselves.

    Threads queue in order, and the one in front holds the outer lock for all of them: handing it on costs
    microseconds, where giving back and taking a lock of the file system or of a server costs a hundred and more.
    After `HOLD_S` it is given back all the same, so that other processes get their turn.

    Args:
        take: Takes the outer lock, waiting at most so many seconds; raises if it can't.
        give_back: Frees it; must not raise.
    """

    def __init__(self, take: Callable[[float], None], give_back: Callable[[], None]) -> None:
        self._take = take
        self._give_back = give_back
        self._threads = FairLock()
        self._held_since: float | None = None

    def enter(self, timeout_s: float) -> bool:
        """
        Take part, waiting *timeout_s* seconds at most; False if it was not our turn in time.

        Raises:
            Exception: What *take* raises; then nothing is held.
        """
        end = time.monotonic() + timeout_s
        if not self._threads.acquire(timeout_s):
            return False
        try:
            if self._held_since is None:
                self._take(max(0.0, end - time.monotonic()))
                self._held_since = time.monotonic()
        except BaseException:
            self._threads.release()
            raise
        return True

    def leave(self) -> None:
        """Hand on to the next thread, or to the next process."""
        if self._held_since is not None:
            held_s = time.monotonic() - self._held_since
            if not self._threads.contended or held_s > HOLD_S:
                self.drop()
                self._give_back()
        self._threads.release()

    def drop(self) -> None:
        """The outer lock is gone: whoever comes next takes it anew. For the one who is in."""
        self._held_since = None
