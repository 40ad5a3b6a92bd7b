"""Files as the system has them: opened without waiting, counted, and whose they are."""

import contextlib
import errno
import os
import sys

NEEDED = 4
"""The most that one step opens at a time: a database with its two files, or a socket beside what waits for it."""

# Where no more can be opened every step fails, and none of them is at fault.
SHORTAGE = "this process can't open as many files as it needs: raise the limit (ulimit -n), or close other files"


def exhausted(exc: BaseException | None) -> bool:
    """Return whether *exc* says that no more files can be opened, by this process or on this system."""
    return isinstance(exc, OSError) and exc.errno in (errno.EMFILE, errno.ENFILE)


def without_waiting(name: str, flags: int) -> int:
    """`open`'s *opener*: of a pipe that is named, the other end is not waited for."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def effective_user() -> int | None:
    """Return the number of this process's user; None on Windows, where files have neither such an owner nor modes."""
    if sys.platform == "win32":
        return None
    return os.geteuid()


def reader_is_gone(exc: OSError) -> bool:
    """Return whether *exc* says that nobody reads a pipe any more; on Windows that has no errno of its own."""
    return isinstance(exc, BrokenPipeError) or (sys.platform == "win32" and exc.errno == errno.EINVAL)


def are_short() -> bool:
    """Whether fewer than `NEEDED` are left: for what fails then without saying why, as SQLite and resolvers do."""
    with contextlib.ExitStack() as taken:
        try:
            for _ in range(NEEDED):
                taken.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError as exc:
            return exhausted(exc)
    return False
