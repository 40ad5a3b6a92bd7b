"""Locks of POSIX systems: ``flock``."""

from __future__ import annotations

import sys

if sys.platform != "win32":
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
