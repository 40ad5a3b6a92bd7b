"""What ``clock`` shows: each time source, or what a watch of the clock came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kraken_doctor.model import facts
from kraken_doctor.model.findings import EvidenceSet, Outcome
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.model.report import Report
from kraken_doctor.render.formats.table import environment
from kraken_doctor.render.pages.findings import findings
from kraken_doctor.render.phrases import paragraph
from kraken_doctor.render.rich_page import listing, to_text
from kraken_doctor.terminal.text import Terminal, escape

if TYPE_CHECKING:
    from kraken_doctor.checks.clockwatch import ClockSample

_STEPS_SHOWN = 5


def _page(report: Report, terminal: Terminal, details: RenderableType) -> str:
    """The verdict, *details*, what follows from it."""
    found = findings(report, terminal, verbose=True)
    nonces: list[RenderableType] = [] if report.outcome is Outcome.PASS else ["", Text(paragraph("clock-and-nonces"))]
    return to_text(Group(environment(report, terminal), "", details, *found, *nonces), terminal)


def render(report: Report, terminal: Terminal, *, verbose: bool) -> str:  # noqa: ARG001 - every page has it
    """Return the page: a row for each time source."""
    if "watch" in report.extra:
        return _watch(report, terminal)
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
    return _page(report, terminal, Group(table, *(("", Text(" ".join(remarks))) if remarks else ())))


def _without_servers(evidence: EvidenceSet, outcome: Outcome) -> list[str]:
    """Where the exchange alone was left to ask: why, and what that means."""
    problems = evidence.get(facts.NTP_PROBLEMS)
    if evidence.source(facts.CLOCK_OFFSET) != "exchange":
        return []
    remarks = ["The exchange gives whole seconds, hence the wide bound."]
    # Only where all of them are silent: one that refuses, or whose name has no address, is no sign of a firewall.
    if problems and all(": no answer in " in problem for problem in problems):
        remarks.insert(0, "No time server answered: a firewall that drops UDP port 123 can cause this.")
    if outcome is Outcome.INCONCLUSIVE:
        # What is undecided at a limit is at most a second beyond it, and the way there and back.
        remarks.append(f"--max-offset {evidence.get(facts.CLOCK_LIMIT, 0.0) + 2:g} would give a verdict.")
    return remarks


def _watch(report: Report, terminal: Terminal) -> str:
    watched = report.extra["watch"]
    rate = watched["rate_ppm"]
    between = (
        f"between {rate['least']:+.1f} and {rate['most']:+.1f} ppm" if rate else "can't be determined from these polls"
    )
    steps = [f"{step['seconds']:+.3f} s at {step['at']}" for step in watched["steps"]]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row("Polls", str(len(watched["samples"])))
    grid.add_row("Rate", f"{between} (positive: this host falls behind)")
    grid.add_row("Steps", ", ".join(steps[-_STEPS_SHOWN:]) if steps else "none")
    return _page(report, terminal, grid)


def line(sample: ClockSample) -> str:
    """Return one poll of ``clock --watch`` as a line."""
    step = f"  the clock was set by {sample.step_s:+.3f} s" if sample.step_s else ""
    return f"{utc_timestamp(sample.at_ns)}  {escape(sample.summary)}{step}"
