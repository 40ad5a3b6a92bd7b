"""Many nonces from a process of its own, which imports this module and nothing of the tests' tools."""

from __future__ import annotations

import multiprocessing

from kraken_doctor import open_store


def burst(url: str, results: multiprocessing.Queue[list[int]]) -> None:
    """Two hundred."""
    store = open_store(url)
    results.put([store.advance("key", 1) for _ in range(200)])
