"""Marks in this process: for a single process that accepts that a restart forgets."""

import os
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from kraken_doctor.errors import NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.defaults import TURN_LEASE_S
from kraken_doctor.model.unit import MAX_NONCE
from kraken_doctor.nonce.marks import Possible
from kraken_doctor.nonce.stores.perprocess import process, refuse_reentry
from kraken_doctor.nonce.turn import FairLock, Turn, hold

_RECORDS = 10_000
"""Audit records that are kept in memory, some 4 MB: for looking at while the process lives."""


class MemoryStore:
    """Reaches as far as this process, and as long as it lives."""

    name = "memory"

    def __init__(self, *, copied: bool = False) -> None:
        self._lock = threading.RLock()
        self._marks: dict[str, int] = {}
        self._notes: dict[tuple[str, str], str] = {}
        self._turns: dict[str, FairLock] = {}
        self._records: deque[CallRecord] = deque(maxlen=_RECORDS)
        self._process = None if copied else process()
        self._token = os.urandom(16)
        _ALIVE[self._token] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._token,)

    def advance(self, key_id: str, floor: int, is_possible: Possible | None = None) -> int:
        self._refuse_in_a_fork()
        refuse_reentry(self._lock)
        with self._lock:
            # Not judged: whatever comes out of this dictionary is what was put in.
            mark = self._marks.get(key_id, -1)
            nonce = floor if floor > mark else mark + 1
            if nonce > MAX_NONCE:
                raise NonceExhaustedError(f"key {key_id}: the next nonce would be above 2**64 - 1")
            self._marks[key_id] = nonce
            return nonce

    def mark(self, key_id: str) -> int | None:
        return self._marks.get(key_id)

    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> AbstractContextManager[Turn]:
        self._refuse_in_a_fork()
        lock = self._turns.get(key_id) or self._turns.setdefault(key_id, FairLock())
        return hold(lock, key_id, timeout_s, Turn())

    def remember(self, key_id: str, name: str, value: str) -> None:
        self._notes[key_id, name] = value

    def recall(self, key_id: str, name: str) -> str | None:
        return self._notes.get((key_id, name))

    def record(self, record: CallRecord) -> None:
        self._records.append(record)

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        return [record for record in list(self._records) if record.at_ns >= since_ns]

    def newest(self, wanted: Mapping[str, tuple[bytes, ...]]) -> Iterator[CallRecord]:
        return (record for record in reversed(list(self._records)) if record.key_id in wanted)

    def close(self) -> None:
        """Nothing to give back."""

    def _refuse_in_a_fork(self) -> None:
        # A forked child has a copy of the marks that the parent goes on raising: both would issue the
        # same nonces. There is nothing here to tell them apart, so the child gets none.
        if self._process is not process():
            raise NonceStoreError(
                "memory:// does not reach across fork, nor pickle to another process: "
                "use sqlite://, or open it in the child"
            )


_ALIVE: weakref.WeakValueDictionary[bytes, MemoryStore] = weakref.WeakValueDictionary()


def _again(token: bytes) -> MemoryStore:
    """Return the store that was copied: itself, or in another process one that gives no nonces."""
    return _ALIVE.get(token) or MemoryStore(copied=True)
