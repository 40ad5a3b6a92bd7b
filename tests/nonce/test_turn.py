"""Who gets a lock of this process, and of several."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from kraken_doctor.nonce.turn import FairLock, Relay


def start_waiting(lock: FairLock, timeout_s: float, got: list[object], name: object) -> threading.Thread:
    """A thread that asks for *lock*; returns once it is in the queue."""

    def wait() -> None:
        got.append(name if lock.acquire(timeout_s) else None)

    before = len(lock._waiting)
    thread = threading.Thread(target=wait)
    thread.start()
    while len(lock._waiting) == before and thread.is_alive():
        pass
    return thread


def test_order_of_asking_is_order_of_getting() -> None:
    """First come, first served."""
    lock, got = FairLock(patience_s=0), list[object]()
    assert lock.acquire(0)
    waiting = [start_waiting(lock, 10, got, number) for number in range(4)]
    for thread in waiting:
        lock.release()
        thread.join()
    assert got == [0, 1, 2, 3]
    lock.release()
    assert lock.acquire(0)


def test_who_gave_up_is_passed_over() -> None:
    """A waiter whose time ran out is not handed the lock."""
    lock, got = FairLock(patience_s=0), list[object]()
    assert lock.acquire(0)
    impatient = start_waiting(lock, 0.01, got, "impatient")
    impatient.join()
    patient = start_waiting(lock, 10, got, "patient")
    lock.release()
    patient.join()
    assert got == [None, "patient"]


def test_ctrl_c_while_waiting_leaves_no_ticket_behind() -> None:
    """Otherwise the lock would be handed to somebody who has left, and nobody would get it again."""
    lock = FairLock(patience_s=0)
    assert lock.acquire(0)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        lock.acquire(10)
    lock.release()
    assert lock.acquire(0)


def test_a_free_lock_may_be_taken_again_until_somebody_loses_patience() -> None:
    """Otherwise each quick call would wait for a change of threads, or a slow thread would wait for ever."""
    lock, got = FairLock(patience_s=3600), list[object]()
    assert lock.acquire(0)
    waiting = start_waiting(lock, 10, got, "patient")
    for _ in range(100):
        lock._pass_on()
        while not lock.acquire(10):
            pass
    lock.release()
    waiting.join()
    assert got == ["patient"]


def test_many_threads_none_lost_none_together() -> None:
    """With and without patience, with waiters that give up: one holder at a time, and the lock is free in the end."""
    for patience_s in (0, 0.001, 3600):
        lock, inside, most, entries = FairLock(patience_s), 0, 0, 0

        def work(number: int, lock: FairLock = lock) -> None:
            nonlocal inside, most, entries
            for _ in range(300):
                if lock.acquire(10 if number % 2 else 0.0001):
                    inside += 1
                    most, entries = max(most, inside), entries + 1
                    inside -= 1
                    lock.release()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == 1
        assert entries >= 4 * 300
        assert not lock._waiting
        assert lock.acquire(0)


def test_relay_gives_the_outer_lock_back_when_the_last_waiter_has_left() -> None:
    """Kept for a thread that no longer waits, it would shut out every other process."""
    events: list[str] = []
    relay, got = Relay(lambda _: events.append("take"), lambda: events.append("give back")), list[object]()
    assert relay.acquire(0)
    start_waiting(relay, 0.01, got, "impatient").join()
    relay.release()
    assert got == [None]
    assert events == ["take", "give back"]


def test_relay_whose_outer_lock_fails_is_free() -> None:
    """The error reaches the caller, and the next one may try."""

    def fail(_: float) -> None:
        raise OSError("no")

    relay = Relay(fail, lambda: None)
    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            relay.acquire(0)
