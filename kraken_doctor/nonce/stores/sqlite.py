"""Marks in an SQLite file: for all processes of one host, across restarts and kills."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from kraken_doctor.errors import NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.defaults import TURN_LEASE_S
from kraken_doctor.model.unit import MAX_NONCE
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores import folder
from kraken_doctor.nonce.stores.auditfile import AuditFile
from kraken_doctor.nonce.stores.fileturn import FileTurns
from kraken_doctor.nonce.stores.perprocess import PerProcess, process, refuse_reentry
from kraken_doctor.nonce.stores.sqlitefile import SQLiteFile
from kraken_doctor.nonce.turn import Turn

# SQLite's integers are signed. Marks are kept minus 2**63: the order stays, and the whole unsigned
# range fits. At the top the WHERE gives no row instead of an addition that would turn into a float.
_SHIFT = 2**63
_TOP = 2**63 - 1
_SCHEMA = (
    "CREATE TABLE nonce (key_id TEXT PRIMARY KEY, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    # As SQLite keeps the text, blanks and all: that is how a file is known for ours.
    "CREATE TABLE note (key_id TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (key_id, name))\n"
    "        STRICT, WITHOUT ROWID",
)
# One statement, so SQLite's write lock is the only lock: there is no window between read and write.
_ADVANCE = f"""
    INSERT INTO nonce (key_id, mark) VALUES (?, ?)
    ON CONFLICT (key_id) DO UPDATE SET mark = max(mark + 1, excluded.mark) WHERE mark < {_TOP}
    RETURNING mark
"""  # noqa: S608 - the one value in it is ours


_DAMAGES = (sqlite3.Error, OSError, UnicodeError)
"""The last where SQLite quotes what is no text any more, out of a damaged file."""


class SQLiteStore:
    """
    Reaches all processes of this host. *path* must lie on a local file system: locks rely on it.

    The audit log lies beside it: what is wrong with the log must not stop the nonces. All stores of a process that
    name the same file, by whatever links, share what is open.
    """

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: _Shared | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,)

    def advance(self, key_id: str, floor: int, is_possible: marks.Possible | None = None) -> int:
        return self._shared().advance(key_id, floor, is_possible)

    def mark(self, key_id: str) -> int | None:
        shared = self._shared()
        rows = shared.run("SELECT mark FROM nonce WHERE key_id = ?", (key_id,))
        return marks.mark(_unshifted(rows[0][0]), shared.remedy) if rows else None

    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> AbstractContextManager[Turn]:
        # Where the path leads is looked at with each nonce; a look here would let other threads overtake.
        return self._shared(look=False).turns.turn(key_id, timeout_s)

    def remember(self, key_id: str, name: str, value: str) -> None:
        self._shared().run("INSERT OR REPLACE INTO note VALUES (?, ?, ?)", (key_id, name, value))

    def recall(self, key_id: str, name: str) -> str | None:
        rows = self._shared().run("SELECT value FROM note WHERE key_id = ? AND name = ?", (key_id, name))
        return str(rows[0][0]) if rows else None

    def record(self, record: CallRecord) -> None:
        self._shared(look=False).audit.record(record)

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        return self._shared().audit.records(since_ns)

    def newest(self, wanted: Collection[str]) -> Iterator[CallRecord]:
        return self._shared().audit.newest(wanted)

    def close(self) -> None:
        shared = self._shared()
        shared.file.close()
        shared.audit.close()
        shared.turns.close()

    def _shared(self, *, look: bool = True) -> _Shared:
        """Return what this process has open where the path leads now; unless to *look*, where it led before."""
        found = self._found
        if found is not None and found.process is process() and not look:
            return found
        now = folder.identity(self.path)
        if found is None or found.process is not process() or found.file.identity != now:
            real, shared = folder.real(self.path), _open.get()
            with _opening.get():
                found = self._found = shared.get(real) or shared.setdefault(real, _Shared(real))
            # What is written to a file that was deleted or replaced reaches nobody else: it is opened anew.
            if found.file.identity != now:
                found.file.close()
        return found


class _Shared:
    """What one process has open of one file."""

    def __init__(self, path: Path) -> None:
        self.process = process()
        self.file = SQLiteFile(path, _SCHEMA)
        self.audit = AuditFile(path.with_name(f"{path.name}.audit"))
        self.turns = FileTurns(path)
        self.remedy = f"delete {path}"
        self._last: dict[str, int] = {}  # what we issued, should the file be lost

    def advance(self, key_id: str, floor: int, is_possible: marks.Possible | None) -> int:
        """`NonceStore.advance`."""
        refuse_reentry(self.file.lock)
        try:
            with self.file.lock:
                least = max(floor, self._last.get(key_id, -1) + 1)
                if least <= MAX_NONCE:
                    rows = self.file.connection().execute(_ADVANCE, (key_id, least - _SHIFT)).fetchall()
                    answer = _unshifted(rows[0][0]) if rows else MAX_NONCE
                    nonce = marks.judged(answer, least, is_possible, self.remedy)
                    if rows:
                        self._last[key_id] = nonce
                        return nonce
        except _DAMAGES as exc:
            raise self._error(exc) from exc
        raise NonceExhaustedError(f"key {key_id}: the mark is at 2**64 - 1")

    def run(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self.file.run(statement, values)
        except _DAMAGES as exc:
            raise self._error(exc) from exc

    def _error(self, exc: Exception) -> NonceStoreError:
        return NonceStoreError(f"nonce store {self.file.path}: {exc}")


_open: PerProcess[WeakValueDictionary[Path, _Shared]] = PerProcess(WeakValueDictionary)
_opening = PerProcess(threading.RLock)


def _unshifted(mark: object) -> object:
    return mark + _SHIFT if isinstance(mark, int) else mark
