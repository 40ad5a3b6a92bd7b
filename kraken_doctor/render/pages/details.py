"""What ``-v`` adds to a page: addresses, times, and where each value comes from."""

from __future__ import annotations

import re

from rich.console import RenderableType

from kraken_doctor.model.format import milliseconds
from kraken_doctor.model.report import Evidence, Report
from kraken_doctor.render import phrases
from kraken_doctor.render.rich_page import listing

_SHOWN = re.compile(
    r"path\.(dns\.(addresses|seconds)|tcp\.(address|seconds)|tls\.(version|seconds|issuer)|http\.first_byte|latency"
    r"|environment|proxy)|clock\.ntp\.agreeing|store\.name|credentials\.source|nonce\.unit|call\.\d+\.latency"
    r"|key\.(permissions|nonce_window|ip_allowlist)"
)


def details(report: Report) -> list[RenderableType]:
    """Return the facts of the run and of each account, by the names that the JSON report has for them."""
    rows = {
        (result.account, item.name): [result.account or "", item.name, _value(item), item.source]
        for result in report.checks
        for item in result.evidence
        if _SHOWN.fullmatch(item.name)
    }
    return [listing(["Account", "Fact", "Value", "From"], list(rows.values()), whole=("Fact",)), ""] if rows else []


def _value(item: Evidence) -> str:
    timed = item.unit == "s" and isinstance(item.value, float)
    return milliseconds(float(str(item.value))) if timed else phrases.fact(item)
