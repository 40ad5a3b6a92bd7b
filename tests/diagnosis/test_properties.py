"""
Properties of the pure part: evidence in, verdict out.

The evidence is generated from all declared facts, or is that of the cases and of the lab's faults with facts taken away
or exchanged. What no run can state together is among it: a report may be edited by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from docs.fault_table import arguments
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.diagnosis.recognise import exchange_symptoms
from kraken_doctor.doctor.verdict import graded, judge
from kraken_doctor.errors import STRINGS
from kraken_doctor.model import facts, json_load
from kraken_doctor.model.findings import (
    CheckResult,
    Confidence,
    Diagnosis,
    Evidence,
    Fact,
    Outcome,
    Severity,
    Texts,
    Value,
)
from kraken_doctor.model.report import Report
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.render import phrases
from kraken_doctor.render.formats import table
from kraken_doctor.sandbox.faults import FAULTS
from kraken_doctor.sandbox.faults import Fault as LabFault
from kraken_doctor.terminal.text import Terminal
from tests.conftest import Run
from tests.diagnosis.cases import CASES, MS
from tests.render.samples import report

A = "USER:a"
UNITS = [unit.value for unit in NonceUnit]
TRANSPORT = [
    cause for cause in CAUSES if CAUSES[cause].transient or cause.startswith(("tls-", "dns-", "proxy-", "edge-"))
]
TRANSPORT = [cause for cause in TRANSPORT if not cause.startswith(("exchange-m", "exchange-r", "rate-"))]
ERRORS = [string.replace("*", "Something") for string in STRINGS] + ["EFoo:Something new", "WFoo:Beware"]

WORDS: dict[str, list[str]] = {
    "exchange.status": ["online", "maintenance", "cancel_only", "post_only", "limit_only", "ONLINE", ""],
    "clock.place": ["linux", "container", "wsl", "macos", "windows", "plan9"],
    "clock.keeper": ["chrony", "systemd-timesyncd", "ntpd", "openntpd", "BusyBox ntpd", "hand-made", ""],
    "clock.keeper.packager": ["apt-get", "brew", ""],
    "nonce.withheld": ["note", "finer", "ahead", "other"],
    "nonce.error_type": ["NonceStoreError", "NonceExhaustedError", "TurnTimeoutError"],
    "key.shape": ["key", "secret", "other"],
    "secret.shape": ["key", "secret", "other"],
    "balances.USD": ["1.00"],
    "balances.USDT": ["2.00"],
}
"""What a fact of a fixed vocabulary may be; of the others, anything of their type."""
WORDS |= dict.fromkeys(("nonce.unit", "nonce.unit.bot", "nonce.unit.noted", "nonce.mark.unit"), UNITS)
WORDS |= {f"{step}.{name}": TRANSPORT for step in ("path", "exchange") for name in ("failure", "chance")}
WORDS |= {f"{step}.error": ERRORS for step in ("path", "exchange")}
NUMBERS = [-86_400.0, -3_600.0, -1.5, -0.5, 0.0, 0.008, 0.2, 1.0, 1.5, 30.0, 61.0, 3_600.0, 864_000.0]


def declared() -> dict[str, Fact[Any]]:
    """Every fact that there is, by its name; those of calls apart."""
    holders = [facts, facts.PATH, facts.EXCHANGE, facts.KEY, facts.SECRET, facts.SampleFacts(1), facts.SampleFacts(2)]
    found = [value for holder in holders for value in vars(holder).values() if isinstance(value, Fact)]
    return {fact.name: fact for fact in found}


DECLARED = declared()
CLOCK = {"clock.offset", "clock.bound", "clock.limit"}
TOPICS: dict[str, list[str]] = {
    "a clock": sorted(CLOCK),
    "a certificate": [
        *sorted(CLOCK),
        "path.failure",
        "path.tls.begins_in",
        "path.tls.ends_in",
        "path.tls.dates_alone",
        "path.proxy",
        "path.tls.version",
    ],
}
for _name in DECLARED:
    TOPICS.setdefault(_name.partition(".")[0], []).append(_name)


def values(fact: Fact[Any]) -> st.SearchStrategy[Value]:
    """What *fact* may be, by its type."""
    if fact.kind is bool:
        return st.booleans()
    if fact.kind is float:
        return st.sampled_from(NUMBERS)
    if fact.kind is int:
        return st.sampled_from([0, 1, 42, 56, 64, 66, 100, 407, 502, 60_001, 1_795_392_000, MS, MS * 1_000])
    if fact is facts.BALANCES_FORMS:
        return st.just(("ZUSD 1.00",))
    if fact.kind is Texts:
        return st.sampled_from([(), ("one",), ("query-funds", "two"), ("2001:db8::1: no answer",)])
    return st.sampled_from(WORDS.get(fact.name, ["", "something"]))


def check_of(name: str) -> tuple[str, str | None]:
    """The check that states a fact, and its scope."""
    for prefix, check in (("krakenex", "krakenex"), ("store", "store"), ("clock", "clock"), ("path", "path")):
        if name.startswith(prefix):
            return check, None
    if name.startswith("exchange"):
        return "exchange", None
    if name.startswith(("credentials", "secret.")) or (re.match(r"key\.(char|place|ref|shape|sound|flaw)", name)):
        return "credentials", A
    if name.startswith(("balances", "nonce.mark", "nonce.lead")):
        return "balances" if name.startswith("balances") else "nonce", A
    return ("permissions" if name.startswith("permissions") or name == "key.expires_in" else "authentication"), A


@st.composite
def calls(
    draw: st.DrawFn, outcomes: Sequence[str] = ("ok", "ok", "EAPI:Invalid nonce", *ERRORS, *TRANSPORT)
) -> dict[str, Value]:
    """Up to four private calls, their nonces rising as a rule."""
    made: dict[str, Value] = {}
    nonce, unit = MS, draw(st.sampled_from(UNITS))
    for number in range(1, draw(st.integers(1, 4)) + 1):
        call, outcome = facts.CallFacts(number), draw(st.sampled_from(outcomes))
        nonce += draw(st.sampled_from([1, 5, 1_400, 1_400, 0]))
        made |= {
            call.ENDPOINT.name: draw(st.sampled_from(["GetApiKeyInfo", "Balance"])), call.UNIT.name: unit,
            call.NONCE.name: nonce, call.OUTCOME.name: outcome, call.AT.name: float(number),
            call.FAILURE.name: outcome if outcome in CAUSES else "", call.DETAIL.name: "no answer",
        }  # fmt: skip
    return made


@st.composite
def evidence(draw: st.DrawFn, made: st.SearchStrategy[dict[str, Value]] | None = None) -> list[CheckResult]:
    """Any facts of any values, as the results of the checks that state them."""
    # Together from a few topics: facts that no rule reads together find nothing.
    topics = draw(st.lists(st.sampled_from(sorted(TOPICS)), max_size=4, unique=True))
    names = [name for topic in topics for name in TOPICS[topic]]
    chosen = draw(st.lists(st.sampled_from(names), max_size=14, unique=True)) if names else []
    stated: dict[str, Value] = {name: draw(values(DECLARED[name])) for name in chosen}
    stated |= draw(made if made is not None else st.one_of(st.just({}), calls()))
    return as_results(stated)


def as_results(stated: dict[str, Value]) -> list[CheckResult]:
    """Facts as the checks' results, each with the outcome that such facts have."""
    found: dict[tuple[str, str | None], list[Evidence]] = {}
    for name, value in stated.items():
        found.setdefault(check_of(name), []).append(Evidence(name, value))
    results = [
        CheckResult(id=check, account=account, outcome=outcome_of(check, items), summary="", evidence=tuple(items))
        for (check, account), items in sorted(found.items(), key=lambda pair: pair[0][1] or "")
    ]
    return list(graded(results))


def outcome_of(check: str, items: Sequence[Evidence]) -> Outcome:
    named = {item.name: item.value for item in items}
    if check == "authentication":
        ends = [value for name, value in named.items() if name.endswith(".outcome")]
        return Outcome.PASS if ends and ends[-1] == "ok" else Outcome.FAIL if ends else Outcome.INCONCLUSIVE
    failed = any(named.get(f"{check}.{name}") for name in ("failure", "error"))
    if failed or named.get("exchange.status") == "maintenance":
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE if check == "clock" and named.get("clock.offset") is None else Outcome.PASS


@st.composite
def varied(draw: st.DrawFn) -> list[CheckResult]:
    """A case, with facts taken away or exchanged."""
    results = {(r.id, r.account): r for _ in range(2) for r in CASES[draw(st.sampled_from(sorted(CASES)))]}
    return changed(draw, list(results.values()))


def changed(draw: Callable[..., Any], results: Sequence[CheckResult]) -> list[CheckResult]:
    """*results* with some facts gone and some of another value."""
    places = [(at, item.name) for at, result in enumerate(results) for item in result.evidence]
    picked = draw(st.lists(st.sampled_from(places), max_size=4, unique=True)) if places else []
    new = {place: draw(st.one_of(st.none(), values(DECLARED[place[1]]))) for place in picked if place[1] in DECLARED}
    gone = {place for place in picked if new.get(place) is None}
    return [
        replace(
            result,
            evidence=tuple(
                replace(item, value=new.get((at, item.name), item.value))
                for item in result.evidence
                if (at, item.name) not in gone
            ),
        )
        for at, result in enumerate(results)
    ]


ANY = st.one_of(evidence(), varied())

MAY_FAIL = {
    "key-duplicated", "nonce-generator-broken", "krakenex-incompatible", "state-unwritable",
    "permission-missing",  # --needs
}  # fmt: skip
"""Failures although every private call was accepted."""

KEEPS_FROM_CALLING = {
    "credentials.missing", "credentials.shared_with", "credentials.demo_key", "krakenex.error", "store.error",
    "nonce.withheld", "nonce.error", "nonce.error_type", "balances.unreadable",
}  # fmt: skip
"""Facts with which no call was made, or its answer was none."""


@given(evidence(made=calls(outcomes=("ok",))))
def test_nothing_fails_while_every_private_call_is_accepted(results: list[CheckResult]) -> None:
    """A public endpoint, a clock, a certificate: what else is wrong is a warning."""
    names = {item.name for result in results for item in result.evidence}
    assume(not names & KEEPS_FROM_CALLING)
    assume(not any(r.id == "credentials" and _unusable(r) for r in results))
    failed = {found.cause for found in diagnose(results) if found.severity is Severity.FAIL}
    assert failed <= MAY_FAIL
    if not failed:
        outcome, (account,) = judge(results, diagnose(results))
        assert outcome is not Outcome.FAIL
        assert account.connected


def _unusable(credentials: CheckResult) -> bool:
    return bool({d.cause for d in diagnose([credentials]) if d.severity is Severity.FAIL} - MAY_FAIL)


LOOKED_AT = {"nonce-generator-broken", "exchange-unavailable"}
"""Of the causes of an error string the one that the nonces themselves show, or the status excludes another for."""


@given(ANY)
def test_certain_only_where_nothing_else_is_possible(results: list[CheckResult]) -> None:
    """Neither beside alternatives, nor for an error that has several causes."""
    for found in diagnose(results):
        if found.confidence is Confidence.CERTAIN:
            assert found.possible == ()
            causes = [cause for symptom in exchange_symptoms(found.error) for cause in symptom.causes]
            assert len(causes) < 2 or found.cause in LOOKED_AT, (found.error, causes)


NEW_KEY = re.compile(r"(?i)\b(?:new|another|other)\b[^.:;]{0,12}\bkeys?\b")
ENDS_OR_IS_KNOWN = {"key-expires-soon", "dotenv-readable", "key-duplicated", "nonce-shared-key"}
"""No waiting helps a key that ends on a date, that others have read, or that programs share."""


@given(ANY)
def test_no_new_key_before_what_costs_nothing(results: list[CheckResult]) -> None:
    """To wait, to stop a program, to correct a variable: those come first, and a new key is at most the other way."""
    for found in diagnose(results):
        if found.cause not in ENDS_OR_IS_KNOWN:
            assert not NEW_KEY.search(found.remedy.text), found
            assert not any(NEW_KEY.search(command) for command in found.remedy.commands)


def as_report(results: Sequence[CheckResult]) -> Report:
    diagnoses = diagnose(results)
    outcome, accounts = judge(results, diagnoses)
    return replace(report(), checks=tuple(results), diagnoses=diagnoses, outcome=outcome, accounts=accounts)


@settings(max_examples=40)
@given(ANY)
def test_the_last_line_names_the_first_block(results: list[CheckResult]) -> None:
    """And that is the worst there is; of the run, if one of the run is as bad."""
    shown = as_report(results)
    page = table.render(shown, Terminal(width=200)).splitlines()
    heads = [match[1] for line in page if (match := re.match(r"  (?:! warning: )?([a-z-]+)(?: \(|$)", line))]
    blocks = [head for head in heads if head in CAUSES]
    named = re.search(r"Fix first: ([a-z-]+)\.", page[-1])
    assert (named[1] if named else None) == (blocks[0] if blocks else None)
    found = phrases.ranked(shown)
    if blocks:
        assert found[0].severity is min((d.severity for d in found), key=lambda severity: severity.rank)
        primary = shown.primary
        assert primary is not None
        assert primary.cause == blocks[0]


SURE = {Confidence.POSSIBLE: 0, Confidence.LIKELY: 1, Confidence.CERTAIN: 2}


def surer(before: Sequence[Diagnosis], after: Sequence[Diagnosis]) -> list[str]:
    """What *after* says with more confidence than *before*, or says for certain and *before* does not say at all."""
    said: dict[tuple[str, Severity], int] = {}
    for diagnosis in before:
        kind = diagnosis.cause, diagnosis.severity
        said[kind] = max(said.get(kind, 0), SURE[diagnosis.confidence])
    return [d.cause for d in after if SURE[d.confidence] > said.get((d.cause, d.severity), 3)]


def without(results: Sequence[CheckResult], gone: set[tuple[int, str]]) -> list[CheckResult]:
    """*results* less the facts that are *gone*."""
    return [
        replace(result, evidence=tuple(item for item in result.evidence if (at, item.name) not in gone))
        for at, result in enumerate(results)
    ]


DOUBTS = {"clock.exchange.contradicts"}
"""Facts that are stated where they give reason to doubt, and only there: without them nobody has."""


@given(st.data(), ANY)
def test_taking_evidence_away_makes_no_verdict_surer(data: st.DataObject, results: list[CheckResult]) -> None:
    """Whoever knows less is not more certain."""
    stated = ((at, item.name) for at, result in enumerate(results) for item in result.evidence)
    places = [place for place in stated if place[1] not in DOUBTS]
    assume(places)
    gone = set(data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True)))
    assert surer(diagnose(results), diagnose(without(results, gone))) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_the_lab_s_faults_with_facts_taken_away_or_exchanged(doctor: Run, fault: LabFault) -> None:
    """What each says of itself, and what is left of it: nothing surer, nothing that asks for a new key first."""
    ended = doctor("--no-env-file", *arguments(fault), *(() if fault.command else ("--timeout", "0.4")), "-o", "json")
    results = json_load.from_document(json.loads(ended.stdout)).report.checks
    full = diagnose(results)

    @settings(max_examples=25)
    @given(st.data())
    def with_others(data: st.DataObject) -> None:
        other = changed(data.draw, results)
        for found in (*full, *diagnose(other)):
            assert found.confidence is not Confidence.CERTAIN or found.possible == ()
            assert found.cause in ENDS_OR_IS_KNOWN or not NEW_KEY.search(found.remedy.text)
        places = [(at, item.name) for at, result in enumerate(results) for item in result.evidence]
        gone = (
            set(data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True))) if places else set()
        )
        assert surer(full, diagnose(without(results, gone))) == []

    with_others()
