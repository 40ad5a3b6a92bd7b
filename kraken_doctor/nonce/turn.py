"""The right to have a request in flight on a key, inside one process."""

from __future__ import annotations

import io
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Protocol, cast

from kraken_doctor.errors import TurnHeldError, TurnTimeoutError

HOLD_S = 0.05
"""
How long a lock may stay where it is while others wait: with the thread that asks again and again, and with the
process whose threads pass it on. Moving it costs a tenth of a quick call; a call to Kraken takes this long anyway, so
with a real exchange the order is that of asking.
"""

_IN_VAIN = 3
"""So often in a row may somebody new be quicker than who was woken; then those who wait look for themselves."""

_LOOK_S = 0.005
"""Between two such looks: what is lost once where nobody new comes, and a quick call takes a fifth of it."""

_UNINTERRUPTED_S = 0.5 if sys.platform == "win32" else threading.TIMEOUT_MAX
"""Longest wait at a time, in seconds: Windows calls no signal handler while a lock is waited for, so Ctrl-C would do
nothing until the turn is free."""


class NonceSource(Protocol):
    """The part of a nonce generator that a turn needs."""

    def next(self) -> int:
        """Return a nonce larger than every one before it."""

    def floor(self) -> int:
        """Return the least that the next nonce may be: the wall clock in ticks."""

    def possible(self, nonce: int) -> bool:
        """Return whether a nonce that a store gave can be one, see `marks.possible`."""


class Turn:
    """What the holder of a key's turn has in hand."""

    def next(self, generator: NonceSource) -> int:
        """Return the next nonce of *generator*, whose turn this is; see there for the errors."""
        return generator.next()

    def confirm(self) -> None:
        """
        Make sure that the turn is still ours; for whoever did not take the nonce from `next`.

        Raises:
            TurnLostError: It is not (a lease ran out), so nothing may be sent.
        """


def hold(lock: FairLock, key_id: str, timeout_s: float, turn: Turn) -> AbstractContextManager[Turn]:
    """
    Return a context in which this thread holds *lock*, and has *turn*.

    A signal handler may raise between any two steps, in the ones that take and free the lock too: wherever it does, the
    lock is free when the exception has left the ``with`` statement.

    Raises:
        TurnTimeoutError: It was not free within *timeout_s* seconds.
        TurnHeldError: This very thread holds it.
    """
    return cast("AbstractContextManager[Turn]", _Hold(_holding(lock, key_id, timeout_s, turn)))


class _Hold(io.IOBase):
    """
    Enters and leaves a generator.

    ``__exit__`` of `contextlib`, as of every class in Python, can be interrupted before its first statement; then
    nobody frees the lock. IOBase has one in C that calls ``close``, and a generator's goes on inside its ``try``.
    """

    def __init__(self, steps: Generator[Turn]) -> None:
        self._steps = steps
        self.close = steps.close  # type: ignore[method-assign]

    def __enter__(self) -> Turn:  # type: ignore[override]
        try:
            return next(self._steps)
        except BaseException:
            self.close()  # interrupted with the lock in hand
            raise


def _holding(lock: FairLock, key_id: str, timeout_s: float, turn: Turn) -> Generator[Turn]:
    waiter = Waiter(turn)
    try:
        if not lock.acquire(waiter, timeout_s):
            raise TurnTimeoutError(f"key {key_id}: another request was in flight for {timeout_s:g} s")
        yield turn
    finally:
        try:
            lock.release(waiter)
        except BaseException:
            try:
                lock.release(waiter)  # interrupted: again
            finally:
                lock.release(waiter)
            raise


class FairLock:
    """
    A lock that a thread may take again at once, until somebody has waited for it for *patience_s* seconds.

    `threading.Lock` gives no order: a thread that releases and asks again at once can win for ever, and the others'
    calls time out although the exchange answers quickly. Handing it over at each release would be as fair as can be,
    but every call would wait for a change of threads. So a free lock goes to whoever asks, as long as the first in the
    queue has patience; then it is handed over in the order of asking.

    Each step is one assignment, and can be done again: a signal handler may raise between any two.
    """

    def __init__(self, patience_s: float = HOLD_S) -> None:
        self._patience_s = patience_s
        self._guard = threading.RLock()  # reentrant, so that a signal handler does not wait for what it interrupted
        self._holder: Waiter | None = None
        """Whose the lock is; handed over, the holder may still stand in the queue, and not know it yet."""
        self._waiting: deque[Waiter] = deque()
        self._in_vain = 0
        """How often in a row somebody new has had the lock before those who wait."""

    def acquire(self, waiter: Waiter, timeout_s: float) -> bool:
        """
        Wait for the lock, *timeout_s* seconds at most; False if it was not ours in time.

        Whatever comes of it, the caller calls `release`.

        Raises:
            TurnHeldError: This thread has it or waits for it, so that waiting would never end.
        """
        # A signal handler that interrupted a step of this lock: the RLock would let it in, half-way through a change.
        if self._guard._is_owned():  # type: ignore[attr-defined] # noqa: SLF001 - as threading.Condition does
            raise TurnHeldError(HELD)
        with self._guard:
            if self._holder is None:
                self._in_vain = self._in_vain + 1 if self._waiting else 0
                self._holder = waiter
                return True
            # Who would have to let go is the one that asks: it would wait for its whole timeout.
            if any(other.thread is waiter.thread for other in (self._holder, *self._waiting)):
                raise TurnHeldError(HELD)
            self._waiting.append(waiter)
        end = waiter.since + timeout_s
        while True:
            left_s = end - time.monotonic()
            longest_s = _LOOK_S if waiter.looks else _UNINTERRUPTED_S
            woken = waiter.wakeup.acquire(timeout=max(0.0, min(left_s, longest_s)))
            # Woken is not yet ours: the lock was freed for whoever comes first, and a running thread may have been.
            with self._guard:
                if self._holder is None:
                    self._holder = waiter
                if self._holder is waiter or not (woken or left_s > longest_s):
                    self._in_vain = 0
                    self._waiting.remove(waiter)
                    return self._holder is waiter
                # Who wakes up wants the interpreter, and takes it from the one that calls: a fifth of a quick call.
                waiter.looks = self._in_vain >= _IN_VAIN

    def release(self, waiter: Waiter) -> None:
        """Free the lock, hand it to whoever has waited too long, or leave the queue; nothing the second time."""
        self._pass_on(waiter, to_nobody=True)

    def if_free(self, action: Callable[[], None]) -> None:
        """Do *action* where nobody holds the lock; nobody takes it meanwhile."""
        with self._guard:
            if self._holder is None:
                action()

    def _pass_on(self, waiter: Waiter, *, to_nobody: bool = False) -> bool:
        """Let those who wait have the lock; False, and it stays ours, if nobody waits."""
        with self._guard:
            if self._is_ours(waiter):
                if not self._waiting and not to_nobody:
                    return False
                first = self._waiting[0] if self._waiting else None
                tired = first is not None and time.monotonic() - first.since >= self._patience_s
                self._holder = first if tired else None
            if self._waiting and self._holder in (None, self._waiting[0]):
                wakeup = self._waiting[0].wakeup
                looks = self._holder is None and self._waiting[0].looks
                if wakeup.locked() and not looks:  # twice does no harm
                    wakeup.release()
            return True

    def _is_ours(self, waiter: Waiter) -> bool:
        """Leave the queue, and say whether the lock is ours."""
        with self._guard:
            if waiter in self._waiting:
                # Who leaves takes a lock that is free all the same: it may have been left free for him alone.
                if self._holder is None:
                    self._holder = waiter
                self._waiting.remove(waiter)
            return self._holder is waiter


class Waiter:
    """One caller that has the lock or waits for it."""

    __slots__ = ("looks", "since", "thread", "turn", "wakeup")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.thread = threading.current_thread()
        self.wakeup = threading.Lock()
        self.wakeup.acquire()
        self.since = time.monotonic()
        self.looks = False
        """Whether it looks for itself from time to time, and need not be woken for a lock that is free for all."""


class HandoffLock(FairLock):
    """
    A lock of this process's threads, and behind it an outer one that they pass on among themselves.

    The thread in front holds the outer lock for all of them: handing it on costs microseconds, where giving back
    and taking a lock of the file system or of a server costs a hundred and more. After `HOLD_S` it is given back all
    the same, so that other processes get their turn.

    Args:
        take: Takes the outer lock for a turn, waiting at most so many seconds; `TimeoutError` if it was not free.
        give_back: Frees it, whether it was taken or not; must not raise.
        hand_on: Called with the turn of a thread after which another of this process has its own; must not raise.
    """

    def __init__(
        self,
        take: Callable[[float, Turn], None],
        give_back: Callable[[], None],
        hand_on: Callable[[Turn], None] = lambda _turn: None,
    ) -> None:
        super().__init__()
        self._hand_on = hand_on
        self._take = take
        self._give_back = give_back
        self._held_since: float | None = None

    def acquire(self, waiter: Waiter, timeout_s: float) -> bool:
        """
        Wait for both, *timeout_s* seconds at most; False if it was not our turn in time.

        Raises:
            Exception: What *take* raises.
        """
        end = time.monotonic() + timeout_s
        if not super().acquire(waiter, timeout_s):
            return False
        if self._held_since is None:
            self._held_since = -math.inf  # whether it gets as far or not: to be given back
            try:
                self._take(max(0.0, end - time.monotonic()), waiter.turn)
            except TimeoutError:
                return False
            self._held_since = time.monotonic()
        return True

    def release(self, waiter: Waiter) -> None:
        """Hand on to the next thread, or to the next process."""
        if self._is_ours(waiter) and self._held_since is not None:
            # Handing on for longer would keep other processes out for as long as this one has threads that call.
            held_s = time.monotonic() - self._held_since
            if self._waiting and held_s <= HOLD_S:
                self._hand_on(waiter.turn)
                if self._pass_on(waiter):
                    return
            self._give_back()
            self.drop()
        super().release(waiter)

    def drop(self) -> None:
        """The outer lock is gone: whoever comes next takes it anew. For the one who is in."""
        self._held_since = None


HELD = "another request of this key is in flight in this thread or task: a signal handler or hook calls inside a call"
