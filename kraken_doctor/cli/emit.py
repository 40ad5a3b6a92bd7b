"""A run and its ending: one report in every outcome, on the screen, in the files asked for, and as exit status."""

import functools
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import click

from kraken_doctor.cli.app import App
from kraken_doctor.cli.live import live_view
from kraken_doctor.descriptors import SHORTAGE, exhausted, without_waiting
from kraken_doctor.doctor.reporting import Started, cut_short, finished
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.doctor.verdict import ExitStatus, FailOn, exit_status
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.findings import Outcome
from kraken_doctor.model.report import Report
from kraken_doctor.terminal import files
from kraken_doctor.terminal.output import NotWrittenError, Output

Forms = Mapping[str, Callable[[Report], str]]
"""What a command renders in its own way, by form."""

_DOCUMENTS = ("json", "junit")
"""Read by programs, which want one also when all is well and ``-q`` is given."""


def run_and_emit(
    ctx: click.Context, request: RunRequest, form: str, fail_on: str = "fail", page: str | None = None
) -> None:
    """Examine what *request* asks for, show the report in *form*, end with its status."""
    app: App = ctx.obj
    if request.dry_run:
        show_plan(app, request, form)
        return
    emit(ctx, run(app, request, form), form, fail_on, page)


def show_plan(app: App, request: RunRequest, form: str) -> None:
    """List the requests that would be made, for ``--dry-run``."""
    started, lines = Started.now(app.clock), app.doctor.requests(request)
    if form == "json":
        planned = finished(request.command, started, (), outcome=Outcome.PASS, extra={"plan": lines})
        app.output.out(_rendered(app.output, planned, form, {}))
    else:
        app.output.out("".join(f"{line}\n" for line in lines))


def run(app: App, request: RunRequest, form: str = "") -> Report:
    """
    Return the report of a run, whatever becomes of it: Ctrl-C, SIGTERM and a fault of our own end in one too.

    Raises:
        ConfigurationError: Something is named that can't be used; nothing was sent.
    """

    def examine() -> Report:
        # Rich takes as long to load as calls to the exchange to be answered. Once these are under way it costs nothing;
        # begun before, it kept the first of them from leaving: 4 ms of 178 on loopback.
        table = [functools.partial(import_module, "kraken_doctor.render.formats.table")] if form == "table" else []
        with live_view(app.output, app.clock) as view:
            return app.doctor.examine(request, view, table)

    return with_failure_report(app, request, examine)


def with_failure_report(app: App, request: RunRequest, run: Callable[[], Report]) -> Report:
    """
    Return what *run* returns, or the report of how it ended instead.

    Raises:
        ConfigurationError: As `run`.
    """
    try:
        return run()
    except ConfigurationError:
        raise
    except (KeyboardInterrupt, Exception) as exc:  # noqa: BLE001 - "the doctor itself failed" has a report too
        with app.interruption.deferred():
            # Ctrl-C may come out as any exception.
            if isinstance(exc, KeyboardInterrupt) or app.interruption.requested():
                return cut_short(request, app.clock, Outcome.INCONCLUSIVE, "interrupted", 130)
            app.output.internal_error(exc)
            if exhausted(exc):
                return cut_short(request, app.clock, Outcome.INCONCLUSIVE, SHORTAGE)
            return cut_short(request, app.clock, Outcome.ERROR, f"the doctor itself failed: {type(exc).__name__}")


def emit(
    ctx: click.Context,
    report: Report,
    form: str,
    fail_on: str = "fail",
    page: str | None = None,
    forms: Forms | None = None,
) -> None:
    """
    Show a finished report and end with its status, which does not depend on the form.

    Args:
        ctx: The command's; its object is the `App`.
        report: What was found.
        form: One that ``--output`` takes, or of *forms*.
        fail_on: From which severity on the status is 1.
        page: The command's own for ``table``: a module of `render.pages`, whose ``render_markdown`` is used too where
            there is one.
        forms: Forms that the command renders in its own way.
    """
    if report.exit_status != ExitStatus.INTERRUPTED:
        report = replace(report, exit_status=exit_status(report.outcome, FailOn(fail_on)))
    app: App = ctx.obj
    with suppress(ConfigurationError):
        _ = app.host.environment  # also where the command had no need of it: from here on its secrets are known
    # As values, before it is text: a table folds long words, and a secret on two lines would not be found any more.
    report = app.output.redact.everywhere(report)
    own = {**_forms_of(app.output, page, form), **(forms or {})}
    paths = dict(ctx.meta.get(files.META, {}))
    instead = paths.pop("", None)
    report = write_files(app.output, report, paths, own)
    if instead is not None:
        before = report
        report = write_files(app.output, report, {form: instead}, own)
        if report is before:
            app.output.info(f"Written: {instead}\n")
    elif form in _DOCUMENTS or report.outcome is not Outcome.PASS or not app.output.quiet:
        with app.interruption.deferred():  # a program that reads it gets a whole one, or one that its pipe cut short
            text = _rendered(app.output, report, form, own)
        try:
            app.output.out(text, commands=form == "github")
        except NotWrittenError as exc:
            report = _not_written(app.output, report, "stdout", exc)
    if form == "github":
        _append_summary(app, report)
    # Ctrl-C is how a watch ends: its own last line says the rest.
    if report.exit_status == ExitStatus.INTERRUPTED and "rounds" not in report.extra:
        app.output.info("Interrupted: the report has the results so far.\n")
    ctx.exit(report.exit_status)


def _forms_of(output: Output, page: str | None, form: str) -> Forms:
    """The forms in which *page* stands in for the common one; it is imported where it is shown."""
    if page is None or form not in ("table", "markdown"):
        return {}
    module = import_module(f"kraken_doctor.render.pages.{page}")
    own = {"table": lambda report: module.render(report, output.terminal(), verbose=output.verbose > 0)}
    return own | ({"markdown": module.render_markdown} if hasattr(module, "render_markdown") else {})


def _rendered(output: Output, report: Report, form: str, own: Forms) -> str:
    if form in own:
        return own[form](report)
    if form == "table":
        from kraken_doctor.render.formats import table

        return table.render(report, output.terminal(), verbose=output.verbose > 0)
    module = import_module(f"kraken_doctor.render.formats.{form}")
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
    output.warn(f"Not written: {where}: {exc.strerror or exc}\n")
    ok = report.exit_status == ExitStatus.OK
    return replace(report, exit_status=ExitStatus.NO_VERDICT if ok else report.exit_status)


def _append_summary(app: App, report: Report) -> None:
    """The page that GitHub shows for a job is a file that each of its steps appends to."""
    from kraken_doctor.render.formats import github

    path = app.host.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        # The variable may name anything: a pipe that nobody reads must not hold up the job.
        with open(path, "a", encoding="utf-8", errors="replace", opener=without_waiting) as stream:
            stream.write(app.output.redact(github.summary(report)))
    except OSError as exc:
        app.output.warn(f"No job summary: {exc.strerror or exc}\n")
