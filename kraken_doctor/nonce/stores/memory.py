"""Marks in this process: for a single process that accepts that a restart forgets."""

from __future__ import annotations

import os
import threading
import weakref
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from kraken_doctor.errors import NonceExhaustedError, NonceStoreError, TurnTimeoutError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import MAX_NONCE
from kraken_doctor.nonce.stores.base import TURN_LEASE_S
from kraken_doctor.nonce.turn import FairLock, Turn

_RECORDS = 10_000
"""Audit records that are kept in memory, some 4 MB: for looking at while the process lives."""


class MemoryStore:
    """Reaches as far as this process, and as long as it lives."""

    name = "memory"

    def __init__(self, *, pid: int | None = None) -> None:
        self._lock = threading.Lock()
        self._marks: dict[str, int] = {}
        self._notes: dict[tuple[str, str], str] = {}
        self._turns: defaultdict[str, FairLock] = defaultdict(FairLock)
        self._records: deque[CallRecord] = deque(maxlen=_RECORDS)
        self._pid = os.getpid() if pid is None else pid
        self._token = os.urandom(16)
        _ALIVE[self._token] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._token,)

    def advance(self, key_id: str, floor: int) -> int:
        self._refuse_in_a_fork()
        with self._lock:
            mark = self._marks.get(key_id, -1)
            nonce = floor if floor > mark else mark + 1
            if nonce > MAX_NONCE:
                raise NonceExhaustedError(f"key {key_id}: the next nonce would be above 2**64 - 1")
            self._marks[key_id] = nonce
            return nonce

    def mark(self, key_id: str) -> int | None:
        return self._marks.get(key_id)

    @contextmanager
    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> Iterator[Turn]:
        self._refuse_in_a_fork()
        with self._lock:
            lock = self._turns[key_id]
        if not lock.acquire(timeout_s):
            raise TurnTimeoutError(f"key {key_id}: another request was in flight for {timeout_s:g} s")
        try:
            yield Turn()
        finally:
            lock.release()

    def remember(self, key_id: str, name: str, value: str) -> None:
        self._notes[key_id, name] = value

    def recall(self, key_id: str, name: str) -> str | None:
        return self._notes.get((key_id, name))

    def record(self, record: CallRecord) -> None:
        self._records.append(record)

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        return [record for record in list(self._records) if record.at_ns >= since_ns]

    def newest(self, wanted: Collection[str]) -> Iterator[CallRecord]:
        return (record for record in reversed(list(self._records)) if record.key_id in wanted)

    def close(self) -> None:
        """Nothing to give back."""

    def _refuse_in_a_fork(self) -> None:
        # A forked child has a copy of the marks that the parent goes on raising: both would issue the
        # same nonces. There is nothing here to tell them apart, so the child gets none.
        if os.getpid() != self._pid:
            raise NonceStoreError(
                "memory:// does not reach across fork, nor pickle to another process: "
                "use sqlite://, or open it in the child"
            )


_ALIVE: weakref.WeakValueDictionary[bytes, MemoryStore] = weakref.WeakValueDictionary()


def _again(token: bytes) -> MemoryStore:
    """The store that was copied: itself, or in another process one that gives no nonces."""
    return _ALIVE.get(token) or MemoryStore(pid=-1)
