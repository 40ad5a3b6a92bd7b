"""A run and its ending: one report in every outcome, on the screen, in the files asked for, and as exit status."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_doctor import parallel
from kraken_doctor.cli import files
from kraken_doctor.cli.output import NotWrittenError
from kraken_doctor.descriptors import SHORTAGE, exhausted, without_waiting
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.evidence import CheckResult, Outcome
from kraken_doctor.model.report import Report

if TYPE_CHECKING:
    from kraken_doctor.cli.app import App
    from kraken_doctor.cli.output import Output
    from kraken_doctor.cli.request import RunRequest
    from kraken_doctor.renderers.text import Terminal

Screen = Callable[[Report, "Terminal"], str]
"""A report as the page of one command."""

Forms = Mapping[str, Callable[[Report], str]]
"""What a command renders in its own way, by form."""

_DOCUMENTS = ("json", "junit")
"""Read by programs, which want one also when all is well and ``-q`` is given."""


def conduct(
    ctx: click.Context, request: RunRequest, form: str, fail_on: str = "fail", screen: Screen | None = None
) -> None:
    """Examine what *request* asks for, show the report in *form*, end with its status."""
    app: App = ctx.obj
    if request.dry_run:
        app.output.out("".join(f"{line}\n" for line in app.requests(request)))
        return
    finish(ctx, examined(app, request, form), form, fail_on, screen)


def examined(app: App, request: RunRequest, form: str = "") -> Report:
    """
    The report of a run, whatever becomes of it: Ctrl-C, SIGTERM and a fault of our own end in one too.

    Raises:
        ConfigurationError: Something is named that can't be used; nothing was sent.
    """
    if form == "table":
        # Rich takes as long to load as a call to the exchange to be answered: side by side it costs nothing.
        parallel.start([functools.partial(import_module, "kraken_doctor.renderers.table")], workers=1)

    def run() -> Report:
        with app.output.live_view(app.clock) as view:
            return app.examine(request, view)

    return guarded(app, request, run)


def guarded(app: App, request: RunRequest, run: Callable[[], Report]) -> Report:
    """
    What *run* returns, or the report of how it ended instead.

    Raises:
        ConfigurationError: As `examined`.
    """
    try:
        return run()
    except ConfigurationError:
        raise
    except (KeyboardInterrupt, Exception) as exc:  # noqa: BLE001 - "the doctor itself failed" has a report too
        with app.interruption.deferred():
            # Ctrl-C may come out as any exception.
            if isinstance(exc, KeyboardInterrupt) or app.interruption.requested():
                return _without_results(app, request, Outcome.INCONCLUSIVE, "interrupted", 130)
            app.output.complain(exc)
            if exhausted(exc):
                return _without_results(app, request, Outcome.INCONCLUSIVE, SHORTAGE)
            return _without_results(app, request, Outcome.ERROR, f"the doctor itself failed: {type(exc).__name__}")


def finish(
    ctx: click.Context,
    report: Report,
    form: str,
    fail_on: str = "fail",
    screen: Screen | None = None,
    forms: Forms | None = None,
) -> None:
    """
    Show a finished report and end with its status, which does not depend on the form.

    Args:
        ctx: The command's; its object is the `App`.
        report: What was found.
        form: One of `options.OUTPUTS`, or of *forms*.
        fail_on: From which severity on the status is 1.
        screen: The command's own page, for ``table``.
        forms: Forms that the command renders in its own way.
    """
    from kraken_doctor.examination.verdict import ExitStatus, FailOn, exit_status

    if report.exit_status != ExitStatus.INTERRUPTED:
        report = replace(report, exit_status=exit_status(report.outcome, FailOn(fail_on)))
    app: App = ctx.obj
    with suppress(ConfigurationError):
        _ = app.environment  # also where the command had no need of it: from here on its secrets are known
    report = app.output.redact.everywhere(report)
    own = dict(forms or {})
    if screen is not None:
        own["table"] = lambda report: screen(report, app.output.terminal())
    paths = dict(ctx.meta.get(files.META, {}))
    instead = paths.pop("", None)
    report = write_files(app.output, report, paths, own)
    if instead is not None:
        before = report
        report = write_files(app.output, report, {form: instead}, own)
        if report is before:
            app.output.note(f"Written: {instead}\n")
    elif form in _DOCUMENTS or report.outcome is not Outcome.PASS or not app.output.quiet:
        with app.interruption.deferred():  # a program that reads it gets a whole one, or one that its pipe cut short
            text = _rendered(app.output, report, form, own)
        try:
            app.output.out(text, commands=form == "github")
        except NotWrittenError as exc:
            report = _not_written(app.output, report, "stdout", exc)
    if form == "github":
        _append_summary(app, report)
    if report.exit_status == ExitStatus.INTERRUPTED and "rounds" not in report.extra:
        app.output.note("Interrupted: the report holds what was learned until then.\n")
    ctx.exit(report.exit_status)


def _rendered(output: Output, report: Report, form: str, own: Forms) -> str:
    if form in own:
        return own[form](report)
    if form == "table":
        from kraken_doctor.renderers import table

        return table.render(report, output.terminal(), verbose=output.verbose > 0)
    module = import_module(f"kraken_doctor.renderers.{'envelope' if form == 'json' else form}")
    text: str = module.render(report)
    return text


def write_files(output: Output, report: Report, paths: Mapping[str, Path], own: Forms) -> Report:
    """The report as it ends; *report* itself where all were written: without one the run is not in order."""
    # JSON last: it is the one that says the exit status, which a failure to write the others may change.
    for form, path in sorted(paths.items(), reverse=True):
        try:
            files.write(path, output.redact(_rendered(output, report, form, own)))
        except OSError as exc:
            report = _not_written(output, report, path, exc)
    return report


def _not_written(output: Output, report: Report, where: Path | str, exc: OSError) -> Report:
    from kraken_doctor.examination.verdict import ExitStatus

    output.warn(f"Not written: {where}: {exc.strerror or exc}\n")
    ok = report.exit_status == ExitStatus.OK
    return replace(report, exit_status=ExitStatus.NO_VERDICT if ok else report.exit_status)


def _append_summary(app: App, report: Report) -> None:
    """The page that GitHub shows for a job is a file that each of its steps appends to."""
    from kraken_doctor.renderers import github

    path = app.variable("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", errors="replace", opener=without_waiting) as stream:
            stream.write(app.output.redact(github.summary(report)))
    except OSError as exc:
        app.output.warn(f"No job summary: {exc.strerror or exc}\n")


def _without_results(app: App, request: RunRequest, outcome: Outcome, summary: str, exit_status: int = 3) -> Report:
    """The report of a run that ended before it had one."""
    return Report(
        command=request.command,
        started_at_ns=app.clock.now_ns(),
        duration_s=0.0,
        outcome=Outcome.INCONCLUSIVE,
        exit_status=exit_status,
        api_url=request.api_url or "",
        sandbox=request.sandbox,
        checks=(CheckResult(id="doctor", account=None, outcome=outcome, summary=summary),),
    )
