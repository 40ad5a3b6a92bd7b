"""``kraken-doctor clock``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.conduct import conduct

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kraken_doctor.model.evidence import EvidenceSet, Outcome
    from kraken_doctor.model.report import Report
    from kraken_doctor.renderers.text import Terminal

_NONCES = (
    "What a wrong clock does to nonces: by itself nothing. Kraken compares a nonce with those that the key has used,"
    " not with the time. It does harm where nonces follow the clock, and the clock goes back, or is behind that of"
    " another host which uses the same key: then they are refused until the time already used is reached again."
)
_EVERY_S = 10.0


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
@click.option("--watch", is_flag=True, help="Poll repeatedly: offset over time, its rate, steps.")
@click.option(
    "--every",
    type=options.PAUSE,
    metavar="SECONDS",
    help="With --watch: seconds between polls.  [default: 10]",
)
@click.option("--count", type=click.IntRange(min=1), help="With --watch: how many polls; else until Ctrl-C.")
@click.pass_context
def command(
    ctx: click.Context, /, output: str, watch: bool, every: float | None, count: int | None, **choices: Any
) -> None:
    """
    Compare this host's clock with NTP and with the exchange.

    An offset is positive when this host is behind. Exit status 1 only where offset less error bound is over the
    limit, 0 only where offset plus bound is under it, else 3.

    \b
    Examples:
      kraken-doctor clock
      kraken-doctor clock --ntp-server time.example.org --ntp-server [2001:db8::1]:123
      kraken-doctor clock --watch --every 30 --count 20
    """
    from kraken_doctor.checks.clock import clock
    from kraken_doctor.model.evidence import Outcome

    if not watch and (every is not None or count is not None):
        raise click.UsageError("--every and --count belong to --watch", ctx)
    request = options.request("clock", (clock,), choices, wrong_clock=Outcome.FAIL)
    if not watch:
        conduct(ctx, request, output, screen=_screen)
        return
    from kraken_doctor.cli import clockwatch

    # The default is for one look; a watch ends with its count, or by Ctrl-C, unless a deadline was asked for.
    asked_for = ctx.get_parameter_source("deadline") is not click.core.ParameterSource.DEFAULT
    clockwatch.watch(
        ctx,
        request,
        output,
        every_s=every or _EVERY_S,
        count=count,
        deadline_s=request.deadline_s if asked_for else float("inf"),
    )


def page(report: Report, terminal: Terminal, details: RenderableType) -> str:
    """The verdict, *details*, what follows from it."""
    from rich.console import Group
    from rich.text import Text

    from kraken_doctor.model.evidence import Outcome
    from kraken_doctor.renderers.findings import findings
    from kraken_doctor.renderers.screen import to_text
    from kraken_doctor.renderers.table import environment
    from kraken_doctor.renderers.text import marks

    signs = marks(terminal)
    found = findings(report.diagnoses, None, signs, verbose=True)
    nonces: list[RenderableType] = [] if report.outcome is Outcome.PASS else ["", Text(_NONCES)]
    return to_text(Group(environment(report, terminal, signs), "", details, *found, *nonces), terminal)


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.console import Group
    from rich.text import Text

    from kraken_doctor.model import facts
    from kraken_doctor.model.evidence import EvidenceSet
    from kraken_doctor.renderers.screen import listing

    evidence = EvidenceSet(report.checks)
    rows = []
    liars = evidence.get(facts.NTP_FALSETICKERS, ())
    for sample in facts.clock_samples(evidence):
        source, bound = evidence.source(sample.SAMPLE_OFFSET), evidence.get(sample.SAMPLE_BOUND)
        remark = "contradicts the others" if source in liars else ""
        shown = round(evidence.get(sample.SAMPLE_OFFSET, 0.0), 3) + 0.0  # without the sign of a zero
        rows.append([source, f"{shown:+.3f} s", f"± {bound:.3f} s", remark])
    for problem in evidence.get(facts.NTP_PROBLEMS, ()):
        server, _, reason = problem.partition(": ")
        rows.append([server, "-", "-", reason])
    columns = ["Source", "Offset", "Error bound", ""]
    if not any(row[3] for row in rows):
        columns, rows = columns[:3], [row[:3] for row in rows]
    numbers = columns[1:3]
    table = listing(columns, rows, whole=numbers, right=numbers)
    remarks = _without_servers(evidence, report.outcome)
    return page(report, terminal, Group(table, *(("", Text(" ".join(remarks))) if remarks else ())))


def _without_servers(evidence: EvidenceSet, outcome: Outcome) -> list[str]:
    """Where the exchange alone was left to ask: why, and what that means."""
    from kraken_doctor.model import facts
    from kraken_doctor.model.evidence import Outcome

    problems = evidence.get(facts.NTP_PROBLEMS)
    if evidence.source(facts.CLOCK_OFFSET) != "exchange":
        return []
    remarks = ["The exchange tells whole seconds, hence the wide bound."]
    if problems and all(": no answer in " in problem for problem in problems):
        remarks.insert(0, "No time server answered: a firewall that drops UDP port 123 looks like that.")
    if outcome is Outcome.INCONCLUSIVE:
        # What is undecided at a limit is at most a second beyond it, and the way there and back.
        remarks.append(f"--max-offset {evidence.get(facts.CLOCK_LIMIT, 0.0) + 2:g} would give a verdict.")
    return remarks
