"""The directory of a store's files: this user's, and nobody else's to write to."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def own(folder: Path) -> None:
    """
    Make *folder* where it is missing, readable by its owner alone, and see that others can't replace what is in it.

    Who could would choose this user's next nonce, and by one near 2**64 make a key useless for good. In a directory
    such as /tmp, where only the owner of a file may replace it, the files' own modes are enough.

    Raises:
        OSError: It can't be made, belongs to another user, or everybody may write to it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name != "posix":
        return
    status = folder.stat()
    user = os.geteuid()
    # Root is in a container as a rule, and the directory a volume of the host's.
    if user != 0 and status.st_uid not in (0, user):
        raise PermissionError(errno.EPERM, f"the directory belongs to another user ({status.st_uid})", str(folder))
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise PermissionError(errno.EPERM, "everybody may write to the directory: chmod o-w it", str(folder))
