"""The self-tests pass for ours, and each fails for a generator with the defect it looks for."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

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
        def advance(self, key_id: str, floor: int) -> int:
            return super().advance("all", floor)

    store: NonceStore = OneForAll()
    assert not selftest.isolation(lambda key_id: NonceGenerator(key_id, store=store)).passed


def test_processes_fails_when_each_has_its_own_marks() -> None:
    """Memory does not reach other processes, so two of them give the same nonce sooner or later."""
    assert not selftest.processes("memory://", NonceUnit.S).passed
