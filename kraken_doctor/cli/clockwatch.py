"""``kraken-doctor clock --watch``."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from kraken_doctor import parallel
from kraken_doctor.cli.conduct import finish
from kraken_doctor.clock import Deadline
from kraken_doctor.renderers.envelope import moment

if TYPE_CHECKING:
    from kraken_doctor.checks.base import RunContext
    from kraken_doctor.checks.clockwatch import ClockWatch, Sight
    from kraken_doctor.cli.app import App
    from kraken_doctor.cli.request import RunRequest
    from kraken_doctor.model.report import Report
    from kraken_doctor.renderers.text import Terminal


def watch(
    ctx: click.Context, request: RunRequest, form: str, *, every_s: float, count: int | None, deadline_s: float
) -> None:
    """
    Look at the clock every *every_s* seconds, *count* times or until Ctrl-C or *deadline_s*, then say what it comes to.

    A line a look, as it is made; with ``-o json`` none, and one document at the end.
    """
    from kraken_doctor.checks.clockwatch import ClockWatch

    app: App = ctx.obj
    with app.instruments(request) as instruments:
        seen = ClockWatch(instruments)
        started_ns, began = app.clock.now_ns(), app.clock.monotonic()
        with contextlib.suppress(KeyboardInterrupt):
            _look_on(app, seen, every_s, count, Deadline(app.clock, deadline_s), show=form != "json")
        with app.interruption.deferred():
            report = _report(
                instruments,
                seen,
                request,
                every_s,
                started_ns=started_ns,
                duration_s=app.clock.monotonic() - began,
                interrupted=app.interruption.requested(),
            )
            report = replace(report, environment=app.environment_facts(instruments, report.checks))
    finish(ctx, report, form, screen=_screen)


def _look_on(app: App, seen: ClockWatch, every_s: float, count: int | None, deadline: Deadline, *, show: bool) -> None:
    began, made = app.clock.monotonic(), 0
    while (count is None or made < count) and not app.interruption.requested():
        with app.interruption.deferred():
            # In a thread of its own: a look that hangs must outlast neither the deadline nor Ctrl-C.
            (look,) = parallel.start([seen.look], workers=1)
            if not parallel.wait(look, deadline.remaining, app.interruption.requested):
                return
        sight = look.result()
        made += 1
        if show and not app.output.quiet:
            app.output.out(f"{_line(sight)}\n")
        # From the beginning, not from the last look, so that looks don't come later and later.
        wait_s = began + made * every_s - app.clock.monotonic()
        if made == count or deadline.remaining() <= wait_s:
            return
        with app.interruption.deferred():
            _pause(app, wait_s)


def _pause(app: App, seconds: float) -> None:
    """Wait *seconds*, or until Ctrl-C."""
    never: Future[None] = Future()
    parallel.wait(never, Deadline(app.clock, seconds).remaining, app.interruption.requested)


_STEPS_SHOWN = 5


def _line(sight: Sight) -> str:
    from kraken_doctor.renderers.text import plain

    step = f"  the clock was set by {sight.step_s:+.3f} s" if sight.step_s else ""
    return f"{moment(sight.at_ns)}  {plain(sight.summary)}{step}"


def _report(
    instruments: RunContext,
    seen: ClockWatch,
    request: RunRequest,
    every_s: float,
    *,
    started_ns: int,
    duration_s: float,
    interrupted: bool,
) -> Report:
    from kraken_doctor.diagnosis.diagnose import diagnose
    from kraken_doctor.examination.verdict import ExitStatus, FailOn, exit_status, outcome_of
    from kraken_doctor.model.evidence import CheckResult
    from kraken_doctor.model.report import Report

    finding = seen.finding()
    result = CheckResult(
        id="clock",
        account=None,
        outcome=finding.outcome,
        summary=finding.summary,
        evidence=finding.evidence,
        duration_s=duration_s,
    )
    diagnoses = diagnose([result])
    outcome = outcome_of([result], diagnoses)
    return Report(
        command=request.command,
        started_at_ns=started_ns,
        duration_s=duration_s,
        outcome=outcome,
        exit_status=ExitStatus.INTERRUPTED if interrupted else exit_status(outcome, FailOn.FAIL),
        api_url=instruments.settings.api_url,
        sandbox=request.sandbox,
        checks=(result,),
        diagnoses=diagnoses,
        extra={"watch": _document(seen, every_s)},
    )


def _document(seen: ClockWatch, every_s: float) -> dict[str, Any]:
    found = seen.rate_ppm()
    return {
        "every_s": every_s,
        "samples": [
            {
                "at": moment(sight.at_ns),
                "offset_s": round(sight.consensus.sample.offset_s, 6) if sight.consensus else None,
                "bound_s": round(sight.consensus.sample.bound_s, 6) if sight.consensus else None,
                "step_s": round(sight.step_s, 6),
                "summary": sight.summary,
            }
            for sight in seen.sights
        ],
        "rate_ppm": {"least": round(found[0], 3), "most": round(found[1], 3)} if found else None,
        "steps": [{"at": moment(sight.at_ns), "seconds": round(sight.step_s, 6)} for sight in seen.steps],
    }


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.table import Table

    from kraken_doctor.cli.clock import page

    watched = report.extra["watch"]
    rate = watched["rate_ppm"]
    between = f"between {rate['least']:+.1f} and {rate['most']:+.1f} ppm" if rate else "not to be told from this"
    steps = [f"{step['seconds']:+.3f} s at {step['at']}" for step in watched["steps"]]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row("Looks", str(len(watched["samples"])))
    grid.add_row("Rate", f"{between} (positive: it falls behind)")
    grid.add_row("Steps", ", ".join(steps[-_STEPS_SHOWN:]) if steps else "none seen")
    return page(report, terminal, grid)
