"""``kraken-doctor run``."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_doctor.cli import metrics, params
from kraken_doctor.cli.app import App
from kraken_doctor.terminal.interruption import ENDINGS, handled

if TYPE_CHECKING:
    from kraken_doctor.inject.collector import Collector
    from kraken_doctor.model.call import CallRecord
    from kraken_doctor.model.findings import Diagnosis

# The last two end a process that does not handle them: we would go, and the bot, whose signal it was, stay.
_PASSED_ON = (*ENDINGS, "SIGQUIT", "SIGUSR1", "SIGUSR2")


# What stands behind the command's name is the command's own, its ``--help`` and ``-v`` too.
@params.command("run", context_settings={"allow_interspersed_args": False})
def command(
    ctx: click.Context, /, observe: bool, store: str | None, metrics_port: int | None, report: str | None,
    arguments: tuple[str, ...],
) -> None:  # fmt: skip
    """
    Run a Python bot unmodified, with one private Kraken call in flight per key.

    Works for krakenex, ccxt.kraken and python-kraken-sdk in the command and in its Python child processes, each in
    its own nonce unit. Several bots on one key take turns if they use the same nonce store. Exits with the
    command's status.

    With --observe nothing is changed: calls to Kraken's private API through requests, aiohttp or httpx are recorded,
    and the cause of refused calls is named, with the two calls that prove it.

    \b
    Examples:
      kraken-doctor run -- python my_bot.py
      kraken-doctor run -- freqtrade trade --config config.json
      kraken-doctor run --store redis://10.0.0.5:6379/0 -- my-bot
      kraken-doctor run --observe --report calls.md -- python my_bot.py
    """
    from kraken_doctor.inject.collector import Collector
    from kraken_doctor.inject.launch import Command, unreached, with_hook

    app: App = ctx.obj
    if option := unreached(arguments):
        app.output.warn(f"{option}: the start-up hook is not loaded there; private calls are left unchanged.\n")
    began_ns, began = app.clock.now_ns(), app.clock.monotonic()
    started = Command(arguments)
    with contextlib.ExitStack() as stack:
        stack.enter_context(handled(_PASSED_ON, started.hand_on))
        stack.enter_context(app.interruption.deferred(unless_requested=True))
        scratch = tempfile.TemporaryDirectory(prefix="kraken-doctor-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(scratch))
        on_call: Callable[[CallRecord], None] | None = None
        if metrics_port is not None:
            stack.enter_context(metrics.served(app, metrics_port))
            from kraken_doctor.client.metrics import observe as count

            on_call = count
        with Collector(folder, on_call, lambda what: app.output.info(f"kraken-doctor run: {what}.\n")) as collector:
            variables = {"KRAKEN_DOCTOR_HOOK_STORE": "" if observe else _store_url(app, store), **collector.variables}
            # By it a bot ends with a `run` that was killed: a supervisor would start a second one beside it, and both
            # would trade.
            variables["KRAKEN_DOCTOR_HOOK_PARENT"] = str(os.getpid())
            status = started.run(with_hook(app.host.environ, "observe" if observe else "run", variables))
        diagnoses = _said(app, collector, observe=observe)
        if report:
            _write(app, Path(report), collector, diagnoses, (began_ns, app.clock.monotonic() - began), status)
    ctx.exit(status)


def _store_url(app: App, option: str | None) -> str:
    """
    The store for all processes of the command, wherever each of them works.

    Raises:
        ConfigurationError: It is none.
        NonceStoreError: It can't be read and written.
    """
    from kraken_doctor.nonce.stores import absolute_url, open_store

    url = absolute_url(option or app.host.environ.get("KRAKEN_NONCE_STORE"))
    open_store(url).mark("0" * 16)  # one that can't be used would refuse the bot's first order, and its last
    return url


def _said(app: App, collector: Collector, *, observe: bool) -> tuple[Diagnosis, ...]:
    """What there is to say at the end, said on stderr; the causes that were found."""
    from kraken_doctor.inject import verdict

    loud, line = verdict.observed(collector) if observe else verdict.guarded(collector)
    (app.output.warn if loud else app.output.info)(f"kraken-doctor run: {line}.\n")
    if app.output.verbose:
        app.output.info("".join(f"Note: {note}.\n" for note in verdict.notes(list(collector.observed))))
    diagnoses = verdict.diagnoses(collector)
    for diagnosis in diagnoses:
        app.output.warn_in_lines(verdict.text(diagnosis))
    return diagnoses


def _write(
    app: App, path: Path, collector: Collector, diagnoses: tuple[Diagnosis, ...], when: tuple[int, float], status: int
) -> None:
    from kraken_doctor.cli.emit import write_files
    from kraken_doctor.inject import verdict

    report = app.output.redact.everywhere(verdict.report(collector, diagnoses, *when, status))
    form = "json" if path.suffix.lower() == ".json" else "markdown"
    write_files(app.output, report, {form: path}, {})
