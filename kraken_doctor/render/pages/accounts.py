"""What ``accounts`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group

from kraken_doctor.model.evidence import Outcome
from kraken_doctor.render.pages.findings import findings
from kraken_doctor.render.rich_page import listing, to_text
from kraken_doctor.terminal.text import symbols_for

if TYPE_CHECKING:
    from kraken_doctor.model.report import Report
    from kraken_doctor.terminal.text import Terminal


def render(report: Report, terminal: Terminal, *, verbose: bool) -> str:  # noqa: ARG001 - every page has it
    """Return the page."""
    symbols = symbols_for(terminal)
    if not report.accounts:
        return "No account is configured.\n"
    words = {Outcome.PASS: "ok", Outcome.WARN: "warning", Outcome.FAIL: "unusable"}
    forms = {result.account: words.get(result.outcome, "unknown") for result in report.checks}
    rows = []
    for account in report.accounts:
        variable, _, origin = account.source.partition(" ")
        pair = f"{variable.removesuffix('KEY')}*"
        rows.append([account.label, pair, origin.strip("()") or "-", account.key_tail or "-", forms[account.label]])
    found = findings(report, symbols, verbose=False)
    return to_text(Group(listing(["Account", "Variables", "From", "Key", "Form"], rows), *found), terminal)
