"""``kraken-doctor clock``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.conduct import conduct

if TYPE_CHECKING:
    from kraken_doctor.model.report import Report
    from kraken_doctor.renderers.text import Terminal


@click.command("clock")
@options.target
@options.ntp
@options.output
@click.option(
    "--max-offset",
    type=options.SECONDS,
    default=1.0,
    show_default=True,
    help="Seconds that the clock may be off.",
)
@click.pass_context
def command(ctx: click.Context, /, output: str, **choices: Any) -> None:
    """
    Compare this host's clock with NTP and with the exchange.

    An offset is positive when this host is behind. Exit status 1 only where offset less error bound is over the
    limit, 0 only where offset plus bound is under it, else 3.
    """
    from kraken_doctor.checks.clock import clock
    from kraken_doctor.model.evidence import Outcome

    request = options.request("clock", (clock,), choices, wrong_clock=Outcome.FAIL)
    conduct(ctx, request, output, screen=_screen)


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.console import Group

    from kraken_doctor.model.evidence import Facts
    from kraken_doctor.renderers.findings import findings
    from kraken_doctor.renderers.screen import listing, to_text
    from kraken_doctor.renderers.table import environment
    from kraken_doctor.renderers.text import marks

    signs, facts = marks(terminal), Facts(report.checks)
    rows = []
    for offset in facts.starting("clock.sample."):
        if offset.name.endswith(".offset"):
            bound = facts.number(offset.name.replace(".offset", ".bound"))
            rows.append([offset.source, f"{offset.value:+.3f} s", f"± {bound:.3f} s"])
    rows += [[problem, "-", "-"] for problem in facts.texts("clock.ntp.problems")]
    found = findings(report.diagnoses, None, signs, verbose=True)
    page = [environment(report, terminal, signs), "", listing(["Source", "Offset", "Error bound"], rows), *found]
    return to_text(Group(*page), terminal)
