"""What ``accounts`` shows."""

from rich.console import Group, RenderableType
from rich.text import Text

from kraken_doctor.model.findings import Outcome
from kraken_doctor.model.report import Report
from kraken_doctor.render.pages.findings import findings
from kraken_doctor.render.rich_page import listing, to_text
from kraken_doctor.terminal.text import Terminal, escape, symbols_for


def render(report: Report, terminal: Terminal, *, verbose: bool) -> str:  # noqa: ARG001 - every page has it
    """Return the page."""
    words = {Outcome.PASS: "ok", Outcome.WARN: "warning", Outcome.FAIL: "unusable"}
    forms = {result.account: words.get(result.outcome, "unknown") for result in report.checks}
    rows = []
    for account in report.accounts:
        variable, _, origin = account.source.partition(" ")
        pair = f"{variable.removesuffix('KEY')}*"
        rows.append([account.label, pair, origin.strip("()") or "-", account.key_tail or "-", forms[account.label]])
    found = findings(report, terminal)
    shown: list[RenderableType] = [listing(["Account", "Variables", "From", "Key", "Form"], rows)]
    if not rows:
        summaries = [result.summary for result in report.checks] or ["no account is configured"]
        shown = [Text(f"{symbols_for(terminal).unknown} {escape(summary)}") for summary in summaries]
    if places := [[place["place"], place["found"]] for place in report.extra.get("looked_at", ())]:
        found += ["", listing(["Searched", "Found"], places)]
    return to_text(Group(*shown, *found), terminal)
