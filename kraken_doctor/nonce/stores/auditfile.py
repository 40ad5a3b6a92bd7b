"""The audit log as two files of lines: one being written, and the one before it."""

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.call import CallRecord, from_line, from_lines
from kraken_doctor.nonce.stores import folder
from kraken_doctor.nonce.stores.fileturn import KernelLock
from kraken_doctor.nonce.stores.perprocess import refuse_reentry

_MAX_BYTES = 8 * 2**20
"""A file's size; two of them hold some 100,000 records, a day of a call a second."""

_MOVE_TIMEOUT_S = 0.1
"""Moving a file takes microseconds. While another process can't get done with it, the file grows a little more."""

_APPEND_TIMEOUT_S = 5.0
"""Where a record needs the lock; another process has it for a fraction of a millisecond."""


class AuditFile:
    """
    Appends a record with one system call, and no lock among processes but where a new file is begun.

    A line that is written at once with O_APPEND stays whole, whoever else writes; it survives the kill of this
    process the moment after. A database would cost five times as much, inside calls that wait for it.

    Args:
        path: The file being written; the one before it lies beside it as ``.1``.
        max_bytes: From this size on a new file is begun.
    """

    def __init__(self, path: Path, max_bytes: int = _MAX_BYTES) -> None:
        self._path = path
        self._older = path.with_name(f"{path.name}.1")
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._moving = KernelLock(path.with_name(f"{path.name}.lock"))
        self._file = -1
        self._identity: tuple[int, int] | None = None
        """Of what is open: see `folder.identity`."""

    def record(self, record: CallRecord) -> None:
        """`NonceStore.record`."""
        line = f"{record.to_line()}\n".encode()
        refuse_reentry(self._lock)
        try:
            with self._lock:
                if sys.platform == "win32":
                    self._append_alone(line)
                else:
                    os.write(self._open(), line)
        except OSError as exc:
            raise NonceStoreError(f"audit log {self._path}: {exc}") from exc

    def records(self, since_ns: int) -> Iterator[CallRecord]:
        """`NonceStore.records`."""
        for path in (self._older, self._path):
            found = map(from_line, _lines(path))
            yield from (record for record in found if record is not None and record.at_ns >= since_ns)

    def newest(self, wanted: Mapping[str, tuple[bytes, ...]]) -> Iterator[CallRecord]:
        """`NonceStore.newest`."""
        for path in (self._path, self._older):
            yield from from_lines(reversed(_lines(path)), wanted)

    def close(self) -> None:
        """Close the file; the next record opens it again."""
        with self._lock:
            self._close()
            self._moving.close()

    def __del__(self) -> None:
        # See `KernelLock`.
        with contextlib.suppress(OSError, AttributeError, TypeError):
            self._close()

    def _open(self) -> int:
        """Open the file at the path, and begin a new one where it is full; return its descriptor."""
        if self._file >= 0:
            if os.lseek(self._file, 0, os.SEEK_END) >= self._max_bytes:  # cheaper than its status
                self._begin_anew()
            elif not folder.is_at(self._path, self._identity):
                self._close()  # deleted, or moved aside by another process
        if self._file < 0:
            self._file = folder.open_file(self._path, os.O_WRONLY | os.O_APPEND)
            self._identity = folder.identity(self._file)
        return self._file

    def _begin_anew(self) -> None:
        # Several processes come here at once. Between the look and the move another must not move too: it would put
        # the new file, which has a line or two, in the place of the full one.
        try:
            if not self._moving.acquire(_MOVE_TIMEOUT_S):
                return
            if folder.is_at(self._path, self._identity):
                os.replace(self._path, self._older)  # noqa: PTH105 - as `folder.identity`
        finally:
            self._moving.close()
        self._close()

    def _append_alone(self, line: bytes) -> None:
        # Windows does not append in one step, and what any process has open it does not move: so each record has the
        # lock, and the file is open no longer than that.
        try:
            if not self._moving.acquire(_APPEND_TIMEOUT_S):
                raise TimeoutError(errno.ETIMEDOUT, "another process keeps writing to it")
            with contextlib.suppress(OSError):  # there is none yet, or somebody reads it: it grows a little more
                if self._path.stat().st_size >= self._max_bytes:
                    self._path.replace(self._older)
            file = folder.open_file(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(file, line)
            finally:
                os.close(file)
        finally:
            try:
                self._moving.release()
            finally:
                self._moving.release()  # the first may have been interrupted

    def _close(self) -> None:
        # In this order: interrupted between, the number might be closed twice, and be another file's by then.
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def _lines(path: Path) -> list[bytes]:
    """Return the lines of a log, which is bounded in size; none where there is no file."""
    try:
        return path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise NonceStoreError(f"audit log {path}: {exc}") from exc
