"""What ``balances`` shows."""

from rich.console import Group
from rich.text import Text

from kraken_doctor.model.report import Report
from kraken_doctor.render.formats import table
from kraken_doctor.render.pages.findings import findings, may_be_empty
from kraken_doctor.render.phrases import other_assets, target, verdict
from kraken_doctor.render.rich_page import to_text
from kraken_doctor.terminal.text import Terminal, escape


def render(report: Report, terminal: Terminal, *, verbose: bool) -> str:  # noqa: ARG001 - every page has it
    """Return the page."""
    where = escape(target(report))
    elsewhere = [] if where in ("", "api.kraken.com") else [Text(f"at {where}\n")]
    found = findings(report, terminal)
    tested = all(account.connected for account in report.accounts) and report.accounts
    # The amounts speak for themselves; a verdict below them is for what they don't show.
    closing = [] if tested and not found else [Text(), Text(escape(verdict(report)))]
    notes = [f"{a.label}: {note}" for a in report.accounts if (note := may_be_empty(a, report))]
    notes += [f"{a.label}: and {other}" for a in report.accounts if a.balances and (other := other_assets(a.balances))]
    return to_text(
        Group(*elsewhere, table.accounts_table(report, terminal), *map(escape, notes), *found, *closing),
        terminal,
    )
