"""
What a signal handler does at the wrong moment: it raises, or it calls back in.

Python runs handlers after a call of a function in C, and at the start of one in Python. A profiler is called at the
same places, so each of them can be had by its number, one after the other.
"""

from __future__ import annotations

import gc
import inspect
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from kraken_doctor.errors import NonceError, TurnHeldError, TurnTimeoutError
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.nonce.turn import FairLock, HandoffLock, Turn, hold
from tests.redisserver import RedisServer, needs_redis
from tests.render.samples import call

STORES = ["memory", "sqlite", pytest.param("redis", marks=[pytest.mark.redis, needs_redis])]


class Interruption(BaseException):
    """What the handler raises."""


def raise_it() -> None:
    raise Interruption


def at_moment(number: int, do: Callable[[], object], work: Callable[[], object]) -> bool:
    """Run *work*, and *do* at its moment of this *number*; False if it has not so many."""
    left = [number]

    def handler(frame: FrameType, event: str, _argument: object) -> None:
        # A generator that is closed goes on in its `except` or `finally` straight away: there is no such moment.
        closed = event == "call" and frame.f_code.co_flags & inspect.CO_GENERATOR and frame.f_lasti > 20
        if event in ("call", "c_return") and not closed:
            left[0] -= 1
            if left[0] == -1:
                sys.setprofile(None)
                do()

    sys.setprofile(handler)
    try:
        work()
    finally:
        sys.setprofile(None)
    return left[0] < 0


def in_thread(action: Callable[[], Any]) -> Any:
    """What another thread makes of *action*, within ten seconds."""
    said: list[Any] = []
    thread = threading.Thread(target=lambda: said.append(action()), daemon=True)
    thread.start()
    thread.join(10)
    assert said, "it waits for ever"
    return said[0]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=STORES)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], NonceStore]:
    """Opens the same store each time, and as another process would where that is possible."""
    if request.param == "redis":
        url = request.getfixturevalue("redis_server").url
        return lambda: open_store(url)
    if request.param == "sqlite":
        return lambda: open_store(f"sqlite:///{tmp_path}/nonce.db")
    memory = open_store("memory://")
    return lambda: memory


def take(store: NonceStore, key: str = "k") -> int:
    """A call: its turn, its nonce, its record."""
    with store.turn(key, 5) as turn:
        nonce = turn.next(NonceGenerator(key, store=store))
    store.record(call())
    return nonce


@pytest.mark.slow
def test_an_exception_at_any_moment_leaves_the_turn_free(stores: Callable[[], NonceStore]) -> None:
    """For other threads and other processes, though the exception is still being handled; and no nonce comes twice."""
    store, other = stores(), stores()
    last = max(take(store), take(other))
    number = 0
    while True:
        try:
            if not at_moment(number, raise_it, lambda: take(store)):
                break
        except Interruption:
            nonces = [in_thread(lambda: take(store)), in_thread(lambda: take(other)), take(store)]
            assert [last, *nonces] == sorted({last, *nonces}), f"moment {number}"
            last = nonces[-1]
        number += 1
    assert number > 30


def test_the_lock_of_a_file_is_free_for_other_processes(tmp_path: Path) -> None:
    """Both of them, and not only until the next turn of this process."""
    from kraken_doctor.nonce.stores.fileturn import KernelLock

    store = open_store(f"sqlite:///{tmp_path}/nonce.db")
    take(store)
    locks = [KernelLock(tmp_path / f"nonce.db.k.{name}lock") for name in ("", "next.")]
    number = 0
    while True:
        try:
            if not at_moment(number, raise_it, lambda: take(store)):
                break
        except Interruption:
            for lock in locks:
                assert lock.acquire(0), f"moment {number}"
                lock.release()
        number += 1
    for lock in locks:
        lock.close()


def relays() -> tuple[FairLock, list[str]]:
    """A lock with an outer one that says what becomes of it."""
    outer: list[str] = []

    def take_it(_timeout_s: float, _turn: Turn) -> None:
        outer[:] = ["held"]

    return HandoffLock(take_it, outer.clear), outer


@pytest.mark.parametrize("relay", [False, True])
def test_who_waits_gets_what_an_interrupted_holder_had(relay: bool) -> None:
    """Wherever the holder is interrupted as it leaves, and whether it hands over or gives free."""
    for patience_s in (0.0, 3600.0):
        number, more = 0, True
        while more:
            lock, outer = relays() if relay else (FairLock(), list[str]())
            lock._patience_s = patience_s
            got = threading.Event()

            def wait(lock: FairLock = lock, got: threading.Event = got) -> None:
                with hold(lock, "k", 20, Turn()):
                    got.set()

            context = hold(lock, "k", 20, Turn())
            context.__enter__()
            thread = threading.Thread(target=wait, daemon=True)
            thread.start()
            while not lock._waiting:
                pass
            try:
                more = at_moment(number, raise_it, partial(context.__exit__, None, None, None))
            except Interruption:
                assert got.wait(10), f"moment {number}"
            thread.join(10)
            assert (lock._holder, list(lock._waiting), outer) == (None, [], [])
            number += 1
        assert number > 5


@pytest.mark.parametrize("relay", [False, True])
def test_who_is_interrupted_while_waiting_is_in_nobodys_way(relay: bool) -> None:
    """Wherever it is, and also when the lock comes to it at that moment."""
    number, more = 0, True
    while more:
        lock, outer = relays() if relay else (FairLock(0), list[str]())
        held, go = threading.Event(), threading.Event()

        def keep(lock: FairLock = lock, held: threading.Event = held, go: threading.Event = go) -> None:
            with hold(lock, "k", 20, Turn()):
                held.set()
                go.wait(20)

        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        held.wait(20)

        def ask(lock: FairLock = lock) -> None:
            with hold(lock, "k", 0.001, Turn()):
                pass

        try:
            more = at_moment(number, raise_it, ask)
        except (Interruption, TurnTimeoutError) as exc:
            more = isinstance(exc, Interruption)
        go.set()
        thread.join(10)
        assert (lock._holder, list(lock._waiting), outer) == (None, [], []), f"moment {number}"
        number += 1
    assert number > 10


# A connection whose making was interrupted is left to the garbage collector, which says so: here, not in a later test.
@pytest.mark.posix("setitimer")
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_real_signal_in_a_tight_loop(stores: Callable[[], NonceStore]) -> None:
    """Five thousand turns, each with an alarm somewhere in it or behind."""
    store, chance = stores(), random.Random(5)
    take(store)

    def handler(_number: int, _frame: FrameType | None) -> None:
        raise Interruption

    before = signal.signal(signal.SIGALRM, handler)
    hit = 0
    try:
        for _ in range(2_500):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 150e-6))
                with store.turn("k", 5):
                    pass
                while True:  # until the alarm has come
                    signal.getitimer(signal.ITIMER_REAL)
            except Interruption:
                hit += 1
                # In its own thread it would be told at once; nobody is to wait for it either.
                with store.turn("k", 5):
                    pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert hit == 2_500
    gc.collect()


def test_a_call_from_within_a_call_is_told_at_once(stores: Callable[[], NonceStore]) -> None:
    """It would wait for itself."""
    store = stores()
    with (
        store.turn("k", 60),
        pytest.raises(TurnHeldError, match="in flight in this thread"),
        store.turn("k", 60),
    ):
        pass
    take(store)


@pytest.mark.slow
def test_a_handler_that_calls_back_at_any_moment_does_not_wait_for_itself(stores: Callable[[], NonceStore]) -> None:
    """It gets a nonce or an error, at once; what it interrupted goes on, and no nonce comes twice."""
    store = stores()
    nonces: list[int] = [take(store)]
    inside: list[str] = []

    def handler() -> None:
        with ExitStack() as stack:
            try:
                # With the turn, as a call does it; and without, as a hook that only wants a number.
                nonces.append(store.advance("k", 0))
                stack.enter_context(store.turn("k", 60))
                store.record(call())
            except NonceError as exc:
                inside.append(type(exc).__name__)

    number = 0
    while at_moment(number, handler, lambda: nonces.append(take(store))):
        number += 1
    assert number > 30
    assert inside
    assert len(set(nonces)) == len(nonces)
    take(store)
