"""What ``-v`` adds to a page: addresses, times, and where each value comes from."""

from __future__ import annotations

import re

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kraken_doctor.model.evidence import Evidence
from kraken_doctor.model.format import milliseconds
from kraken_doctor.model.report import Report
from kraken_doctor.render import phrases
from kraken_doctor.terminal.text import escape

_SHOWN = re.compile(
    r"path\.(dns\.(addresses|seconds)|tcp\.(address|seconds)|tls\.(version|seconds|issuer)|http\.first_byte|latency"
    r"|environment|proxy)|clock\.ntp\.agreeing|store\.name|credentials\.source|nonce\.unit|call\.\d+\.latency"
    r"|key\.(permissions|nonce_window|ip_allowlist)"
)


def details(report: Report) -> list[RenderableType]:
    """Return the facts of the run, then of each account, by the names that the JSON report has for them."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    shown: set[tuple[str | None, str]] = set()
    for result in report.checks:
        for item in result.evidence:
            if _SHOWN.fullmatch(item.name) and (result.account, item.name) not in shown:
                if result.account and result.account not in {account for account, _ in shown}:
                    grid.add_row(Text(escape(result.account)), "")
                shown.add((result.account, item.name))
                source = f" ({escape(item.source)})" if item.source else ""
                grid.add_row(Text(f"  {item.name}"), Text(f"{_value(item)}{source}"))
    return [Text("Details", style="bold"), Padding(Group(grid), (0, 0, 0, 2)), ""] if shown else []


def _value(item: Evidence) -> str:
    timed = item.unit == "s" and isinstance(item.value, float)
    return milliseconds(float(str(item.value))) if timed else escape(phrases.fact(item), 500)
