"""
Writes docs/checks.md: every check, and every fact that one may state.

    python -m docs.checks
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kraken_doctor.checks.base import Check
from kraken_doctor.checks.catalogue import CATALOGUE
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Fact

PAGE = Path(__file__).with_name("checks.md")

_HEAD = """\
# The checks, and what they state

`kraken-doctor check --only ID` runs one check and its prerequisites, `--skip ID` leaves one out. Ids and names of facts
are permanent.

This page is written by `python -m docs.checks`.

| id | title | scope | needs | requests | private calls, at most |
|---|---|---|---|---|---|
"""

_FACTS = """
## Facts

What a check states is in the JSON report, under `checks[].evidence`. The number in the name of a call or a time source
is 1 for the first. *Shown* are facts for the reader alone: no verdict rests on them.

| name | type | unit | what it is | |
|---|---|---|---|---|
"""

_TYPES = {bool: "yes or no", int: "whole number", float: "number", str: "text"}


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(map(_check, CATALOGUE)) + _FACTS + "".join(map(_fact, _declared()))


def _check(check: Check) -> str:
    requests = "; ".join(check.requests)
    return _row(f"`{check.id}`", check.title, check.scope.value, ", ".join(check.needs), requests, check.private_calls)


def _declared() -> list[Fact[Any]]:
    groups = (facts.PATH, facts.EXCHANGE, facts.KEY, facts.SECRET, facts.CallFacts(1), facts.SampleFacts(1))
    found = [value for owner in (facts, *groups) for value in vars(owner).values() if isinstance(value, Fact)]
    return sorted(found, key=lambda fact: fact.name)


def _fact(fact: Fact[Any]) -> str:
    kind = _TYPES.get(fact.kind, "list of texts")
    return _row(f"`{fact.name}`", kind, fact.unit, fact.meaning, "shown" if fact.for_reader else "")


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
