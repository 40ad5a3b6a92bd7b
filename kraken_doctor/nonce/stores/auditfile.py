"""The audit log as two files of lines: one being written, and the one before it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.call import CallRecord, from_line, from_lines
from kraken_doctor.nonce.stores import folder
from kraken_doctor.nonce.stores.kernellock import KernelLock
from kraken_doctor.nonce.stores.perprocess import refuse_reentry

_MAX_BYTES = 8 * 2**20
"""A file's size; two of them hold some 100,000 records, a day of a call a second."""

_MOVE_TIMEOUT_S = 0.1
"""Moving a file takes microseconds. While another process can't get done with it, the file grows a little more."""


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

    def record(self, record: CallRecord) -> None:
        """`NonceStore.record`."""
        line = f"{record.to_line()}\n".encode()
        refuse_reentry(self._lock)
        try:
            with self._lock:
                os.write(self._open(), line)
        except OSError as exc:
            raise NonceStoreError(f"audit log {self._path}: {exc}") from exc

    def records(self, since_ns: int) -> Iterator[CallRecord]:
        """`NonceStore.records`."""
        for path in (self._older, self._path):
            try:
                with path.open("rb") as lines:
                    for line in lines:
                        record = from_line(line)
                        if record is not None and record.at_ns >= since_ns:
                            yield record
            except FileNotFoundError:
                continue
            except OSError as exc:
                raise NonceStoreError(f"audit log {path}: {exc}") from exc

    def newest(self, wanted: Collection[str]) -> Iterator[CallRecord]:
        """`NonceStore.newest`."""
        for path in (self._path, self._older):
            try:
                lines = path.read_bytes().split(b"\n")
            except FileNotFoundError:
                continue
            except OSError as exc:
                raise NonceStoreError(f"audit log {path}: {exc}") from exc
            yield from from_lines(reversed(lines), wanted)

    def close(self) -> None:
        """Close the file; the next record opens it again."""
        with self._lock:
            self._close()

    def __del__(self) -> None:
        # See `KernelLock`.
        with contextlib.suppress(OSError, AttributeError, TypeError):
            self._close()

    def _open(self) -> int:
        """The file to write to: the one at the path, and not too large."""
        if self._file >= 0:
            mine = os.fstat(self._file)
            if mine.st_size >= self._max_bytes:
                self._begin_anew(mine)
            elif not self._is_at_path(mine):
                self._close()  # deleted, or moved aside by another process
        if self._file < 0:
            self._file = folder.open_file(self._path, os.O_WRONLY | os.O_APPEND)
        return self._file

    def _begin_anew(self, mine: os.stat_result) -> None:
        # Several processes come here at once. Between the look and the move another must not move too: it would put
        # the new file, which has a line or two, in the place of the full one.
        try:
            if not self._moving.acquire(_MOVE_TIMEOUT_S):
                return
            if self._is_at_path(mine):
                os.replace(self._path, self._older)  # noqa: PTH105 - as `folder.identity`
        finally:
            self._moving.close()
        self._close()

    def _is_at_path(self, mine: os.stat_result) -> bool:
        return folder.identity(self._path) == (mine.st_dev, mine.st_ino)

    def _close(self) -> None:
        # In this order: interrupted between, the number might be closed twice, and be another file's by then.
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
