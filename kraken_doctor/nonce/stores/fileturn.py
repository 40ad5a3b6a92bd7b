"""
Turns between the processes of one host: two file locks a key.

The kernel frees a lock when its holder dies, however it dies.
"""

import contextlib
import hashlib
import os
import re
import sys
import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.nonce.stores import folder
from kraken_doctor.nonce.turn import HOLD_S, HandoffLock, Turn, hold

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
        self._identity: tuple[int, int] | None = None
        """Of what is open: see `folder.identity`."""
        self._may_be_locked = False
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
        if self._may_be_locked and self._file >= 0:
            unlock(self._file)
        self._may_be_locked = False

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
            self._identity = folder.identity(self._file)
        self._may_be_locked = True
        if not try_lock(self._file):
            return False
        if folder.is_at(self._path, self._identity):
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


_KEYS_KEPT_OPEN = 100
"""Two files a key. A process may have 1,024 open on most systems, and a bot wants its connections too."""


class FileTurns:
    """The turns of one process's threads, all keys; the files lie beside the database *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turns: dict[str, tuple[HandoffLock, _Locks]] = {}

    def turn(self, key_id: str, timeout_s: float) -> AbstractContextManager[Turn]:
        """`NonceStore.turn`."""
        found = self._turns.get(key_id)
        if found is None:
            locks = _Locks(self._path, key_id, lambda: len(self._turns) <= _KEYS_KEPT_OPEN)
            # setdefault is atomic: of two threads that come first, both get the same one.
            found = self._turns.setdefault(key_id, (HandoffLock(locks.take, locks.give_back), locks))
        return hold(found[0], key_id, timeout_s, Turn())

    def close(self) -> None:
        """Close the files of the keys whose turn is free; the next turn opens them again."""
        for lock, locks in list(self._turns.values()):
            lock.if_free(locks.close)


class _Locks:
    """
    The lock of one key, and a gate before it that makes it fair.

    Who waits for the lock holds the gate meanwhile, so a process that has just let go can't take the lock
    again before the one that waits; but for `HOLD_S` after it has passed the gate, which is not asked then.
    """

    def __init__(self, path: Path, key_id: str, stays_open: Callable[[], bool]) -> None:
        # A key id that came from a caller may be anything; a file name may not.
        safe = key_id if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key_id) else hashlib.sha256(key_id.encode()).hexdigest()
        self._key_id = key_id
        self._passed = -HOLD_S
        self._stays_open = stays_open
        self._gate = KernelLock(path.with_name(f"{path.name}.{safe}.next.lock"))
        self._file = KernelLock(path.with_name(f"{path.name}.{safe}.lock"))

    def take(self, timeout_s: float, _turn: Turn) -> None:
        """Take both locks, and free the gate; `TimeoutError` if another process did not let go in time."""
        end = (now := time.monotonic()) + timeout_s
        try:
            if now - self._passed < HOLD_S and self._file.acquire(0):
                return
            taken = self._gate.acquire(timeout_s) and self._file.acquire(max(0.0, end - time.monotonic()))
        except OSError as exc:
            raise NonceStoreError(f"turn of key {self._key_id}: {exc}") from exc
        if not taken:
            raise TimeoutError
        self._passed = time.monotonic()
        self._gate.release()

    def give_back(self) -> None:
        """Free both locks: a caller that was interrupted may have either."""
        self._gate.release()
        self._file.release()
        if not self._stays_open():
            self.close()  # opened again for the next call: slower, but a thousand keys need no more files than a few

    def close(self) -> None:
        """Close both files, and so free what is locked."""
        self._file.close()
        self._gate.close()
