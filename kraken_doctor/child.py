"""Processes that this one starts: none outlives its limit, and ours import nothing from the working folder."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_TASKKILL_S = 10.0
"""It takes a fraction of a second; where it hangs the process alone is killed."""


def python(code: str, *arguments: str) -> list[str]:
    """
    Return the command of a Python that runs *code* with *arguments*.

    It has this package on its path, but not the working folder: a ``json.py`` that lies there is not ours to run.
    """
    root = str(Path(__file__).parents[1])
    return [sys.executable, "-P", "-c", f"import sys; sys.path.append({root!r}); {code}", *arguments]


def find_program(name: str) -> str | None:
    """
    Return the path of the program that *name* means; None where there is none.

    Windows would take one from the working folder first, whoever put it there, and finds no scripts (``npm.cmd``).
    """
    if sys.platform != "win32" or os.path.dirname(name):  # noqa: PTH120 - of "./x" pathlib makes "x"
        return shutil.which(name)
    folders = filter(os.path.isabs, os.environ.get("PATH", "").split(os.pathsep))
    endings = ("", *os.environ.get("PATHEXT", ".EXE;.BAT;.CMD").split(os.pathsep))
    files = (Path(folder, f"{name}{ending}") for folder in folders for ending in endings)
    return next((str(file) for file in files if file.suffix and file.is_file()), None)


def split_command(line: str) -> list[str]:
    """
    Return the words of a command *line*, as a POSIX shell has them; but on Windows a backslash is one.

    Raises:
        ValueError: A quotation has no end.
    """
    words = shlex.shlex(line, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters = True, ""
    if sys.platform == "win32":
        words.escape = ""
    return list(words)


@contextlib.contextmanager
def started(
    command: Sequence[str], *, children_may_stay: bool = False, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run *command* while the block runs; then kill it, and with it its process group (POSIX).

    Out of reach is what has made a group of its own; on Windows, children whose own parent has ended.

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
    if sys.platform == "win32" and process.poll() is None:
        taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # with its children, while it lives
            command = [str(taskkill), "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(command, capture_output=True, check=False, timeout=_TASKKILL_S)  # noqa: S603
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
        if number not in (signal.SIGINT, signal.SIGBREAK):  # these two the console has sent to it already
            process.terminate()
    elif group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
