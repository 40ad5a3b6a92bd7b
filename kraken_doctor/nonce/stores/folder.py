"""The files of a store and their directory: this user's, or shared on purpose."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kraken_doctor.descriptors import effective_user


def ensure_private_dir(folder: Path) -> int:
    """
    Make *folder* where it is missing, readable by its owner alone, and see that others can't replace what is in it.

    Who could would choose this user's next nonce, and by one near 2**64 make a key useless for good. In a directory
    such as /tmp, where only the owner of a file may replace it, the files' own modes and owners are enough.

    Returns:
        The mode of the files in it: for their owner alone, or for the group of a directory that is shared on
        purpose, with the set-group-ID bit and writable by its group.

    Raises:
        OSError: It can't be made, belongs to another user, or everybody may write to it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (user := effective_user()) is None:  # the directory in the user's profile is nobody else's
        return 0o600
    status = folder.stat()
    # Root is in a container as a rule, and the directory a volume of the host's.
    if user != 0 and status.st_uid not in (0, user):
        raise PermissionError(errno.EPERM, f"the directory belongs to another user ({status.st_uid})", str(folder))
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise PermissionError(errno.EPERM, "everyone can write to the directory: run chmod o-w on it", str(folder))
    return 0o660 if _is_shared(status) else 0o600


def check(path: Path, *, may_have_names: bool = False) -> None:
    """
    Raise where the file at *path*, if there is one, must not be used as a store.

    Raises:
        OSError: It is no file, or somebody else made it; or it has a second name, beside which another process would
            keep another write-ahead log and other locks.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if status.st_nlink > 1 and not may_have_names:
        raise OSError(errno.EMLINK, "the file has a second name (a hard link): copy it to a separate file", str(path))
    if (user := effective_user()) is None:
        return
    folder = path.parent.stat()
    shared = _is_shared(folder) and status.st_gid == folder.st_gid
    if status.st_uid not in (0, user, folder.st_uid) and not shared:
        how = "to share it, chgrp its directory to a common group and chmod it to 2770"
        raise PermissionError(errno.EPERM, f"the file belongs to another user ({status.st_uid}); {how}", str(path))


def identity(path: Path | int) -> tuple[int, int] | None:
    """Return device and inode of the file at *path*, or of an open one; None if there is none, or it can't be read."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a nonce a call, and Path.stat doubles its cost
    except OSError:
        return None
    return status.st_dev, status.st_ino


def real(path: Path) -> Path:
    """Return *path* without links; on file systems of Windows that can't say where a link leads, as it is."""
    try:
        return Path(os.path.realpath(path))
    except OSError:
        return path.absolute()


def is_at(path: Path, opened: tuple[int, int] | None) -> bool:
    """Return whether the open file whose `identity` is *opened* is still at *path*, neither deleted nor replaced."""
    return sys.platform == "win32" or identity(path) == opened  # on Windows nobody can do either while it is open


def open_file(path: Path, flags: int) -> int:
    """
    Open the lock or log at *path*, which is made where it is missing.

    Raises:
        OSError: It can't be, or is not to be used: see `ensure_private_dir` and `check`.
    """
    mode = ensure_private_dir(path.parent)
    check(path, may_have_names=True)  # it has two while it is made
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    if mode == 0o600:
        return os.open(path, flags | os.O_CREAT, mode)
    if not path.exists():
        # It appears with its mode: between making it and chmod another user could not open it.
        with new_file(path, mode) as made, suppress(FileExistsError):
            path.hardlink_to(made)
    return os.open(path, flags)


@contextmanager
def new_file(path: Path, mode: int) -> Iterator[Path]:
    """Make an empty file of this *mode* beside *path*, and delete it afterwards."""
    made = path.with_name(f"{path.name}.{os.urandom(8).hex()}.new")
    try:
        os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        made.chmod(mode)  # whatever the umask is
        yield made
    finally:
        made.unlink(missing_ok=True)


def _is_shared(folder: os.stat_result) -> bool:
    return folder.st_mode & (stat.S_ISGID | stat.S_IWGRP) == stat.S_ISGID | stat.S_IWGRP
