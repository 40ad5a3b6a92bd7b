"""What git does with a file that holds secrets."""

from __future__ import annotations

import enum
import subprocess
from collections.abc import Mapping
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


def fate(path: Path, environ: Mapping[str, str]) -> Fate:
    """
    What git would do with *path*, which need not exist.

    Args:
        path: The file.
        environ: Variables of the child: a git may run hooks and helpers, which need none of our credentials.
    """
    if _git(path, environ, "ls-files", "--error-unmatch") == 0:
        return Fate.TRACKED
    # 0: ignored; 1: not ignored; 128: no repository.
    return Fate.EXPOSED if _git(path, environ, "check-ignore", "--quiet") == 1 else Fate.SAFE


def _git(path: Path, environ: Mapping[str, str], *arguments: str) -> int | None:
    command = ["git", "-C", str(path.parent), *arguments, "--", path.name]
    try:
        ended = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S, env=environ)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.returncode
