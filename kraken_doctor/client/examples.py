"""Bots as they are met, to be examined: ``kraken-doctor nonce --target kraken_doctor.client.examples:plain``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from kraken_doctor.clock import SystemClock


class _Unique:
    """Microseconds, strictly increasing, guarded by a lock: each nonce is unique, and no call waits for another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, SystemClock().now_ns() // 1000)
            return self._last


_NONCES: dict[str, Callable[[], Callable[[], int] | None]] = {"plain": lambda: None, "unique": _Unique}


def __getattr__(name: str) -> Any:
    """``plain``: krakenex as it is; ``unique``: with a good generator, and nothing else. Made when asked for."""
    if name not in _NONCES:
        raise AttributeError(name)
    import krakenex

    api = krakenex.API("key", "c2VjcmV0")
    nonce = _NONCES[name]()
    if nonce is not None:
        api._nonce = nonce  # noqa: SLF001 - krakenex's hook
    return api
