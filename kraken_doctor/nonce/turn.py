"""The right to have a request in flight on a key, inside one process."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

HOLD_S = 0.05
"""
How long a lock may stay where it is while others wait: with the thread that asks again and again, and with the
process whose threads pass it on. Moving it costs a tenth of a quick call; a call to Kraken takes this long anyway, so
with a real exchange the order is that of asking.
"""


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
    A lock that a thread may take again at once, until somebody has waited for it for *patience_s* seconds.

    `threading.Lock` gives no order: a thread that releases and asks again at once can win for ever, and the others'
    calls time out although the exchange answers quickly. Handing it over at each release would be as fair as can be,
    but every call would wait for a change of threads. So a free lock goes to whoever asks, as long as the first in the
    queue has patience; then it is handed over in the order of asking.
    """

    def __init__(self, patience_s: float = HOLD_S) -> None:
        self._patience_s = patience_s
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[_Place] = deque()
        self._woken: _Place | None = None
        """Has been told that the lock is free, and has not looked yet: one is enough."""

    def acquire(self, timeout_s: float) -> bool:
        """Wait for the lock, *timeout_s* seconds at most; False if it was not ours in time."""
        with self._guard:
            if not self._held:
                self._held = True
                return True
            place = _Place()
            self._waiting.append(place)
        end = place.since + timeout_s
        try:
            while place.bell.acquire(timeout=max(0.0, end - time.monotonic())):
                if self._won(place, stay=True):
                    return True
        except BaseException:
            # Ctrl-C while waiting: a place left in the queue would be handed the lock and keep it.
            if self._won(place, stay=False):
                self.release()
            raise
        return self._won(place, stay=False)

    def release(self) -> None:
        """Free the lock, or hand it to whoever has waited too long."""
        if not self._pass_on():
            with self._guard:
                self._free()

    def _pass_on(self) -> bool:
        """Let those who wait have the lock; False, and it stays with us, if nobody waits."""
        with self._guard:
            if not self._waiting:
                return False
            first = self._waiting[0]
            if time.monotonic() - first.since >= self._patience_s:
                self._waiting.popleft()
                first.handed = True
                first.ring()
            else:
                self._free()
            return True

    def _free(self) -> None:
        """Let whoever comes have it, and tell the first in the queue; under the guard."""
        self._held = False
        if self._waiting and self._woken is None:
            self._woken = self._waiting[0]
            self._woken.ring()

    def _won(self, place: _Place, *, stay: bool) -> bool:
        """
        Whether the lock is ours; if not, stay in the queue or leave it.

        Who leaves takes a lock that is free all the same: it may have been left free for him alone.
        """
        with self._guard:
            if self._woken is place:
                self._woken = None
            if place.handed:
                return True
            if self._held and stay:
                return False
            self._waiting.remove(place)
            won = not self._held
            self._held = True
            return won


class _Place:
    """A place in the queue."""

    __slots__ = ("bell", "handed", "since")

    def __init__(self) -> None:
        self.bell = threading.Lock()
        self.bell.acquire()
        self.handed = False
        """The lock is ours, and nobody else's; read and written under the guard."""
        self.since = time.monotonic()

    def ring(self) -> None:
        """Wake who waits; under the guard. Twice does no harm."""
        if self.bell.locked():
            self.bell.release()


class Relay(FairLock):
    """
    A lock of this process's threads, and behind it an outer one that they pass on among themselves.

    The thread in front holds the outer lock for all of them: handing it on costs microseconds, where giving back
    and taking a lock of the file system or of a server costs a hundred and more. After `HOLD_S` it is given back all
    the same, so that other processes get their turn.

    Args:
        take: Takes the outer lock, waiting at most so many seconds; raises if it can't.
        give_back: Frees it; must not raise.
    """

    def __init__(self, take: Callable[[float], None], give_back: Callable[[], None]) -> None:
        super().__init__()
        self._take = take
        self._give_back = give_back
        self._held_since: float | None = None

    def acquire(self, timeout_s: float) -> bool:
        """
        Wait for both, *timeout_s* seconds at most; False if it was not our turn in time.

        Raises:
            Exception: What *take* raises; then nothing is held.
        """
        end = time.monotonic() + timeout_s
        if not super().acquire(timeout_s):
            return False
        try:
            if self._held_since is None:
                self._take(max(0.0, end - time.monotonic()))
                self._held_since = time.monotonic()
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Hand on to the next thread, or to the next process."""
        if self._held_since is not None:
            held_s = time.monotonic() - self._held_since
            if held_s <= HOLD_S and self._pass_on():
                return
            self.drop()
            self._give_back()
        super().release()

    def drop(self) -> None:
        """The outer lock is gone: whoever comes next takes it anew. For the one who is in."""
        self._held_since = None
