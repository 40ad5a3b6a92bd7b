"""What git does with a file that holds secrets."""

from __future__ import annotations

import enum
import subprocess
from pathlib import Path

_TIMEOUT_S = 10.0
"""git answers in milliseconds; one that waits, for a network drive say, must not hold up the command for long."""


class Fate(enum.Enum):
    """What becomes of a file at the next commit."""

    TRACKED = "tracked"
    """It is in the repository already."""
    EXPOSED = "exposed"
    """``git add .`` would put it there."""
    SAFE = "safe"
    """It is ignored, or in no repository, or there is no git to ask."""


def fate(path: Path) -> Fate:
    """What git would do with *path*, which need not exist."""
    if _git(path, "ls-files", "--error-unmatch") == 0:
        return Fate.TRACKED
    # 0: ignored; 1: not ignored; 128: no repository.
    return Fate.EXPOSED if _git(path, "check-ignore", "--quiet") == 1 else Fate.SAFE


def _git(path: Path, *arguments: str) -> int | None:
    command = ["git", "-C", str(path.parent), *arguments, "--", path.name]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S).returncode  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
