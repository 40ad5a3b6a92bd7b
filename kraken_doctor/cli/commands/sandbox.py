"""``kraken-doctor sandbox``."""

from __future__ import annotations

import _thread
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_doctor import child
from kraken_doctor.cli import completing
from kraken_doctor.cli.app import App
from kraken_doctor.doctor import sandbox_env
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.redact import is_read_here, without_secrets
from kraken_doctor.terminal.interruption import ENDINGS, Interruption, handled

if TYPE_CHECKING:
    from kraken_doctor.terminal.text import Terminal

_ENDS_WITHIN_S = 10.0
"""After SIGTERM a command has that long; as `docker stop` has it."""

_POLL_S = 0.2


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes a free one.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    help="Simulate this fault (repeatable).",
    shell_complete=completing.faults,
)
@click.option("--pass-env", multiple=True, metavar="NAME", help="Pass this variable on unchanged (repeatable).")
@click.option("--list-faults", is_flag=True, help="List the faults that it can simulate, and exit.")
@click.argument("arguments", nargs=-1, metavar="[-- COMMAND ...]", type=click.UNPROCESSED)
@click.pass_context
def command(
    ctx: click.Context, /, host: str, port: int, faults: tuple[str, ...], pass_env: tuple[str, ...], list_faults: bool,
    arguments: tuple[str, ...],
) -> None:  # fmt: skip
    """
    Serve the embedded exchange, or run a command against it.

    Prints the variables to export, and serves until Ctrl-C. With a command it runs that with the variables set,
    and ends with its status; the command sees no real credentials: what the doctor itself reads is taken out of its
    environment, and what is named like a secret, a password, a token or a key has a dummy in its place.

    \b
    Examples:
      kraken-doctor sandbox
      kraken-doctor sandbox -- python my_bot.py
      kraken-doctor sandbox --fault nonce-shared-key -- python my_bot.py
      kraken-doctor sandbox --list-faults
    """
    app: App = ctx.obj
    if list_faults:
        app.output.out(_listing(app.output.terminal()))
        return
    if arguments:
        with _serving(host, port, faults) as variables:
            ctx.exit(_run(arguments, variables, pass_env, app.interruption))
    ended: list[int] = []
    # A list and no Event: its lock may be this very thread's when the handler is called, and that would wait for good.
    with handled(ENDINGS[1:], lambda number, _: ended.append(number)), _serving(host, port, faults) as variables:
        app.output.show_demo("".join(f"{_assignment(name, value)}\n" for name, value in variables.items()))
        app.output.note("Serving until Ctrl-C; these keys open nothing but this exchange.\n")
        while not (ended or app.interruption.requested()):  # Ctrl-C is raised
            time.sleep(_POLL_S)


def _assignment(name: str, value: str) -> str:
    """As the shell has it that is at hand: PowerShell, or one of POSIX."""
    if sys.platform == "win32":
        return f"$env:{name} = '{value}'"
    return f"export {name}={shlex.quote(value)}"


@contextlib.contextmanager
def _serving(host: str, port: int, faults: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The demo with *faults*, served; yields the variables that lead to it."""
    scenario = sandbox_env.build_scenario(faults)
    if scenario.in_doctor:
        named = " and ".join(faults)
        raise ConfigurationError(
            f"{named} is inside the doctor, not the exchange: kraken-doctor check --sandbox --fault"
        )
    with contextlib.ExitStack() as stack:
        url, clocks = sandbox_env.serve(stack, scenario, host, port)
        servers = {f"KRAKEN_DOCTOR_{name}_NTP_SERVER": " ".join(clocks) for name in ("CHECK", "CLOCK")}
        yield {"KRAKEN_SPOT_URL": url, **scenario.environ, **scenario.variables, **servers}


def _listing(terminal: Terminal) -> str:
    """The faults by section, each with what it is."""
    from rich.console import Group

    from kraken_doctor.render.rich_page import listing, to_text
    from kraken_doctor.sandbox.faults import SECTIONS

    rows = [[fault.name, fault.title] for section in SECTIONS.values() for fault in section]
    hint = "Each shows itself with: kraken-doctor check --sandbox --fault NAME"
    return to_text(Group(listing(["Fault", "What is wrong"], rows), "", hint), terminal)


def _run(
    arguments: tuple[str, ...], variables: dict[str, str], passed: tuple[str, ...], interruption: Interruption
) -> int:
    """The command's exit status; a signal that ended it counts as shells count it."""
    from kraken_doctor.sandbox.keys import without_named_secrets

    # None of the user's own accounts: a real key has no business in a test, not even on loopback.
    if own := [name for name in passed if is_read_here(name)]:
        raise ConfigurationError(
            f"--pass-env {own[0]} is refused: the doctor itself reads that, and gives it to no command"
        )
    inherited = {name: value for name, value in without_secrets(os.environ).items() if not _is_of_an_account(name)}
    inherited = without_named_secrets(inherited) | {name: os.environ[name] for name in passed if name in os.environ}
    command = _Command(arguments)
    # Until the folder is gone: whatever ends us, neither it nor the command is left behind.
    with (
        handled(ENDINGS, command.hand_on),
        interruption.deferred(unless_requested=True),  # what was put off until now has no other handler any more
        tempfile.TemporaryDirectory(prefix="kraken-doctor-", ignore_cleanup_errors=True) as folder,
    ):
        environ = {
            "KRAKEN_NONCE_STORE": f"sqlite:///{Path(folder) / 'nonce.db'}",
            **inherited,
            **({} if any("proxy" in name.lower() for name in variables) else _without_proxy(inherited)),
            **variables,
            "KRAKEN_DOCTOR_NO_ENV_FILE": "1",
        }
        status = command.run(environ)
    return status if status >= 0 else 128 - status


class _Command:
    """The command, and the signals that are handed on to it: it decides what they mean, but not for ever."""

    def __init__(self, arguments: tuple[str, ...]) -> None:
        self._arguments = arguments
        # At a terminal it stays in our group: it may ask there, and Ctrl-C reaches it from there.
        self._has_group = not sys.stdin.isatty()
        self._struck: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    def hand_on(self, number: int, _frame: object) -> None:
        """A signal handler."""
        self._struck.append(number)
        if self._process is None:
            return
        if self._has_group or number != signal.SIGINT:
            self._send(number)
        if number != signal.SIGINT:
            _thread.start_new_thread(self._kill_later, ())  # not a threading.Thread: see `Interruption.again`

    def run(self, environ: Mapping[str, str]) -> int:
        """How it ended, as `subprocess` has it."""
        try:
            self._process = subprocess.Popen(self._arguments, env=environ, start_new_session=self._has_group)  # noqa: S603
        except OSError as exc:
            raise ConfigurationError(f"can't run {self._arguments[0][:60]!r}: {exc.strerror}") from exc
        for number in tuple(self._struck):
            self.hand_on(number, None)
        status = self._process.wait()
        if self._struck and self._has_group:
            child.end(self._process)  # what it has started and left
        return status

    def _send(self, number: int) -> None:
        assert self._process is not None  # noqa: S101
        with contextlib.suppress(ProcessLookupError, PermissionError):
            child.send(self._process, number, group=self._has_group)

    def _kill_later(self) -> None:
        time.sleep(_ENDS_WITHIN_S)
        self._send(getattr(signal, "SIGKILL", signal.SIGTERM))


def _is_of_an_account(name: str) -> bool:
    return name.startswith("KRAKEN_") and name.endswith("_NONCE_UNIT")


def _without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep calls on loopback away from a proxy, which would send them to its own loopback."""
    excepted = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = ",".join(filter(None, (excepted, "127.0.0.1,::1,localhost")))
    return {"no_proxy": hosts, "NO_PROXY": hosts}
