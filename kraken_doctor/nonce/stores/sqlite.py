"""Marks in an SQLite file: for all processes of one host, across restarts and kills."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kraken_doctor.errors import NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores.auditfile import AuditFile
from kraken_doctor.nonce.stores.base import TURN_LEASE_S
from kraken_doctor.nonce.stores.fileturn import FileTurns
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.nonce.stores.sqlitefile import SQLiteFile
from kraken_doctor.nonce.turn import Turn

# SQLite's integers are signed. Marks are kept minus 2**63: the order stays, and the whole unsigned
# range fits. At the top the WHERE gives no row instead of an addition that would turn into a float.
_SHIFT = 2**63
_TOP = 2**63 - 1
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS nonce (key_id TEXT PRIMARY KEY, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS note (key_id TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (key_id, name))
        STRICT, WITHOUT ROWID;
"""
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

    The audit log lies beside it: what is wrong with the log must not stop the nonces.
    """

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self._process = PerProcess(lambda: _Process(path))

    def advance(self, key_id: str, floor: int) -> int:
        return self._process.get().advance(key_id, floor - _SHIFT) + _SHIFT

    def mark(self, key_id: str) -> int | None:
        rows = self._process.get().run("SELECT mark FROM nonce WHERE key_id = ?", (key_id,))
        return int(rows[0][0]) + _SHIFT if rows else None

    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> AbstractContextManager[Turn]:
        return self._process.get().turns.turn(key_id, timeout_s)

    def remember(self, key_id: str, name: str, value: str) -> None:
        self._process.get().run("INSERT OR REPLACE INTO note VALUES (?, ?, ?)", (key_id, name, value))

    def recall(self, key_id: str, name: str) -> str | None:
        rows = self._process.get().run("SELECT value FROM note WHERE key_id = ? AND name = ?", (key_id, name))
        return str(rows[0][0]) if rows else None

    def record(self, record: CallRecord) -> None:
        self._process.get().audit.record(record)

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        return self._process.get().audit.records(since_ns)

    def close(self) -> None:
        process = self._process.get()
        process.file.close()
        process.audit.close()


class _Process:
    """What one process has open."""

    def __init__(self, path: Path) -> None:
        self.file = SQLiteFile(path, _SCHEMA)
        self.audit = AuditFile(path.with_name(f"{path.name}.audit"))
        self.turns = FileTurns(path)
        self._last: dict[str, int] = {}  # shifted marks: what we issued, should the file be lost

    def advance(self, key_id: str, floor: int) -> int:
        """`NonceStore.advance`, on shifted values."""
        try:
            with self.file.lock:
                floor = max(floor, self._last.get(key_id, floor - 1) + 1)
                if floor <= _TOP:
                    for (mark,) in self.file.connection().execute(_ADVANCE, (key_id, floor)).fetchall():
                        self._last[key_id] = mark
                        return int(mark)
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
