"""The lock that is handed over in the order of asking."""

from __future__ import annotations

import _thread
import threading

import pytest

from kraken_doctor.nonce.turn import FairLock


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
    lock, got = FairLock(), list[object]()
    assert lock.acquire(0)
    waiting = [start_waiting(lock, 10, got, number) for number in range(4)]
    assert lock.contended
    for thread in waiting:
        lock.release()
        thread.join()
    assert got == [0, 1, 2, 3]
    lock.release()
    assert not lock.contended
    assert lock.acquire(0)


def test_who_gave_up_is_passed_over() -> None:
    """A waiter whose time ran out is not handed the lock."""
    lock, got = FairLock(), list[object]()
    assert lock.acquire(0)
    impatient = start_waiting(lock, 0.01, got, "impatient")
    impatient.join()
    patient = start_waiting(lock, 10, got, "patient")
    lock.release()
    patient.join()
    assert got == [None, "patient"]


def test_ctrl_c_while_waiting_leaves_no_ticket_behind() -> None:
    """Otherwise the lock would be handed to somebody who has left, and nobody would get it again."""
    lock = FairLock()
    assert lock.acquire(0)
    threading.Timer(0.05, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        lock.acquire(10)
    assert not lock.contended
    lock.release()
    assert lock.acquire(0)
