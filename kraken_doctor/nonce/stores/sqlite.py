"""Marks in an SQLite file: for all processes of one host, across restarts and kills."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from weakref import WeakValueDictionary

from kraken_doctor.descriptors import SHORTAGE, are_short
from kraken_doctor.errors import NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.defaults import TURN_LEASE_S
from kraken_doctor.model.unit import MAX_NONCE
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores import folder
from kraken_doctor.nonce.stores.auditfile import AuditFile
from kraken_doctor.nonce.stores.fileturn import FileTurns
from kraken_doctor.nonce.stores.perprocess import PerProcess, process, refuse_reentry
from kraken_doctor.nonce.turn import Turn
from kraken_doctor.tables import load

# Read now: a bot may have given up its rights, or its files, when it takes the first nonce.
_STATEMENTS = load(__file__, "sqlite.toml")

_SHIFT = 2**63
"""SQLite's integers are signed. Marks are kept minus that: the order stays, and the whole unsigned range fits."""

_DAMAGES = (sqlite3.Error, OSError, UnicodeError)
"""The last where SQLite quotes what is no text any more, out of a damaged file."""

_BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for other processes' statements, each of which takes microseconds."""

_BUSY_POLL_S = 0.005
"""Between two tries of what SQLite doesn't wait for by itself."""


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

    def newest(self, wanted: Mapping[str, tuple[bytes, ...]]) -> Iterator[CallRecord]:
        return self._shared().audit.newest(wanted)

    def close(self) -> None:
        shared = self._shared()
        shared.close()
        shared.audit.close()
        shared.turns.close()

    def _shared(self, *, look: bool = True) -> _Shared:
        """Return what this process has open where the path leads now; unless to *look*, where it led before."""
        found = self._found
        if found is not None and found.process is process() and not look:
            return found
        now = folder.identity(self.path)
        if found is None or found.process is not process() or found.identity != now:
            real, shared = folder.real(self.path), _open.get()
            with _opening.get():
                found = self._found = shared.get(real) or shared.setdefault(real, _Shared(real))
            # What is written to a file that was deleted or replaced reaches nobody else: it is opened anew.
            if found.identity != now:
                found.close()
        return found


class _Shared:
    """
    What one process has open of one file, private to the user: a connection that its threads share, log and turns.

    SQLite's locks are POSIX locks, and a process loses all that it has on a file when it closes any descriptor of
    it: another process would then take the file for unused, and delete the log that is written here. So nothing
    opens this file but SQLite, which knows; also not to make it.

    Args:
        path: Where the file is, or is to be; of several names that lead there the real one.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self.process = process()
        self.identity: tuple[int, int] | None = None
        """Of what is open: see `folder.identity`."""
        self.audit = AuditFile(path.with_name(f"{path.name}.audit"))
        self.turns = FileTurns(path)
        self.remedy = f"delete {path}"
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._last: dict[str, int] = {}  # what we issued, should the file be lost

    def advance(self, key_id: str, floor: int, is_possible: marks.Possible | None) -> int:
        """`NonceStore.advance`."""
        refuse_reentry(self.lock)
        try:
            with self.lock:
                least = max(floor, self._last.get(key_id, -1) + 1)
                if least <= MAX_NONCE:
                    db, mark = self._connection(), least - _SHIFT
                    # Nearly always the mark is below, and becomes what we have given.
                    raised = db.execute(_STATEMENTS["raise"], (mark, key_id, mark)).rowcount == 1
                    rows = [(mark,)] if raised else db.execute(_STATEMENTS["advance"], (key_id, mark)).fetchall()
                    answer = _unshifted(rows[0][0]) if rows else MAX_NONCE
                    nonce = marks.judged(answer, least, is_possible, self.remedy)
                    if rows:
                        self._last[key_id] = nonce
                        return nonce
        except _DAMAGES as exc:
            raise self._error(exc) from exc
        raise NonceExhaustedError(f"key {key_id}: the mark is at 2**64 - 1")

    def run(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Return the rows that *statement* gives."""
        refuse_reentry(self.lock)
        try:
            with self.lock:
                return self._connection().execute(statement, values).fetchall()
        except _DAMAGES as exc:
            raise self._error(exc) from exc

    def _error(self, exc: Exception) -> NonceStoreError:
        # SQLite says of any file that it can't open the same; where none is left, that is the reason.
        return NonceStoreError(f"nonce store {self._path}: {SHORTAGE if are_short() else exc}")

    def _connection(self) -> sqlite3.Connection:
        """Return the open connection; the caller holds `lock`, after `refuse_reentry`."""
        if self._db is None:
            self._db = self._open()
            self.identity = folder.identity(self._path)
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
        mode = folder.ensure_private_dir(self._path.parent)
        self._check()
        if self._path.exists() or sys.platform == "win32":
            return self._connect(str(self._path))
        # SQLite makes it with this mode; by itself it would follow the umask, and others might read it.
        with folder.new_file(self._path, mode) as like:
            return self._connect(f"{self._path.as_uri()}?modeof={like.as_uri().removeprefix('file://')}", uri=True)

    def _check(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            folder.check(self._path.with_name(f"{self._path.name}{suffix}"))

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
            for statement in _STATEMENTS["schema"]:
                db.execute(statement.replace("TABLE", "TABLE IF NOT EXISTS", 1))
        except BaseException:
            db.close()
            raise
        return db

    def _refuse_foreign(self, db: sqlite3.Connection) -> None:
        # A trigger, a view or a column with a rule of its own would choose the next nonce; it may have come with a
        # cloned repository.
        for name, sql in db.execute("SELECT name, sql FROM sqlite_master"):
            if sql not in _STATEMENTS["schema"]:
                problem = f"not a file of this library, it has {name[:40]!r}"
                raise sqlite3.DatabaseError(f"{problem}: use another, or delete it")


_open: PerProcess[WeakValueDictionary[Path, _Shared]] = PerProcess(WeakValueDictionary)
_opening = PerProcess(threading.RLock)


def _unshifted(mark: object) -> object:
    return mark + _SHIFT if isinstance(mark, int) else mark


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


_forking = threading.RLock()
_held: list[_Shared] = []


def _close_to_fork() -> None:
    # SQLite counts the locks of its process in memory: a child that had come by a copy of the counts would take
    # itself to hold what its parent holds, and be without a lock when the parent ends.
    _forking.acquire()
    for reference in _open.get().valuerefs():  # a copy: other threads open files meanwhile
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
