"""One SQLite file as one process has it open: private to the user, opened anew when it is lost."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from kraken_doctor.nonce.stores import folder

_BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for other processes' statements, each of which takes microseconds."""


class SQLiteFile:
    """
    A connection that the threads of one process share.

    Args:
        path: Where the file is, or is to be.
        schema: Statements that make what is missing.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.lock = threading.Lock()
        """Held by whoever uses `connection`."""
        self.path = path
        self._schema = schema
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of what is open

    def run(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """
        The rows that *statement* gives.

        Raises:
            sqlite3.Error, OSError: It can't be done.
        """
        with self.lock:
            return self.connection().execute(statement, values).fetchall()

    def connection(self) -> sqlite3.Connection:
        """The open file; for whoever holds `lock`."""
        # What is written to a file that was deleted or replaced reaches nobody else: it is opened anew.
        if self._db is None or self._file != self._identity():
            self._close()
            self._db = self._open()
            self._file = self._identity()
        return self._db

    def close(self) -> None:
        """Close it; the next use opens it again."""
        with self.lock:
            self._close()

    def _identity(self) -> tuple[int, int] | None:
        try:
            stat = os.stat(self.path)  # noqa: PTH116 - a nonce a call, and Path.stat doubles its cost
        except FileNotFoundError:
            return None
        return stat.st_dev, stat.st_ino

    def _open(self) -> sqlite3.Connection:
        folder.own(self.path.parent)
        # Made here, not by SQLite: with the process's umask others might read it.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            # NORMAL survives any kill. A power cut may lose the last marks; after the restart the clock
            # is past them, and no nonce is below the clock.
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(self._schema)
        except BaseException:
            db.close()
            raise
        return db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = self._file = None
