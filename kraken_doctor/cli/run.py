"""``kraken-doctor run``."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_doctor.cli.app import App
from kraken_doctor.cli.interruption import ENDINGS, handled
from kraken_doctor.errors import ConfigurationError

if TYPE_CHECKING:
    from kraken_doctor.inject.collector import Collector
    from kraken_doctor.model.call import CallRecord

_PASSED_ON = (*ENDINGS, "SIGQUIT", "SIGUSR1", "SIGUSR2")


@click.command("run")
@click.option("--store", metavar="URL", help="Nonce store: sqlite:///path, redis://host:port/db, memory://.")
@click.option(
    "--metrics-port", type=click.IntRange(0, 65_535), help="Serve the bot's calls as Prometheus metrics there."
)
@click.argument("arguments", nargs=-1, required=True, metavar="-- COMMAND ...", type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, /, store: str | None, metrics_port: int | None, arguments: tuple[str, ...]) -> None:
    """
    Run a Python bot unmodified, with one private Kraken call in flight per key.

    Reaches krakenex, ccxt.kraken and python-kraken-sdk in the command and in its Python children, each in its own
    nonce unit. Several bots on one key take turns where they use the same nonce store. Ends with the command's status.

    \b
    Examples:
      kraken-doctor run -- python my_bot.py
      kraken-doctor run -- freqtrade trade --config config.json
      kraken-doctor run --store redis://10.0.0.5:6379/0 -- my-bot
    """
    from kraken_doctor.inject.collector import Collector
    from kraken_doctor.inject.launch import UNREACHED, Command, unreached, with_hook

    app: App = ctx.obj
    if option := unreached(arguments):
        app.output.warn(f"{option}: the start-up hook is not loaded there; private calls stay as they are.\n")
    started = Command(arguments)
    with contextlib.ExitStack() as stack:
        stack.enter_context(handled(_PASSED_ON, started.hand_on))
        stack.enter_context(app.interruption.held(unless_wanted=True))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kraken-doctor-")))
        observe = stack.enter_context(_metrics(app, metrics_port)) if metrics_port is not None else None
        with Collector(folder, observe) as collector:
            variables = {"KRAKEN_DOCTOR_HOOK_STORE": _store_url(app, store), **collector.variables}
            status = started.run(with_hook(app.environ, "run", variables))
        _summarise(app, collector, UNREACHED)
    ctx.exit(status)


def _store_url(app: App, option: str | None) -> str:
    """
    The store for all processes of the command, wherever each of them works.

    Raises:
        ConfigurationError: It is none.
    """
    from kraken_doctor.nonce.stores import absolute_url

    return absolute_url(option or app.variable("KRAKEN_NONCE_STORE"))


def _summarise(app: App, collector: Collector, unreached: str) -> None:
    if not collector.clients:
        pythons = collector.pythons()
        old = [version for version in pythons if tuple(map(int, version.split("."))) < (3, 11)]
        seen = f"{sum(pythons.values())} Python process{'es' if sum(pythons.values()) != 1 else ''} seen"
        reason = f"Python {', '.join(sorted(old))} is too old" if old else f"not reached: {unreached}"
        app.output.warn(
            f"kraken-doctor run: no Kraken client was seen, so nothing was put in order ({seen}; {reason}).\n"
        )
        return
    made = ", ".join(f"{count} {name}" for name, count in sorted(collector.clients.items()))
    calls = f"private calls: {collector.calls}, refused for their nonce: {collector.refused}"
    left = sum(collector.left.values())
    tell: Callable[[str], None] = app.output.warn if left or collector.refused else app.output.note
    rest = f"; {left} of the clients left as they were, see above" if left else ""
    tell(f"kraken-doctor run: clients: {made}; {calls}{rest}.\n")


@contextlib.contextmanager
def _metrics(app: App, port: int) -> Iterator[Callable[[CallRecord], None]]:
    """Serve what the library counts of each call; yields what counts one."""
    try:
        from prometheus_client import start_http_server

        from kraken_doctor.client.metrics import observe
    except ImportError:
        raise ConfigurationError("--metrics-port needs its extra: pip install 'kraken-doctor[metrics]'") from None
    try:
        server, thread = start_http_server(port, "127.0.0.1")
    except OSError as exc:
        raise ConfigurationError(f"--metrics-port {port}: {exc.strerror or exc}") from exc
    app.output.note(f"Metrics: http://127.0.0.1:{server.server_port}/metrics\n")
    try:
        yield observe
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
