"""``kraken-doctor sandbox``."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_doctor.cli import completing, lab
from kraken_doctor.cli.app import App
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.redact import is_read_here, without_secrets

if TYPE_CHECKING:
    from kraken_doctor.renderers.text import Terminal


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes a free one.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    help="This is wrong there; may be given again.",
    shell_complete=completing.faults,
)
@click.option("--pass-env", multiple=True, metavar="NAME", help="Pass this variable on as it is; may be given again.")
@click.option("--list-faults", is_flag=True, help="List the faults that it can have, and end.")
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
    with _serving(host, port, faults) as variables:
        if arguments:
            ctx.exit(_run(arguments, variables, pass_env))
        lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        app.output.show_demo("".join(lines))
        app.output.note("Serving until Ctrl-C; these keys open nothing but this exchange.\n")
        _wait_for_the_end()


@contextlib.contextmanager
def _serving(host: str, port: int, faults: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The demo with *faults*, served; yields the variables that lead to it."""
    scenario = lab.make(faults)
    if scenario.in_doctor:
        named = " and ".join(faults)
        raise ConfigurationError(
            f"{named} is inside the doctor, not the exchange: kraken-doctor check --sandbox --fault"
        )
    with contextlib.ExitStack() as stack:
        url, clocks = lab.serve(stack, scenario, host, port)
        servers = {f"KRAKEN_DOCTOR_{name}_NTP_SERVER": " ".join(clocks) for name in ("CHECK", "CLOCK")}
        yield {"KRAKEN_SPOT_URL": url, **scenario.environ, **scenario.variables, **servers}


def _listing(terminal: Terminal) -> str:
    """The faults by section, each with what it is."""
    from rich.console import Group

    from kraken_doctor.renderers.screen import listing, to_text
    from kraken_doctor.sandbox.faults import SECTIONS

    rows = [[fault.name, fault.title] for section in SECTIONS.values() for fault in section]
    hint = "Each shows itself with: kraken-doctor check --sandbox --fault NAME"
    return to_text(Group(listing(["Fault", "What is wrong"], rows), "", hint), terminal)


def _run(arguments: tuple[str, ...], variables: dict[str, str], passed: tuple[str, ...]) -> int:
    """The command's exit status; a signal that ended it counts as shells count it."""
    from kraken_doctor.sandbox.keys import without_named_secrets

    # None of the user's own accounts: a real key has no business in a test, not even on loopback.
    if own := [name for name in passed if is_read_here(name)]:
        raise ConfigurationError(
            f"--pass-env {own[0]} is refused: the doctor itself reads that, and gives it to no command"
        )
    inherited = {name: value for name, value in without_secrets(os.environ).items() if not _is_of_an_account(name)}
    inherited = without_named_secrets(inherited) | {name: os.environ[name] for name in passed if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="kraken-doctor-") as folder:
        environ = {
            "KRAKEN_NONCE_STORE": f"sqlite:///{Path(folder) / 'nonce.db'}",
            **inherited,
            **({} if any("proxy" in name.lower() for name in variables) else _without_proxy(inherited)),
            **variables,
            "KRAKEN_DOCTOR_NO_ENV_FILE": "1",
        }
        try:
            process = subprocess.Popen(arguments, env=environ)  # noqa: S603 - running it is what was asked for
        except OSError as exc:
            raise ConfigurationError(f"can't run {arguments[0][:60]!r}: {exc.strerror}") from exc
        # Ctrl-C reaches the command too: it is the one to decide what that means.
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
        status = process.wait()
    return status if status >= 0 else 128 - status


def _is_of_an_account(name: str) -> bool:
    return name.startswith("KRAKEN_") and name.endswith("_NONCE_UNIT")


def _without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep calls on loopback away from a proxy, which would send them to its own loopback."""
    excepted = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = ",".join(filter(None, (excepted, "127.0.0.1,::1,localhost")))
    return {"no_proxy": hosts, "NO_PROXY": hosts}


def _wait_for_the_end() -> None:
    """Until Ctrl-C (which is raised here) or SIGTERM, which ends cleanly."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
