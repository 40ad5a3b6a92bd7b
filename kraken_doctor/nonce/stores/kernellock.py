"""A lock among processes that the kernel frees when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import weakref
from pathlib import Path

from kraken_doctor.nonce.stores import folder

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _ERROR_LOCK_VIOLATION = 33
    _ERROR_NOT_LOCKED = 158
    _NOTHING_TO_UNLOCK = (_ERROR_NOT_LOCKED, _ERROR_LOCK_VIOLATION)
    """The latter under Wine."""

    # Not msvcrt.locking: what fails there has one errno for "locked by another" and for everything else.
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    for _function in (_kernel32.LockFile, _kernel32.UnlockFile):
        _function.argtypes = [wintypes.HANDLE, *[wintypes.DWORD] * 4]
        _function.restype = wintypes.BOOL
    _FIRST_BYTE = (0, 0, 1, 0)
    """Offset and length, each as its low and its high half. The byte need not exist."""

    def try_lock(file: int) -> bool:
        """
        Lock the open *file* for this process alone; False if another has it.

        Raises:
            OSError: It can't be locked: the file system has no locks.
        """
        handle = msvcrt.get_osfhandle(file)
        if _kernel32.LockFile(handle, *_FIRST_BYTE):
            return True
        if (error := ctypes.get_last_error()) != _ERROR_LOCK_VIOLATION:
            raise ctypes.WinError(error)
        # Here it is in one's own way too, unlike flock: of whoever was interrupted while freeing it.
        return bool(_kernel32.UnlockFile(handle, *_FIRST_BYTE) and _kernel32.LockFile(handle, *_FIRST_BYTE))

    def unlock(file: int) -> None:
        """Free the lock; nothing where there is none."""
        freed = _kernel32.UnlockFile(msvcrt.get_osfhandle(file), *_FIRST_BYTE)
        if not freed and (error := ctypes.get_last_error()) not in _NOTHING_TO_UNLOCK:
            raise ctypes.WinError(error)

else:
    import fcntl

    def try_lock(file: int) -> bool:
        """Lock the open *file* for this process alone; False if another has it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(file: int) -> None:
        """Free the lock; nothing where there is none."""
        fcntl.flock(file, fcntl.LOCK_UN)


_POLL_S = 0.002
"""Between two tries while another process has the lock: small beside a call to Kraken (tens of ms)."""


class KernelLock:
    """
    An exclusive lock on a file, for one holder a process at a time.

    The file stays open: opening it for each call would cost more than all the rest of the turn.

    Args:
        path: The file; made when missing, for its owner alone. It stays empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        _all.add(self)

    def acquire(self, timeout_s: float) -> bool:
        """
        Wait for the lock, *timeout_s* seconds at most; False if another process held it all the time.

        Raises:
            OSError: The file can't be made or locked.
        """
        end = time.monotonic() + timeout_s
        while not self._try():
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_S)
        return True

    def release(self) -> None:
        """Free the lock; for its holder."""
        if self._file >= 0:
            unlock(self._file)

    def close(self) -> None:
        """Close the file, and so free the lock."""
        # In this order: interrupted between, the number might be closed twice, and be another file's by then.
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        # Of a store that was left open: a process that makes one now and then must not run out of files.
        with contextlib.suppress(OSError, AttributeError, TypeError):  # at the interpreter's end even `os` may be gone
            self.close()

    def _try(self) -> bool:
        if self._file < 0:
            self._file = folder.open_file(self._path, os.O_RDWR)
        if not try_lock(self._file):
            return False
        if folder.is_at(self._file, self._path):
            return True
        # Deleted or replaced meanwhile: others lock another file, and this one keeps out nobody.
        self.close()
        return False


_all: weakref.WeakSet[KernelLock] = weakref.WeakSet()


def _close_in_child() -> None:
    # A forked child has the parent's locked files open too, and a lock lives as long as any of them: if the parent
    # were killed, its child would hold the key for ever without knowing it. Closing ours leaves the parent's alone.
    for lock in list(_all):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
