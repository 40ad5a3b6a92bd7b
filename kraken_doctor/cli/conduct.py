"""A run and its ending: one report in every outcome, on the screen and as exit status."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

import click

from kraken_doctor import parallel
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.evidence import CheckResult, Outcome
from kraken_doctor.model.report import Report

if TYPE_CHECKING:
    from kraken_doctor.cli.app import App
    from kraken_doctor.cli.output import Output
    from kraken_doctor.cli.request import RunRequest
    from kraken_doctor.renderers.text import Terminal

Screen = Callable[[Report, "Terminal"], str]


def conduct(
    ctx: click.Context, request: RunRequest, form: str, fail_on: str = "fail", screen: Screen | None = None
) -> None:
    """Examine what *request* asks for, show the report in *form*, end with its status."""
    app: App = ctx.obj
    if form == "table":
        # Rich takes as long to load as a call to the exchange to be answered: side by side it costs nothing.
        parallel.start([functools.partial(import_module, "kraken_doctor.renderers.table")], workers=1)
    try:
        report = app.examine(request)
    except ConfigurationError:
        raise
    except Exception as exc:  # noqa: BLE001 - "the doctor itself failed" is an outcome, and has a report too
        app.output.complain(exc)
        report = _broken(app, request, exc)
    finish(ctx, report, form, fail_on, screen)


def finish(ctx: click.Context, report: Report, form: str, fail_on: str = "fail", screen: Screen | None = None) -> None:
    """Show a finished report and end with its status, which does not depend on the form."""
    from kraken_doctor.examination.verdict import ExitStatus, FailOn, exit_status

    if report.exit_status != ExitStatus.INTERRUPTED:
        report = replace(report, exit_status=exit_status(report.outcome, FailOn(fail_on)))
    app: App = ctx.obj
    _show(app.output, report, form, screen)
    if report.exit_status == ExitStatus.INTERRUPTED:
        app.output.note("Interrupted: the report holds what was learned until then.\n")
    ctx.exit(report.exit_status)


def _show(output: Output, report: Report, form: str, screen: Screen | None) -> None:
    if form == "json":
        from kraken_doctor.renderers import envelope

        output.out(envelope.render(report))
    elif output.quiet and report.outcome is Outcome.PASS:
        return
    elif form == "short":
        from kraken_doctor.renderers import short

        output.out(short.render(report))
    elif screen is not None:
        output.out(screen(report, output.terminal()))
    else:
        from kraken_doctor.renderers import table

        output.out(table.render(report, output.terminal(), verbose=output.verbose > 0))


def _broken(app: App, request: RunRequest, exc: Exception) -> Report:
    result = CheckResult(
        id="doctor", account=None, outcome=Outcome.ERROR, summary=f"the doctor itself failed: {type(exc).__name__}"
    )
    return Report(
        command=request.command,
        started_at_ns=app.clock.now_ns(),
        duration_s=0.0,
        outcome=Outcome.INCONCLUSIVE,
        exit_status=3,
        api_url=request.api_url or "",
        sandbox=request.sandbox,
        checks=(result,),
    )
