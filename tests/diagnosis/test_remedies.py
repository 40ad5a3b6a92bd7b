"""The texts of remedies.toml: each is asked for, and all that are asked for are there."""

from __future__ import annotations

import ast
from pathlib import Path

import kraken_doctor
from kraken_doctor.diagnosis import remedies
from kraken_doctor.diagnosis.clock_remedies import _OF_THE_HOST
from kraken_doctor.timesource import time_daemon

PACKAGE = Path(kraken_doctor.__file__).parent

BY_EVIDENCE = {f"clock of {place}" for place in _OF_THE_HOST} | {
    f"{found.name} runs" for found in time_daemon._SERVICES
}
BY_EVIDENCE |= {"BusyBox ntpd runs"}
"""Headings that are put together from what was found."""


def asked_for() -> set[str]:
    """Every heading that is written out in a call of `remedy`."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    first = [call.args[0] for call in calls if getattr(call.func, "id", "") == "remedy" and call.args]
    written = [node for given in first for node in ast.walk(given) if isinstance(node, ast.Constant)]
    # Of an f-string only parts are constants, and of a condition what is compared with.
    return {node.value for node in written if isinstance(node.value, str)} - {"IPv6", " runs", "clock of "}


def test_headings() -> None:
    """A misspelt one would break a diagnosis, and one that nobody asks for is a text that nobody reads."""
    assert asked_for() | BY_EVIDENCE == set(remedies._texts())


def test_values_stand_in_their_places() -> None:
    """And what a value says is text, whatever braces are in it."""
    made = remedies.remedy("time services compete", "sudo true", service="{chrony}", rivals="ntpd and {0}")
    assert made.text == "{chrony} and ntpd and {0} both set this clock, one against the other: keep one of them."
    assert made.commands == ("sudo true",)
