"""``kraken-doctor watch``."""

import contextlib
import platform
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from kraken_doctor.cli import metrics, params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit, show_plan
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.errors import ConfigurationError

_LEAST_EVERY_S = 15.0
"""The four calls that a round may make are forgotten in 12.1 s at 0.33 a second: below that the counter would grow."""


@params.command("watch")
def command(
    ctx: click.Context, /, output: str, fail_on: str, every: float, count: int | None, metrics_port: int | None,
    metrics_address: str, on_change: str | None, hook_format: str | None, test_hook: bool, **choices: Any,
) -> None:  # fmt: skip
    """
    Run the check repeatedly and report changes.

    Prints a line for each change, and on a terminal the accounts below them. An account that the exchange refuses is
    skipped for 5 minutes, then for 15: repeated refusals end in a lockout. With --json-file, that file always has the
    newest round. The exit status is that of the last round, or 130 after Ctrl-C or SIGTERM.

    Give it a key of its own: beside a running bot, calls of either can be refused.

    \b
    Examples:
      kraken-doctor watch
      kraken-doctor watch --every 300 --on-change @/etc/kraken-doctor.hook --test-hook
      kraken-doctor watch --metrics-port 9877 --json-file /run/kraken.json
      kraken-doctor watch -o ndjson >> rounds.ndjson
    """
    from kraken_doctor.checks.catalogue import CATALOGUE
    from kraken_doctor.cli.live import live_view
    from kraken_doctor.cli.watch_loop import WatchLoop
    from kraken_doctor.doctor.history import RunHistory
    from kraken_doctor.doctor.notify import notifier
    from kraken_doctor.doctor.ticker import Ticker
    from kraken_doctor.doctor.verdict import ExitStatus, FailOn
    from kraken_doctor.doctor.watch_duty import WatchDuty
    from kraken_doctor.model import json_report
    from kraken_doctor.render import phrases
    from kraken_doctor.render.pages import watch as watch_page

    app: App = ctx.obj
    request = params.request("watch", CATALOGUE, choices, requires_account=True)
    _refuse_haste(app, request, every)
    if request.dry_run:
        show_plan(app, request, output)
        return
    if not on_change and (hook_format or test_hook):
        raise click.UsageError(f"{'--test-hook' if test_hook else '--hook-format'} requires --on-change")
    notify = notifier(on_change, app.host.environ, app.output.redact, hook_format) if on_change else None
    history = RunHistory(app.clock.monotonic(), phrases.verdict)

    def families() -> Iterator[Any]:
        from kraken_doctor.render.formats import prometheus

        return prometheus.families(history.latest, dict(history.outcomes), every)

    with contextlib.ExitStack() as stack:
        if metrics_port is not None:
            stack.enter_context(metrics.served(app, metrics_port, metrics_address, families))
        view = stack.enter_context(live_view(app.output, app.clock))
        ticker = Ticker(app.clock, every, count)
        duty = None if request.sandbox else WatchDuty(app.host.store(), platform.node())
        loop = WatchLoop(
            ctx, request, history, ticker, FailOn(fail_on), view=view, notify=notify, form=output, duty=duty
        )
        try:
            if test_hook:
                loop.test_hook()
            interrupted = loop.run()
        except KeyboardInterrupt:
            interrupted = True
    report = loop.newest()
    if report is None:
        # Before the first round was done: there is nothing to report.
        raise KeyboardInterrupt
    if interrupted:
        report = replace(report, exit_status=ExitStatus.INTERRUPTED)
    forms = {
        "table": lambda _report: f"{watch_page.summary(history.made, history.changed, history.latest)}\n",
        "ndjson": lambda report: "" if history.latest else json_report.line(report),  # each round had its own
    }
    emit(ctx, report, output, fail_on, forms=forms)


def _refuse_haste(app: App, request: RunRequest, every_s: float) -> None:
    """An exchange on loopback is the user's own."""
    from kraken_doctor.network.url import is_loopback
    from kraken_doctor.render import phrases

    if every_s < _LEAST_EVERY_S and not request.sandbox and not is_loopback(app.host.api_url(request.api_url)):
        raise ConfigurationError(phrases.paragraph("haste", every=f"{every_s:g}", least=f"{_LEAST_EVERY_S:g}"))
