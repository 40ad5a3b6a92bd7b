"""One SQLite file as one process has it open: private to the user, opened anew when it is lost."""

import os
import sqlite3
import sys
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from kraken_doctor.nonce.stores import folder
from kraken_doctor.nonce.stores.perprocess import PerProcess, refuse_reentry

_BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for other processes' statements, each of which takes microseconds."""

_BUSY_POLL_S = 0.005
"""Between two tries of what SQLite doesn't wait for by itself."""


class SQLiteFile:
    """
    A connection that the threads of one process share.

    SQLite's locks are POSIX locks, and a process loses all that it has on a file when it closes any descriptor of
    it: another process would then take the file for unused, and delete the log that is written here. So nothing
    opens this file but SQLite, which knows; also not to make it.

    Args:
        path: Where the file is, or is to be; of several names that lead there the real one.
        schema: Statements that make what is missing. What else is in the file makes it somebody else's.
    """

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self.lock = threading.RLock()
        """Held by whoever uses `connection`, after `refuse_reentry`."""
        self.path = path
        self.identity: tuple[int, int] | None = None
        """Of what is open: see `folder.identity`."""
        self._schema = schema
        self._db: sqlite3.Connection | None = None
        everything = _all.get()
        everything.add(weakref.ref(self, everything.discard))

    def run(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """
        Return the rows that *statement* gives.

        Raises:
            sqlite3.Error, OSError: It can't be done.
        """
        refuse_reentry(self.lock)
        with self.lock:
            return self.connection().execute(statement, values).fetchall()

    def connection(self) -> sqlite3.Connection:
        """Return the open connection; the caller holds `lock`."""
        if self._db is None:
            self._db = self._open()
            self.identity = folder.identity(self.path)
        return self._db

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self.lock:
            # In this order: closed, but still taken for open, it would fail for good.
            db, self._db, self.identity = self._db, None, None
            with suppress(sqlite3.Error):
                if db is not None:
                    db.close()

    def __del__(self) -> None:
        with suppress(sqlite3.Error, AttributeError, TypeError):  # at the interpreter's end anything may be gone
            self.close()

    def _open(self) -> sqlite3.Connection:
        mode = folder.ensure_private_dir(self.path.parent)
        self._check()
        if self.path.exists() or sys.platform == "win32":
            return self._connect(str(self.path))
        # SQLite makes it with this mode; by itself it would follow the umask, and others might read it.
        with folder.new_file(self.path, mode) as like:
            return self._connect(f"{self.path.as_uri()}?modeof={like.as_uri().removeprefix('file://')}", uri=True)

    def _check(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            folder.check(self.path.with_name(f"{self.path.name}{suffix}"))

    def _connect(self, name: str, *, uri: bool = False) -> sqlite3.Connection:
        db = sqlite3.connect(name, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, uri=uri)
        try:
            self._check()  # nobody has put another there meanwhile
            # Of a file that is made now: each nonce writes a page to the log and its checksum, and a mark is 30 bytes.
            db.execute("PRAGMA page_size = 512")
            self._refuse_foreign(db)
            _switch_to_wal(db)
            # NORMAL survives any kill. A power cut may lose the last marks; after the restart the clock
            # is past them, and no nonce is below the clock.
            db.execute("PRAGMA synchronous = NORMAL")
            for statement in self._schema:
                db.execute(statement.replace("TABLE", "TABLE IF NOT EXISTS", 1))
        except BaseException:
            db.close()
            raise
        return db

    def _refuse_foreign(self, db: sqlite3.Connection) -> None:
        # A trigger, a view or a column with a rule of its own would choose the next nonce; it may have come with a
        # cloned repository.
        for name, sql in db.execute("SELECT name, sql FROM sqlite_master"):
            if sql not in self._schema:
                problem = f"not a file of this library, it has {name[:40]!r}"
                raise sqlite3.DatabaseError(f"{problem}: use another, or delete it")


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """Switch the journal to WAL, and wait for others that do so: SQLite fails at once here, whatever its timeout."""
    until = monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(_BUSY_POLL_S)
        else:
            return


_all: PerProcess[set[weakref.ref[SQLiteFile]]] = PerProcess(set)


_forking = threading.RLock()
_held: list[SQLiteFile] = []


def _close_to_fork() -> None:
    # SQLite counts the locks of its process in memory: a child that had come by a copy of the counts would take
    # itself to hold what its parent holds, and be without a lock when the parent ends.
    _forking.acquire()
    for reference in list(_all.get()):
        file = reference()
        # A signal handler that forks inside a statement can't close what it interrupted.
        if file is not None and not file.lock._is_owned():  # type: ignore[attr-defined] # noqa: SLF001
            file.lock.acquire()
            _held.append(file)
            file.close()


def _go_on() -> None:
    while _held:
        _held.pop().lock.release()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_close_to_fork, after_in_parent=_go_on, after_in_child=_go_on)
