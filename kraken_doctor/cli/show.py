"""From a report to the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_doctor.model.evidence import Outcome

if TYPE_CHECKING:
    from kraken_doctor.cli.output import Output
    from kraken_doctor.model.report import Report


def show(out: Output, report: Report, form: str) -> None:
    """Write *report* in the form that was asked for; the exit status is already decided."""
    if form == "json":
        from kraken_doctor.renderers import envelope

        out.out(envelope.render(report))
        return
    if out.quiet and report.outcome is Outcome.PASS:
        return
    if form == "short":
        from kraken_doctor.renderers import short

        out.out(short.render(report))
        return
    from kraken_doctor.renderers import table

    out.out(table.render(report, out.terminal(), verbose=out.verbose > 0))
