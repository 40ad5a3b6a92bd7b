"""Processes that this one starts: none outlives its limit, and ours import nothing from the working folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def python(code: str, *arguments: str) -> list[str]:
    """
    The command of a Python that runs *code* with *arguments*.

    It has this package on its path, but not the working folder: a ``json.py`` that lies there is not ours to run.
    """
    root = str(Path(__file__).parents[1])
    return [sys.executable, "-P", "-c", f"import sys; sys.path.append({root!r}); {code}", *arguments]


@contextlib.contextmanager
def started(
    command: Sequence[str], *, children_may_stay: bool = False, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """
    *command* while the block runs; then it is killed, and with it its process group (POSIX).

    Out of reach is what has made a group of its own; on Windows, all but the process itself.

    Args:
        command: With its arguments.
        children_may_stay: Whether those of a command that has ended by itself are left alone.
        options: Of `subprocess.Popen`.

    Raises:
        OSError: It can't be started.
    """
    process = subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603 - the caller knows what it runs
    try:
        yield process
    finally:
        if process.poll() is None or not children_may_stay:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill *process*, the first of its group, and the group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def send(process: subprocess.Popen[bytes], number: int, *, group: bool = True) -> None:
    """
    Send the signal *number* to the group of *process*; on Windows, and without a *group*, to the process alone.

    Raises:
        ProcessLookupError: There is none any more.
    """
    if sys.platform == "win32":
        process.terminate()
    elif group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
