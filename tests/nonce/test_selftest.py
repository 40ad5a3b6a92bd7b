"""The self-tests pass for ours, and each fails for a generator with the defect it looks for."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce import selftest
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.nonce.stores.memory import MemoryStore


def test_ours_passes_all(tmp_path: Path) -> None:
    """On a file, in microseconds: every one of the seed's tests, and the processes."""
    url = f"sqlite:///{tmp_path / 'nonce.db'}"
    store = open_store(url)
    results = selftest.run_all(store, url, NonceUnit.US)
    store.close()
    assert [result.name for result in results] == ["rapid", "threads", "start", "isolation", "processes"]
    assert all(result.passed for result in results), results


def test_rapid_fails_for_milliseconds_without_a_guard() -> None:
    """krakenex's own way: the same number twice within a millisecond."""
    numbers = itertools.chain([5, 5, 5], itertools.count(6))
    assert not selftest.rapid(lambda: next(numbers)).passed


def test_threads_fails_for_a_race() -> None:
    """Read, wait for the others, write: every thread gets the same."""
    last, together = [0], threading.Barrier(selftest.THREADS)

    def racy() -> int:
        seen = last[0]
        together.wait()
        last[0] = seen + 1
        return seen + 1

    assert not selftest.threads(racy).passed


def test_start_fails_for_a_generator_that_starts_from_zero() -> None:
    """What the seed document found: a counter that begins anew with the process."""

    class FromZero(NonceGenerator):
        def next(self) -> int:
            return 0

    assert not selftest.start(lambda: FromZero("key", store=open_store("memory://")), NonceUnit.US).passed


def test_isolation_fails_when_keys_share_a_mark() -> None:
    """One counter for all keys: a mark ahead on one pulls the others along."""

    class OneForAll(MemoryStore):
        def advance(self, key_id: str, floor: int, is_possible: Any = None) -> int:
            return super().advance("all", floor)

    store: NonceStore = OneForAll()
    assert not selftest.isolation(lambda key_id: NonceGenerator(key_id, store=store)).passed


def test_processes_fails_when_each_has_its_own_marks() -> None:
    """Memory does not reach other processes, so two of them give the same nonce sooner or later."""
    assert not selftest.processes("memory://", NonceUnit.S).passed


def counting(start: int = 1) -> Callable[[], int]:
    return itertools.count(start).__next__


def test_what_each_saw_is_said() -> None:
    """The report shows it, passed or not."""
    rapid = selftest.rapid(counting())
    assert (rapid.name, rapid.passed) == ("rapid", True)
    assert re.fullmatch(r"(\d+) of \1 unique, strictly increasing; 10 in \d+ µs", rapid.saw), rapid.saw
    threads = selftest.threads(counting())
    assert threads == ("threads", True, "50 of 50 unique, from 5 threads")
    assert selftest.threads(lambda: 7, calls=3) == ("threads", False, "1 of 15 unique, from 5 threads")


def test_a_slow_host_is_no_wrong_nonce() -> None:
    """It is said that nothing was rapid there, and what was given is judged all the same."""
    called = []

    def slow() -> int:
        time.sleep(0.0002)
        called.append(1)
        return len(called)

    found = selftest.rapid(slow)
    assert found.passed
    assert len(called) == 200, "twenty rounds of ten"
    assert re.fullmatch(r"200 .* increasing; 10 in \d{4,} µs, too slow for a speed test", found.saw)
    assert not selftest.rapid(lambda: slow() // 2).passed


def test_rapid_ends_with_the_first_round_that_was_fast() -> None:
    """A real generator's nonces are not spent without need."""
    numbers = counting()
    assert selftest.rapid(numbers).passed
    assert numbers() < 200


def test_threads_fails_where_a_thread_sees_its_own_fall() -> None:
    """All different, and yet not in order."""
    numbers = itertools.count(-1_000, -1)
    assert not selftest.threads(lambda: next(numbers)).passed


@pytest.mark.parametrize(
    ("nonces", "rising", "saw"),
    [
        ([1, 2, 5], True, "3 of 3 unique, strictly increasing"),
        ([1, 1, 2], False, "2 of 3 unique, not increasing"),
        ([2, 1], False, "2 of 2 unique, not increasing"),
        ([7], True, "1 of 1 unique, strictly increasing"),
    ],
)
def test_judging(nonces: list[int], rising: bool, saw: str) -> None:
    """And in words."""
    assert selftest.judge(nonces) == (rising, saw)


def test_start_and_restart() -> None:
    """At the clock, and then above what was; below the clock, or not above, is seen."""
    store = open_store("memory://")
    found = selftest.start(lambda: NonceGenerator("key", store=store, unit=NonceUnit.MS), NonceUnit.MS)
    assert found.passed
    assert (found.name, len(re.findall(r"\d{13}", found.saw))) == ("start", 4)
    assert re.fullmatch(r"first \d+, the clock \d+ to \d+, after a restart \d+", found.saw)

    class Ahead(NonceGenerator):
        def next(self) -> int:
            return super().next() + 10**9

    class Again(NonceGenerator):
        def next(self) -> int:
            return first

    assert not selftest.start(lambda: Ahead("key", store=open_store("memory://")), NonceUnit.US).passed
    first = NonceUnit.US.floor(time.time_ns())
    assert not selftest.start(lambda: Again("key", store=open_store("memory://")), NonceUnit.US).passed


def test_isolation_says_what_it_saw() -> None:
    """The one far ahead, and the other at the clock."""
    store = open_store("memory://")
    found = selftest.isolation(lambda key_id: NonceGenerator(key_id, store=store, unit=NonceUnit.S))
    ahead, other = (int(number) for number in re.findall(r"\d+", found.saw))
    assert (found.name, found.passed) == ("isolation", True)
    assert found.saw == f"{ahead} on one key, {other} on the other"
    assert 10**9 < ahead - other <= 10**9 + 10
    assert store.mark("isolation-ahead") == ahead
    assert store.mark("isolation-other") == other


def test_a_mark_that_another_key_has_not_passed_is_no_isolation() -> None:
    """The mark ahead has to count on its own key."""

    class Forgetful(MemoryStore):
        def advance(self, key_id: str, floor: int, is_possible: Any = None) -> int:
            return floor

    store: NonceStore = Forgetful()
    assert not selftest.isolation(lambda key_id: NonceGenerator(key_id, store=store)).passed


def test_the_part_of_a_process(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """So many nonces, a line each, from the store that was named, in the unit that was named."""
    url = f"sqlite:///{tmp_path / 'nonce.db'}"
    selftest.work(url, "ms", "3")
    nonces = [int(line) for line in capsys.readouterr().out.splitlines()]
    assert len(nonces) == 3
    assert nonces == sorted(set(nonces))
    assert open_store(url).mark("processes") == nonces[-1]
    assert len(str(nonces[0])) == 13


def test_processes_say_what_they_saw(tmp_path: Path) -> None:
    """Two hundred from four."""
    found = selftest.processes(f"sqlite:///{tmp_path / 'nonce.db'}", NonceUnit.US)
    assert found == ("processes", True, "200 of 200 unique, from 4 processes")
