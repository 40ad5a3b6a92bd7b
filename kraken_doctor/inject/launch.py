"""How the user's program is started: its environment with the hook, and the signals that are handed on to it."""

import _thread
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from kraken_doctor import child
from kraken_doctor.client.adapters import adapters
from kraken_doctor.descriptors import exhausted
from kraken_doctor.errors import ConfigurationError

_STARTUP = Path(__file__).with_name("startup")


def with_hook(environ: Mapping[str, str], mode: str, variables: Mapping[str, str]) -> dict[str, str]:
    """
    *environ* for a command whose Python processes run our hook first.

    Args:
        environ: The command's own.
        mode: See `hook.start`.
        variables: What the hook reads in that mode.
    """
    before_paths = environ.get("PYTHONPATH")  # an empty part of it is the working folder
    paths = before_paths.split(os.pathsep) if before_paths else []
    before = environ.get("KRAKEN_DOCTOR_HOOK_MODE")  # `sandbox -- kraken-doctor run -- bot`
    modules = (module for adapter in adapters() for module in adapter.modules)
    return {
        **environ,
        "KRAKEN_DOCTOR_HOOK_CLIENTS": ",".join(modules),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([str(_STARTUP), *paths])),
        "KRAKEN_DOCTOR_HOOK_MODE": f"{before},{mode}" if before else mode,
        **variables,
    }


def unreached(arguments: tuple[str, ...]) -> str:
    """Return which option of the command keeps the hook out; empty if none is seen."""
    name = Path(arguments[0]).name.lower()
    for argument in arguments[1:]:
        if not argument.startswith("-") or argument in ("-c", "-m"):
            break
        if name == "env" and argument in ("-i", "-", "--ignore-environment"):
            return f"env {argument}"
        if re.match(r"(python|pypy)", name) and (flag := re.match(r"-[a-zA-Z]*?([IES])", argument)):
            return "" if argument[1] in "XW" else f"python -{flag[1]}"
    return ""


class Command:
    """
    A command, and the signals that are handed on to it: it decides what they mean.

    Args:
        arguments: With its name.
        ends_within_s: After SIGTERM or SIGHUP it is killed after that many seconds; None leaves that to the caller's
            own supervisor.
    """

    def __init__(self, arguments: tuple[str, ...], ends_within_s: float | None = None) -> None:
        self._arguments = arguments
        self._ends_within_s = ends_within_s
        # At a terminal it stays in our group: it may ask there, and Ctrl-C reaches it from there.
        self._has_group = not sys.stdin.isatty()
        self._received: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    def hand_on(self, number: int, _frame: object) -> None:
        """Pass the signal *number* on; a signal handler."""
        self._received.append(number)
        if self._process is None:
            return
        if self._has_group or number != signal.SIGINT:
            self._send(number)
        if number in (signal.SIGTERM, getattr(signal, "SIGHUP", None)) and self._ends_within_s is not None:
            # Not a threading.Thread: to start one takes locks, and the main thread may hold them at this very moment.
            _thread.start_new_thread(self._kill_later, (self._ends_within_s,))

    def run(self, environ: Mapping[str, str]) -> int:
        """
        Return the exit status of the command; a signal that ended it counts as shells count it.

        Raises:
            ConfigurationError: It can't be started.
        """
        try:
            self._process = subprocess.Popen(  # noqa: S603 - it is what the user asks for
                self._arguments, env=environ, start_new_session=self._has_group
            )
        except (OSError, ValueError) as exc:
            if exhausted(exc):
                raise  # the limit of this process is said, and is no bad usage
            reason = exc.strerror if isinstance(exc, OSError) else exc
            raise ConfigurationError(f"can't run {self._arguments[0][:60]!r}: {reason}") from exc
        for number in tuple(self._received):
            self.hand_on(number, None)
        status = self._process.wait()
        if self._received and self._has_group and self._ends_within_s is not None:
            child.end(self._process)  # what it has started and left
        return status if status >= 0 else 128 - status

    def _send(self, number: int) -> None:
        assert self._process is not None  # noqa: S101
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Under `run` as from any supervisor: what the command's own children are to do is the command's to say.
            child.send(self._process, number, group=self._has_group and self._ends_within_s is not None)

    def _kill_later(self, seconds: float) -> None:
        time.sleep(seconds)
        self._send(getattr(signal, "SIGKILL", signal.SIGTERM))
