"""Files that the user asked for: whole, or as they were before."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path

META = "kraken_doctor.files"
"""Where `options.files` keeps what it was given, in the context: form to path."""


def check(path: Path) -> None:
    """
    Whether `write` will be able to write *path*; it is left as it is.

    Raises:
        OSError: It won't, and why.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    folder = _real(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such directory to write it in")
    if not os.access(path if _is_special(path) else folder, os.W_OK):
        raise PermissionError(errno.EACCES, "may not be written")


def write(path: Path, text: str, *, mode: int | None = None) -> None:
    """
    Replace *path* by *text*, in one step: a reader sees the old file or the new one, never half of one.

    A new file is for its owner alone (0600): a report names accounts and what they hold, and a .env is a secret.
    One that is there keeps its mode, which somebody chose, unless *mode* says otherwise.

    Raises:
        OSError: It can't be written; what was there is still there.
    """
    # What no encoding takes (half a surrogate pair) is written as its escape, which JSON reads back.
    data = text.encode("utf-8", errors="backslashreplace")
    if _is_special(path):
        path.write_bytes(data)  # a pipe or a device, such as /dev/stdout: there is nothing to replace
        return
    path = _real(path)
    if mode is None:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    # What is a secret lies, should this process die here, under a name that `.env*` in a .gitignore matches too.
    prefix = ".env." if mode is not None else f".{path.name[:100]}."
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=prefix)  # made with 0600
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())  # else a power cut may leave an empty file under the new name
        beside.chmod(mode)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _real(path: Path) -> Path:
    """Where a link leads: replacing the link itself would leave its target as it was."""
    return Path(os.path.realpath(path))


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
