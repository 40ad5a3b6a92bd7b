"""Turns between the processes of one host: two file locks a key, freed by the kernel when a process dies."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kraken_doctor.errors import NonceStoreError, TurnTimeoutError
from kraken_doctor.nonce.turn import FairLock, Turn

if TYPE_CHECKING:
    from filelock import FileLock

_POLL_S = 0.002
"""Between two looks at a lock that another process holds: small beside a call to Kraken (tens of ms)."""

_HOLD_S = 0.05
"""How long threads of one process may pass the lock among themselves before others get a chance."""


class FileTurns:
    """The turns of one process's threads, all keys; the files lie beside the database *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._queues: dict[str, _Queue] = {}

    @contextmanager
    def turn(self, key_id: str, timeout_s: float) -> Iterator[Turn]:
        with self._guard:
            queue = self._queues.get(key_id)
            if queue is None:
                queue = self._queues[key_id] = _Queue(self._path, key_id)
        queue.enter(timeout_s)
        try:
            yield Turn()
        finally:
            queue.leave()


class _Queue:
    """
    One key: threads queue in order, and the one in front holds the file lock for all of them.

    Passing it on inside the process costs microseconds where unlocking and locking the file costs a
    hundred; after `_HOLD_S` it is let go so that other processes get their turn.
    """

    def __init__(self, path: Path, key_id: str) -> None:
        # A key id that came from a caller may be anything; a file name may not.
        safe = key_id if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key_id) else hashlib.sha256(key_id.encode()).hexdigest()
        self._key_id = key_id
        self._threads = FairLock()
        self._gate = _lock(path.with_name(f"{path.name}.{safe}.next.lock"))
        self._folder = path.parent
        self._file = _lock(path.with_name(f"{path.name}.{safe}.lock"))
        self._held_since: float | None = None

    def enter(self, timeout_s: float) -> None:
        from filelock import Timeout

        end = time.monotonic() + timeout_s
        if not self._threads.acquire(timeout_s):
            raise self._timed_out(timeout_s)
        try:
            if self._held_since is None:
                self._lock_file(max(0.0, end - time.monotonic()))
        except Timeout:
            self._threads.release()
            raise self._timed_out(timeout_s) from None
        except BaseException as exc:
            self._threads.release()
            if isinstance(exc, OSError):
                raise NonceStoreError(f"turn of key {self._key_id}: {exc}") from exc
            raise

    def leave(self) -> None:
        if self._held_since is not None:
            held_s = time.monotonic() - self._held_since
            if not self._threads.contended or held_s > _HOLD_S:
                self._held_since = None
                self._file.release()
        self._threads.release()

    def _lock_file(self, timeout_s: float) -> None:
        # The gate makes it fair: who waits for the lock holds the gate meanwhile, so a process that has
        # just let go can't take the lock again before the one that waits.
        end = time.monotonic() + timeout_s
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # filelock would make it readable for all
        with self._gate.acquire(timeout=timeout_s):
            self._file.acquire(timeout=max(0.0, end - time.monotonic()))
        self._held_since = time.monotonic()

    def _timed_out(self, timeout_s: float) -> TurnTimeoutError:
        return TurnTimeoutError(f"key {self._key_id}: another request was in flight for {timeout_s:g} s")


def _lock(path: Path) -> FileLock:
    # thread_local=False: a turn taken by one thread may be passed to another of this process.
    # No soft fall-back: a lock that the kernel does not free would outlive a killed process.
    from filelock import FileLock

    return FileLock(path, mode=0o600, thread_local=False, poll_interval=_POLL_S, fallback_to_soft=False)
