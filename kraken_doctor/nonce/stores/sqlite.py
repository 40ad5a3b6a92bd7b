"""Marks in an SQLite file: for all processes of one host, across restarts and kills."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kraken_doctor.errors import NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores.base import AUDIT_RECORDS, TURN_LEASE_S
from kraken_doctor.nonce.stores.fileturn import FileTurns
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.nonce.turn import Turn

# SQLite's integers are signed. Marks are kept minus 2**63: the order stays, and the whole unsigned
# range fits. At the top the WHERE gives no row instead of an addition that would turn into a float.
_SHIFT = 2**63
_TOP = 2**63 - 1
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS nonce (key_id TEXT PRIMARY KEY, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS note (key_id TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (key_id, name))
        STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, at_ns INTEGER, key_id TEXT, unit TEXT,
        nonce INTEGER, endpoint TEXT, outcome TEXT, latency_s REAL, waited_s REAL) STRICT;
"""
# One statement, so SQLite's write lock is the only lock: there is no window between read and write.
_ADVANCE = f"""
    INSERT INTO nonce (key_id, mark) VALUES (?, ?)
    ON CONFLICT (key_id) DO UPDATE SET mark = max(mark + 1, excluded.mark) WHERE mark < {_TOP}
    RETURNING mark
"""  # noqa: S608 - the one value in it is ours

_RECORD = "INSERT INTO audit VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number"
_RECORDS = """
    SELECT at_ns, key_id, unit, nonce, endpoint, outcome, latency_s, waited_s FROM audit
    WHERE at_ns >= ? ORDER BY number
"""
_PRUNE_EVERY = 1_024
"""Between two deletions of what is too old; one a record would double its cost."""

_BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for other processes' statements, each of which takes microseconds."""


class SQLiteStore:
    """Reaches all processes of this host. *path* must lie on a local file system: locks rely on it."""

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
        values = (record.at_ns, record.key_id, record.unit, record.nonce - _SHIFT, record.endpoint, record.outcome)
        process = self._process.get()
        ((number,),) = process.run(_RECORD, (*values, record.latency_s, record.waited_s))
        if number % _PRUNE_EVERY == 0:
            process.run("DELETE FROM audit WHERE number <= ?", (number - AUDIT_RECORDS,))

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        for row in self._process.get().run(_RECORDS, (since_ns,)):
            at_ns, key_id, unit, nonce, endpoint, outcome, latency_s, waited_s = row
            yield CallRecord(
                at_ns=at_ns,
                key_id=key_id,
                unit=unit,
                nonce=nonce + _SHIFT,
                endpoint=endpoint,
                outcome=outcome,
                latency_s=latency_s,
                waited_s=waited_s,
            )

    def close(self) -> None:
        self._process.get().close()


class _Process:
    """What one process has open: a connection, shared by its threads, and its turns."""

    def __init__(self, path: Path) -> None:
        self.turns = FileTurns(path)
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of what is open
        self._last: dict[str, int] = {}  # shifted marks: what we issued, should the file be lost

    def advance(self, key_id: str, floor: int) -> int:
        """`NonceStore.advance`, on shifted values."""
        try:
            with self._lock:
                floor = max(floor, self._last.get(key_id, floor - 1) + 1)
                if floor <= _TOP:
                    for (mark,) in self._connection().execute(_ADVANCE, (key_id, floor)).fetchall():
                        self._last[key_id] = mark
                        return int(mark)
        except (sqlite3.Error, OSError) as exc:
            raise NonceStoreError(f"nonce store {self._path}: {exc}") from exc
        raise NonceExhaustedError(f"key {key_id}: the mark is at 2**64 - 1")

    def run(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection().execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as exc:
            raise NonceStoreError(f"nonce store {self._path}: {exc}") from exc

    def close(self) -> None:
        with self._lock:
            self._close()

    def _connection(self) -> sqlite3.Connection:
        # Marks written to a file that was deleted or replaced reach nobody else: it is opened anew.
        if self._db is None or self._file != self._identity():
            self._close()
            self._db = self._open()
            self._file = self._identity()
        return self._db

    def _identity(self) -> tuple[int, int] | None:
        try:
            stat = os.stat(self._path)  # noqa: PTH116 - a nonce a call, and Path.stat doubles its cost
        except FileNotFoundError:
            return None
        return stat.st_dev, stat.st_ino

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here, not by SQLite: with the process's umask others might read it.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            # NORMAL survives any kill. A power cut may lose the last marks; after the restart the clock
            # is past them, and no nonce is below the clock.
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(_SCHEMA)
        except BaseException:
            db.close()
            raise
        return db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = self._file = None
