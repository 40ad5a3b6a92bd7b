"""What ``check --list`` shows."""

from collections.abc import Iterable

from kraken_doctor.checks.base import Check, Scope
from kraken_doctor.render.rich_page import listing, to_text
from kraken_doctor.terminal.text import Terminal


def render(checks: Iterable[Check], terminal: Terminal) -> str:
    """Return the page: a line for each check."""
    runs = {Scope.RUN: "once", Scope.ACCOUNT: "per account"}
    rows = [[check.id, check.title, runs[check.scope], ", ".join(check.needs) or "-"] for check in checks]
    return to_text(listing(["Check", "What it is", "Runs", "Prerequisites"], rows, whole=("Check", "Runs")), terminal)
