"""Turns between the processes of one host: two file locks a key, freed by the kernel when a process dies."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kraken_doctor.errors import NonceStoreError, TurnTimeoutError
from kraken_doctor.nonce.stores import folder
from kraken_doctor.nonce.stores.kernellock import KernelLock
from kraken_doctor.nonce.turn import Relay, Turn

_KEYS_KEPT_OPEN = 100
"""Two files a key. A process may have 1,024 open on most systems, and a bot wants its connections too."""


class FileTurns:
    """The turns of one process's threads, all keys; the files lie beside the database *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._relays: dict[str, Relay] = {}

    @contextmanager
    def turn(self, key_id: str, timeout_s: float) -> Iterator[Turn]:
        """`NonceStore.turn`."""
        relay = self._relay(key_id)
        try:
            entered = relay.acquire(timeout_s)
        except TimeoutError:
            entered = False
        except OSError as exc:
            raise NonceStoreError(f"turn of key {key_id}: {exc}") from exc
        if not entered:
            raise TurnTimeoutError(f"key {key_id}: another request was in flight for {timeout_s:g} s")
        try:
            yield Turn()
        finally:
            relay.release()

    def _relay(self, key_id: str) -> Relay:
        with self._guard:
            relay = self._relays.get(key_id)
            if relay is None:
                locks = _Locks(self._path, key_id, lambda: len(self._relays) <= _KEYS_KEPT_OPEN)
                relay = self._relays[key_id] = Relay(locks.take, locks.give_back)
            return relay


class _Locks:
    """
    The lock of one key, and a gate before it that makes it fair.

    Who waits for the lock holds the gate meanwhile, so a process that has just let go can't take the lock
    again before the one that waits.
    """

    def __init__(self, path: Path, key_id: str, stays_open: Callable[[], bool]) -> None:
        # A key id that came from a caller may be anything; a file name may not.
        safe = key_id if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key_id) else hashlib.sha256(key_id.encode()).hexdigest()
        self._stays_open = stays_open
        self._folder = path.parent
        self._gate = KernelLock(path.with_name(f"{path.name}.{safe}.next.lock"))
        self._file = KernelLock(path.with_name(f"{path.name}.{safe}.lock"))

    def take(self, timeout_s: float) -> None:
        """Both locks, and the gate back; `TimeoutError` if another process did not let go in time."""
        end = time.monotonic() + timeout_s
        folder.own(self._folder)
        if not self._gate.acquire(timeout_s):
            raise TimeoutError
        try:
            if not self._file.acquire(max(0.0, end - time.monotonic())):
                raise TimeoutError
        finally:
            self._gate.release()

    def give_back(self) -> None:
        self._file.release()
        if not self._stays_open():
            # Opened again for the next call: slower, but a thousand keys need no more files than a few.
            self._file.close()
            self._gate.close()
