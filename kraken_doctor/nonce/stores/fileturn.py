"""Turns between the processes of one host: two file locks a key, freed by the kernel when a process dies."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.nonce.stores.kernellock import KernelLock
from kraken_doctor.nonce.turn import HandoffLock, Turn, hold

_KEYS_KEPT_OPEN = 100
"""Two files a key. A process may have 1,024 open on most systems, and a bot wants its connections too."""


class FileTurns:
    """The turns of one process's threads, all keys; the files lie beside the database *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turns: dict[str, tuple[HandoffLock, _Locks]] = {}

    def turn(self, key_id: str, timeout_s: float) -> AbstractContextManager[Turn]:
        """`NonceStore.turn`."""
        found = self._turns.get(key_id)
        if found is None:
            locks = _Locks(self._path, key_id, lambda: len(self._turns) <= _KEYS_KEPT_OPEN)
            # setdefault is atomic: of two threads that come first, both get the same one.
            found = self._turns.setdefault(key_id, (HandoffLock(locks.take, locks.give_back), locks))
        return hold(found[0], key_id, timeout_s, Turn())

    def close(self) -> None:
        """Close the files of the keys whose turn is free; the next turn opens them again."""
        for lock, locks in list(self._turns.values()):
            lock.if_free(locks.close)


class _Locks:
    """
    The lock of one key, and a gate before it that makes it fair.

    Who waits for the lock holds the gate meanwhile, so a process that has just let go can't take the lock
    again before the one that waits.
    """

    def __init__(self, path: Path, key_id: str, stays_open: Callable[[], bool]) -> None:
        # A key id that came from a caller may be anything; a file name may not.
        safe = key_id if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key_id) else hashlib.sha256(key_id.encode()).hexdigest()
        self._key_id = key_id
        self._stays_open = stays_open
        self._gate = KernelLock(path.with_name(f"{path.name}.{safe}.next.lock"))
        self._file = KernelLock(path.with_name(f"{path.name}.{safe}.lock"))

    def take(self, timeout_s: float, _turn: Turn) -> None:
        """Take both locks, and free the gate; `TimeoutError` if another process did not let go in time."""
        end = time.monotonic() + timeout_s
        try:
            taken = self._gate.acquire(timeout_s) and self._file.acquire(max(0.0, end - time.monotonic()))
        except OSError as exc:
            raise NonceStoreError(f"turn of key {self._key_id}: {exc}") from exc
        if not taken:
            raise TimeoutError
        self._gate.release()

    def give_back(self) -> None:
        """Free both locks: a caller that was interrupted may have either."""
        self._gate.release()
        self._file.release()
        if not self._stays_open():
            self.close()  # opened again for the next call: slower, but a thousand keys need no more files than a few

    def close(self) -> None:
        """Close both files, and so free what is locked."""
        self._file.close()
        self._gate.close()
