"""What git does with a file that holds secrets."""

import enum
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kraken_doctor import child

_TIMEOUT_S = 10.0
"""git answers in milliseconds; one that waits, for a network drive say, must not hold up the command for long."""

# A repository's own configuration names programs, and whoever made the folder wrote it. Of those, the two questions
# asked here can start fsmonitor (when the index is read), a pager, a hook (when an index is written), and, to fetch an
# object that is missing, whatever its remote needs: ssh, helpers, "ext::" addresses. What stands on the command line
# and in the environment wins over any file, those that it includes among them. The user's and the system's own
# configuration counts: it says what is ignored, and which folders of others are safe.
_NOTHING_OF_THE_FOLDER_S = (
    "--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=", "-c", f"core.hooksPath={os.devnull}"
)  # fmt: skip
_NO_TRANSPORT = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}


class GitStatus(enum.Enum):
    """What git would do with a file at the next commit."""

    TRACKED = "tracked"
    """It is in the repository already."""
    EXPOSED = "exposed"
    """``git add .`` would put it there."""
    SAFE = "safe"
    """It is ignored, or in no repository, or there is no git to ask."""


def status(path: Path, environ: Mapping[str, str]) -> GitStatus:
    """
    Return what git would do with *path*, which need not exist.

    Args:
        path: The file.
        environ: Variables of the child, which needs none of our credentials.
    """
    if _git(path, environ, "ls-files", "--error-unmatch") == 0:
        return GitStatus.TRACKED
    # 0: ignored; 1: not ignored; 128: no repository.
    return GitStatus.EXPOSED if _git(path, environ, "check-ignore", "--quiet") == 1 else GitStatus.SAFE


def _git(path: Path, environ: Mapping[str, str], *arguments: str) -> int | None:
    if (program := child.find_program("git")) is None:
        return None
    command = [program, *_NOTHING_OF_THE_FOLDER_S, "-C", str(path.parent), *arguments, "--", path.name]
    environ = {**environ, **_NO_TRANSPORT}
    try:
        ended = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S, env=environ)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.returncode
