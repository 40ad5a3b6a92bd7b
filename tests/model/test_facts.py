"""Facts: each is stated by a check and read by a rule or a page, and by nothing but its object."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import kraken_doctor
from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult, Evidence, EvidenceSet, Fact, Outcome, Value

PACKAGE = Path(kraken_doctor.__file__).parent
GROUPS = (facts.PATH, facts.EXCHANGE, facts.KEY, facts.SECRET, facts.CallFacts(1), facts.SampleFacts(1))
STATED_BY_NAME = {"model/findings.py", "model/json_load.py"}
"""`Fact.of` itself, and what reads a saved report back."""


def declared() -> Iterator[tuple[str, Fact[Any]]]:
    """Every fact with the name that the code calls it by, the same for all calls, samples and credentials."""
    for owner in (facts, *GROUPS):
        yield from ((name, value) for name, value in vars(owner).items() if isinstance(value, Fact))
    yield "self_test_saw", facts.self_test_saw("x")
    yield "log_pattern", facts.log_pattern("x")


FACTS = dict(declared())


@cache
def sources() -> dict[str, str]:
    """Every module but the declarations, by its path inside the package."""
    paths = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    return {name: path.read_text(encoding="utf-8") for name, path in paths.items() if name != "model/facts.py"}


@cache
def uses() -> dict[str, dict[bool, list[str]]]:
    """Fact to where it is stated (True: ``FACT.of(…)``), and where it is read."""
    found: dict[str, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
    for path, source in sources().items():
        tree = ast.parse(source)
        stating = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "of"}
        for node in ast.walk(tree):
            named = node.func if isinstance(node, ast.Call) else node
            if isinstance(named, ast.Attribute) and named.attr in FACTS and (named is not node or named.attr.isupper()):
                found[named.attr][id(node) in stating].append(f"{path}:{named.lineno}")
    return found


def test_their_names_are_told_apart() -> None:
    """Two facts of one name would hide each other, in a report as well as in this test."""
    names = [fact.name for _, fact in declared()]
    assert len(set(names)) == len(names)
    of_call = set(vars(facts.Step("step")))  # what public and private calls have in common
    groups = [{name for name in vars(group) if name.isupper()} for group in (facts, *GROUPS[1::2])]
    groups.append({name for name in vars(GROUPS[4]) if name.isupper()} - of_call)
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_every_fact_is_stated() -> None:
    """One that is not would be advice that is never given."""
    assert [fact.name for name, fact in FACTS.items() if not uses()[name][True]] == []


STATED_SEVERAL_TIMES = {
    "VARIABLE": 2,  # of the key, of the secret
    "HTTP_STATUS": 2, "HTTP_SERVER": 2, "HTTP_RAY": 2,  # a failing and a good answer
    "NONCE_UNIT": 2,  # of an account, of a target
    "NONCE_ERROR": 2,  # before the calls, and after them
}  # fmt: skip
"""Each place is needed: the others state the same fact of something else."""


def test_every_place_that_states_a_fact_is_needed() -> None:
    """Where two checks state one, the loss of either would not be seen by `test_every_fact_is_stated`."""
    places = {name: len(uses()[name][True]) for name in FACTS}
    assert {name: count for name, count in places.items() if count > 1} == STATED_SEVERAL_TIMES


def test_what_is_for_the_reader_alone_is_read_by_no_rule() -> None:
    """Else the flag is false."""
    assert [fact.name for name, fact in FACTS.items() if fact.for_reader and uses()[name][False]] == []


def test_every_other_fact_is_read() -> None:
    """By a rule or by a page; else it is for the reader alone, and its declaration should say so."""
    assert [fact.name for name, fact in FACTS.items() if not fact.for_reader and not uses()[name][False]] == []


def test_no_evidence_is_stated_by_a_bare_name() -> None:
    """Every fact goes through its declaration; `EvidenceSet` takes nothing else."""
    for path, source in sources().items():
        called = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        bare = any(isinstance(function, ast.Name) and function.id == "Evidence" for function in called)
        assert bare <= (path in STATED_BY_NAME), path


def test_their_names_stand_nowhere_else() -> None:
    """A second spelling could be misspelt."""
    text = "\n".join(sources().values())
    assert [fact.name for fact in FACTS.values() if f'"{fact.name}"' in text] == []


@pytest.mark.parametrize(
    ("fact", "value", "read"),
    [
        (facts.CLOCK_OFFSET, 0.5, 0.5),
        (facts.CLOCK_OFFSET, 3, 3),
        (facts.CLOCK_OFFSET, True, None),
        (facts.CLOCK_OFFSET, "0.5", None),
        (facts.NTP_ASKED, 4, 4),
        (facts.NTP_ASKED, 4.0, None),
        (facts.NTP_ASKED, False, None),
        (facts.NTP_PROBLEMS, ("a",), ("a",)),
        (facts.NTP_PROBLEMS, "a", None),
        (facts.OTP, False, False),
        (facts.OTP, 0, None),
        (facts.STORE_NAME, "", ""),
        (facts.STORE_NAME, None, None),
    ],
)
def test_a_saved_report_with_another_type_says_nothing(fact: Fact[Any], value: Value, read: Value) -> None:
    """It was edited: a rule must not take a text for a number, nor true for 1."""
    result = CheckResult(
        id="x", account=None, outcome=Outcome.PASS, summary="", evidence=(Evidence(fact.name, value, source="me"),)
    )
    evidence = EvidenceSet([result])
    assert evidence.get(fact) == read
    assert type(evidence.get(fact)) is type(read)
    assert evidence.source(fact) == "me"
    assert EvidenceSet([]).get(fact) is None
    assert EvidenceSet([]).source(fact) == ""


def test_how_one_is_stated() -> None:
    """With its own name and unit."""
    stated = facts.CLOCK_OFFSET.of(0.3, bound="|x| <= 1", source="pool.ntp.org")
    assert stated == Evidence("clock.offset", 0.3, "s", "|x| <= 1", "pool.ntp.org")
    assert EvidenceSet.of([stated]).get(facts.CLOCK_OFFSET) == 0.3
