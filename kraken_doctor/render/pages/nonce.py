"""What ``nonce`` shows."""

from rich.console import Group
from rich.text import Text

from kraken_doctor.model.findings import Outcome
from kraken_doctor.model.report import Report
from kraken_doctor.render.pages.findings import findings
from kraken_doctor.render.rich_page import listing, style_of, to_text
from kraken_doctor.terminal.text import OUTCOME_WORDS, Terminal, symbols_for


def render(report: Report, terminal: Terminal, *, verbose: bool) -> str:  # noqa: ARG001 - every page has it
    """Return the page."""
    symbols = symbols_for(terminal)
    rows = [[result.id.rpartition(".")[2], OUTCOME_WORDS[result.outcome], result.summary] for result in report.checks]
    table = listing(["Self-test", "Outcome", "Result"], rows)
    head = {
        Outcome.PASS: f"{symbols.connected} Custom nonce generator installed",
        Outcome.WARN: f"{symbols.warned} The nonce generator works, with a warning",
        Outcome.FAIL: f"{symbols.refused} The nonce generator failed its self-tests",
    }.get(report.outcome, f"{symbols.unknown} No verdict on the nonce generator")
    found = findings(report, terminal)
    return to_text(Group(Text(head, style=style_of(report.outcome)), "", table, *found), terminal)
