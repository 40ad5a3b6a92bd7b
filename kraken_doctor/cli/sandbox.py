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

import click

from kraken_doctor.cli.app import App
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.redact import without_secrets


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes a free one.")
@click.argument("arguments", nargs=-1, metavar="[-- COMMAND ...]", type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, /, host: str, port: int, arguments: tuple[str, ...]) -> None:
    """
    Serve the embedded exchange, or run a command against it.

    Prints the variables to export, and serves until Ctrl-C. With a command it runs that with the variables set,
    and ends with its status; the command sees no real credentials.

    \b
    Examples:
      kraken-doctor sandbox
      kraken-doctor sandbox -- python my_bot.py
    """
    app: App = ctx.obj
    with _serving(host, port) as variables:
        if arguments:
            ctx.exit(_run(arguments, variables))
        lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        app.output.show_demo("".join(lines))
        app.output.note("Serving until Ctrl-C; these keys open nothing but this exchange.\n")
        _wait_for_the_end()


@contextlib.contextmanager
def _serving(host: str, port: int) -> Iterator[dict[str, str]]:
    """The demo, served; yields the variables that lead to it."""
    from kraken_doctor.sandbox.http import SandboxServer
    from kraken_doctor.sandbox.ntp import SandboxNtpServer
    from kraken_doctor.sandbox.scenarios import healthy

    scenario = healthy()
    with SandboxServer(scenario.exchange, host=host, port=port) as server, SandboxNtpServer() as clock:
        servers = {f"KRAKEN_DOCTOR_{name}_NTP_SERVER": clock.address for name in ("CHECK", "CLOCK")}
        yield {"KRAKEN_SPOT_URL": server.url, **scenario.environ, **servers}


def _run(arguments: tuple[str, ...], variables: dict[str, str]) -> int:
    """The command's exit status; a signal that ended it counts as shells count it."""
    # None of the user's own accounts: a real key has no business in a test, not even on loopback.
    inherited = {name: value for name, value in without_secrets(os.environ).items() if not _is_of_an_account(name)}
    with tempfile.TemporaryDirectory(prefix="kraken-doctor-") as folder:
        environ = {
            "KRAKEN_NONCE_STORE": f"sqlite:///{Path(folder) / 'nonce.db'}",
            **inherited,
            **_without_proxy(inherited),
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
