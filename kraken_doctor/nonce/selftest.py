"""
The self-tests of a nonce generator: what must hold before a bot may rely on it.

Each returns what it saw; none prints, and each can fail.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from kraken_doctor import child, parallel
from kraken_doctor.clock import SystemClock
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.secret import without_secrets

RAPID_CALLS = 10
RAPID_LIMIT_S = 0.001
"""Ten calls in under a millisecond: in krakenex's own milliseconds they would all be one number."""
_RAPID_ROUNDS = 20
"""A round in which the machine did something else meanwhile is slow, and proves nothing."""

THREADS, THREAD_CALLS = 5, 10
PROCESSES, PROCESS_CALLS = 4, 50

_WORKER = "from kraken_doctor.nonce.selftest import work; work(*sys.argv[1:])"
_WORKER_S = 60


class SelfTest(NamedTuple):
    """What one self-test came to."""

    name: str
    passed: bool
    saw: str


def rapid(next_nonce: Callable[[], int]) -> SelfTest:
    """
    Ten calls within a millisecond: unique and strictly increasing.

    Where the host is too slow for it the nonces alone are judged: on Windows one takes a part of a millisecond, and a
    slow generator gives no wrong ones.
    """
    nonces: list[int] = []
    fastest_s = float("inf")
    for _ in range(_RAPID_ROUNDS):
        began = time.perf_counter()
        nonces += [next_nonce() for _ in range(RAPID_CALLS)]
        fastest_s = min(fastest_s, time.perf_counter() - began)
        if fastest_s < RAPID_LIMIT_S:
            break
    rising, saw = judge(nonces)
    slow = "" if fastest_s < RAPID_LIMIT_S else ", too slow for a speed test"
    return SelfTest("rapid", rising, f"{saw}; {RAPID_CALLS} in {fastest_s * 1e6:.0f} µs{slow}")


def threads(next_nonce: Callable[[], int], calls: int = THREAD_CALLS) -> SelfTest:
    """So many *calls* from each of five threads: no two alike, and rising in each thread."""
    taken: list[list[int]] = [[] for _ in range(THREADS)]
    begin = threading.Barrier(THREADS)

    def take(mine: list[int]) -> None:
        begin.wait()
        mine.extend(next_nonce() for _ in range(calls))

    futures.wait(parallel.start([partial(take, mine) for mine in taken], workers=THREADS))
    together = [nonce for mine in taken for nonce in mine]
    passed = len(set(together)) == THREADS * calls and all(_strictly_increasing(mine) for mine in taken)
    return SelfTest("threads", passed, f"{len(set(together))} of {len(together)} unique, from {THREADS} threads")


def start(make: Callable[[], NonceGenerator], unit: NonceUnit) -> SelfTest:
    """Test that a fresh generator begins at the current time, and a restarted one above where it was."""
    before = unit.floor(SystemClock().now_ns())
    first = make().next()
    after = unit.floor(SystemClock().now_ns())
    second = make().next()
    passed = before <= first <= after and second > first
    return SelfTest("start", passed, f"first {first}, the clock {before} to {after}, after a restart {second}")


def isolation(make: Callable[[str], NonceGenerator]) -> SelfTest:
    """Generators of different keys share nothing: a mark far ahead on one leaves the other alone."""
    ahead, other = make("isolation-ahead"), make("isolation-other")
    far = other.unit.floor(SystemClock().now_ns()) + 10**9
    ahead.store.advance(ahead.key_id, far)
    nonces = ahead.next(), other.next()
    passed = nonces[0] > far > nonces[1]
    return SelfTest("isolation", passed, f"{nonces[0]} on one key, {nonces[1]} on the other")


def processes(store_url: str, unit: NonceUnit) -> SelfTest:
    """Bursts from several processes on one key: no two nonces alike."""
    command = child.python(_WORKER, store_url, unit.value, str(PROCESS_CALLS))
    environ = without_secrets(os.environ)
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(child.started(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environ))
            for _ in range(PROCESSES)
        ]
        taken = [list(map(int, process.communicate(timeout=_WORKER_S)[0].split())) for process in running]
    together = [nonce for mine in taken for nonce in mine]
    expected = PROCESSES * PROCESS_CALLS
    passed = len(set(together)) == expected == len(together) and all(map(_strictly_increasing, taken))
    return SelfTest("processes", passed, f"{len(set(together))} of {expected} unique, from {PROCESSES} processes")


def work(store_url: str, unit: str, count: str) -> None:
    """The part of `processes` that runs in each of them."""
    generator = NonceGenerator("processes", store=open_store(store_url), unit=NonceUnit(unit))
    sys.stdout.write("".join(f"{generator.next()}\n" for _ in range(int(count))))


def run_all(store: NonceStore, store_url: str, unit: NonceUnit) -> list[SelfTest]:
    """Run all of them, on a store of their own."""

    def make(key_id: str) -> NonceGenerator:
        return NonceGenerator(key_id, store=store, unit=unit)

    return [
        rapid(make("rapid").next),
        threads(make("threads").next),
        start(lambda: make("start"), unit),
        isolation(make),
        processes(store_url, unit),
    ]


def _strictly_increasing(nonces: Sequence[int]) -> bool:
    return all(earlier < later for earlier, later in pairwise(nonces))


def judge(nonces: Sequence[int]) -> tuple[bool, str]:
    """Return whether *nonces* are strictly increasing, and that in words."""
    rising = _strictly_increasing(nonces)
    order = "strictly increasing" if rising else "not increasing"
    return rising, f"{len(set(nonces))} of {len(nonces)} unique, {order}"
