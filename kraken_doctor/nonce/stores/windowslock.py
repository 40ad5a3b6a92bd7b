"""Locks of Windows: ``LockFile``."""

from __future__ import annotations

import sys

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
