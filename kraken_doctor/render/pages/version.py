"""What ``version`` shows."""

from rich.console import Group
from rich.text import Text

from kraken_doctor import __version__
from kraken_doctor.checks.host import TESTED_KRAKENEX
from kraken_doctor.model.report import Report
from kraken_doctor.render.formats.table import environment
from kraken_doctor.render.pages.findings import findings
from kraken_doctor.render.rich_page import listing, to_text
from kraken_doctor.terminal.text import Terminal, escape, symbols_for


def render(report: Report, terminal: Terminal, *, verbose: bool) -> str:  # noqa: ARG001 - every page has it
    """Return the page."""
    tested = {"krakenex": TESTED_KRAKENEX}
    installed = report.extra["versions"].items()
    rows = [[name, version or "not installed", tested.get(name, "")] for name, version in installed]
    on = [f"Python {report.environment['python']}", report.environment["platform"]]
    head = Text(f" {symbols_for(terminal).dot} ".join([f"kraken-doctor {__version__}", *map(escape, on)]), style="bold")
    packages = listing(["Package", "Installed", "Tested"], rows)
    page = Group(head, "", environment(report, terminal), "", packages, *findings(report, terminal))
    return to_text(page, terminal)
