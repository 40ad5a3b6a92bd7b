"""Who gets a lock of this process, and of several."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kraken_doctor.nonce.turn import FairLock, HandoffLock, Turn, Waiter


def taken(lock: FairLock, timeout_s: float = 0) -> Waiter:
    """The lock, for this thread."""
    waiter = Waiter(Turn())
    assert lock.acquire(waiter, timeout_s)
    return waiter


def start_waiting(lock: FairLock, timeout_s: float, got: list[object], name: object) -> threading.Thread:
    """A thread that asks for *lock*, and frees it; returns once it is in the queue."""

    def wait() -> None:
        waiter = Waiter(Turn())
        got.append(name if lock.acquire(waiter, timeout_s) else None)
        lock.release(waiter)

    before = len(lock._waiting)
    thread = threading.Thread(target=wait)
    thread.start()
    while len(lock._waiting) == before and thread.is_alive():
        pass
    return thread


def test_order_of_asking_is_order_of_getting() -> None:
    """First come, first served."""
    lock, got = FairLock(patience_s=0), list[object]()
    mine = taken(lock)
    waiting = [start_waiting(lock, 10, got, number) for number in range(4)]
    lock.release(mine)
    for thread in waiting:
        thread.join()
    assert got == [0, 1, 2, 3]
    taken(lock)


def test_who_gave_up_is_passed_over() -> None:
    """A waiter whose time ran out is not handed the lock."""
    lock, got = FairLock(patience_s=0), list[object]()
    mine = taken(lock)
    impatient = start_waiting(lock, 0.01, got, "impatient")
    impatient.join()
    patient = start_waiting(lock, 10, got, "patient")
    lock.release(mine)
    patient.join()
    assert got == [None, "patient"]


def test_ctrl_c_while_waiting_leaves_no_ticket_behind() -> None:
    """Otherwise the lock would be handed to somebody who has left, and nobody would get it again."""
    lock = FairLock(patience_s=0)
    with ThreadPoolExecutor(1) as another:
        other = another.submit(taken, lock).result()
    # On Windows os.kill would end this process, and what is raised in a thread interrupts no wait.
    press, argument = (signal.raise_signal, ()) if sys.platform == "win32" else (os.kill, (os.getpid(),))
    threading.Timer(0.05, press, (*argument, signal.SIGINT)).start()
    waiter = Waiter(Turn())
    with pytest.raises(KeyboardInterrupt):
        lock.acquire(waiter, 10)
    lock.release(waiter)
    lock.release(other)
    assert not lock._waiting
    taken(lock)


def test_a_free_lock_may_be_taken_again_until_somebody_loses_patience() -> None:
    """Otherwise each quick call would wait for a change of threads, or a slow thread would wait for ever."""
    lock, got = FairLock(patience_s=3600), list[object]()
    mine = taken(lock)
    waiting = start_waiting(lock, 10, got, "patient")
    again = 0
    while waiting.is_alive():
        lock.release(mine)
        again += lock.acquire(mine := Waiter(Turn()), 10) and waiting.is_alive()
        if again == 100:
            lock.release(mine)
            waiting.join()
    assert got == ["patient"]


def test_who_has_lost_patience_is_handed_the_lock() -> None:
    """Whoever asks at once does not get it before."""
    lock, got = FairLock(patience_s=0), list[object]()
    mine = taken(lock)
    waiting = start_waiting(lock, 10, got, "patient")
    lock.release(mine)
    mine = taken(lock, 10)
    assert got == ["patient"]
    lock.release(mine)
    waiting.join()


class Bell:
    """What wakes a waiter, and counts."""

    def __init__(self) -> None:
        self.rung = 0
        self._lock = threading.Lock()
        self._lock.acquire()
        self.acquire, self.locked = self._lock.acquire, self._lock.locked

    def release(self) -> None:
        self.rung += 1
        self._lock.release()


def test_who_was_woken_in_vain_looks_for_itself() -> None:
    """Waking it would take the interpreter from the one that calls; free for good, the lock is found all the same."""
    looking, got = None, list[str]()
    while looking is None:  # it may have been quicker, and got the lock
        lock, mine = FairLock(patience_s=3600), Waiter(Turn())
        assert lock.acquire(mine, 0)
        bell = Bell()

        def wait(lock: FairLock = lock, bell: Bell = bell) -> None:
            waiter = Waiter(Turn())
            waiter.wakeup = bell  # type: ignore[assignment]
            lock.acquire(waiter, 60)
            got.append("found")
            lock.release(waiter)

        thread = threading.Thread(target=wait)
        thread.start()
        while not lock._waiting:
            pass
        first = lock._waiting[0]
        while thread.is_alive() and not first.looks:
            lock.release(mine)
            lock.acquire(mine := Waiter(Turn()), 10)
        while thread.is_alive() and not bell.locked():  # until it has heard what it was told before
            pass
        rung = bell.rung
        for _ in range(20):
            lock.release(mine)
            lock.acquire(mine := Waiter(Turn()), 10)
        looking = first if first in lock._waiting else None
        assert bell.rung == rung
        lock.release(mine)
        thread.join()
    assert got[-1] == "found"


def test_many_threads_none_lost_none_together() -> None:
    """With and without patience, with waiters that give up: one holder at a time, and the lock is free in the end."""
    for patience_s in (0, 0.001, 3600):
        lock, inside, most, entries = FairLock(patience_s), 0, 0, 0

        def work(number: int, lock: FairLock = lock) -> None:
            nonlocal inside, most, entries
            for _ in range(300):
                waiter = Waiter(Turn())
                if lock.acquire(waiter, 10 if number % 2 else 0.0001):
                    inside += 1
                    most, entries = max(most, inside), entries + 1
                    inside -= 1
                lock.release(waiter)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == 1
        assert entries >= 4 * 300
        assert not lock._waiting
        taken(lock)


def test_relay_gives_the_outer_lock_back_when_the_last_waiter_has_left() -> None:
    """Kept for a thread that no longer waits, it would shut out every other process."""
    events: list[str] = []
    relay, got = HandoffLock(lambda *_: events.append("take"), lambda: events.append("give back")), list[object]()
    mine = taken(relay)
    start_waiting(relay, 0.01, got, "impatient").join()
    relay.release(mine)
    assert got == [None]
    assert events == ["take", "give back"]


def test_relay_tells_when_it_hands_on() -> None:
    """Before the next thread has its turn; and not when the outer lock is given back."""
    events: list[str] = []
    got: list[object] = []
    relay = HandoffLock(lambda *_: None, lambda: events.append("give back"), lambda _: events.append("hand on"))
    mine = taken(relay)
    waiting = start_waiting(relay, 10, got, "next")
    relay.release(mine)
    waiting.join()
    assert got == ["next"]
    assert events == ["hand on", "give back"]


def test_relay_whose_outer_lock_fails_is_free() -> None:
    """The error reaches the caller, and the next one may try."""

    def fail(_: float, _turn: Turn) -> None:
        raise OSError("no")

    relay = HandoffLock(fail, lambda: None)
    for _ in range(2):
        waiter = Waiter(Turn())
        with pytest.raises(OSError, match="no"):
            relay.acquire(waiter, 0)
        relay.release(waiter)
