"""The table of faults in the documentation is that of the faults there are."""

from __future__ import annotations

import re

from benchmarks.network_faults import PAGE
from tests.network.scenes import FAULTS, HANGING


def rows(title: str) -> list[list[str]]:
    """The cells of the table below the heading *title*."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return [line.split(" | ") for line in lines[1:]]


def test_every_fault_is_in_the_table_with_its_cause() -> None:
    """Run `python -m benchmarks.network_faults --write` when a fault is new, or has another cause."""
    written = rows("Which cause, and when")
    assert [row[:3] for row in written] == [[f.name, f.cause or "none", f.severity] for f in FAULTS]
    assert {row[-1] for row in written} == {"as expected"}


def test_everything_that_hangs_is_in_the_table_with_both_endings() -> None:
    """A deadline and Ctrl-C, each."""
    written = rows("What ends a run that would wait for an hour")
    expected = [[name, by] for name in HANGING for by in ("--deadline 3", "Ctrl-C")]
    assert [row[:2] for row in written] == expected
    assert {row[-1] for row in written} == {"as expected"}
