"""Annotations within the runner's limits, the first to mend first; the job's summary within its size."""

from __future__ import annotations

from dataclasses import replace

from kraken_doctor.model.findings import CheckResult, Outcome, Severity
from kraken_doctor.render.formats import github
from tests.render.samples import account, diagnosis, report
from tests.runner import commands


def test_all_well_annotates_nothing() -> None:
    """And the log has the short form."""
    text = github.render(report(account(), outcome=Outcome.PASS))
    assert commands(text) == []
    assert "USER:daivon_frazier: pass" in text


def test_the_primary_cause_comes_first() -> None:
    """Whatever its account's place; a warning is a warning."""
    warned = replace(diagnosis("A", Severity.WARN), primary=False, cause="key-can-withdraw")
    failed = replace(diagnosis("Z"), summary="50% of it: gone, all")
    found = commands(github.render(report(diagnoses=(warned, failed), outcome=Outcome.FAIL)))
    assert [name for name, _, _ in found] == ["error", "warning"]
    assert found[0][1] == "title=nonce-spent-higher Z%2C fix first"
    assert found[0][2].startswith("50%25 of it: gone, all%0A")


def test_at_most_ten_of_a_kind() -> None:
    """The runner drops more without a word; the last one says how many there are."""
    many = tuple(
        replace(diagnosis(f"USER:{n}", severity), cause=f"cause-{n}")
        for n in range(25)
        for severity in (Severity.FAIL, Severity.WARN)
    )
    found = commands(github.render(report(diagnoses=many, outcome=Outcome.FAIL)))
    for kind in ("error", "warning"):
        titles = [properties for name, properties, _ in found if name == kind]
        assert len(titles) == 10
        assert titles[-1] == "title=and 16 more"
    assert "cause-0 USER%3A0%2C fix first" in found[0][1]


def test_the_same_finding_of_many_accounts_is_one_annotation() -> None:
    """Ten accounts with one flaw must not use up what there is room for."""
    same = tuple(replace(diagnosis(f"USER:{n}"), primary=False) for n in range(12))
    found = commands(github.render(report(diagnoses=same, outcome=Outcome.FAIL)))
    assert len(found) == 1
    assert "USER%3A0%2C USER%3A1" in found[0][1]


def test_no_verdict_is_an_error() -> None:
    """Status 3 fails the step: the annotation says why."""
    late = CheckResult(id="balances", account="B", outcome=Outcome.INCONCLUSIVE, summary="the deadline was reached")
    undecided = replace(report(outcome=Outcome.INCONCLUSIVE), checks=(late,), exit_status=3)
    found = commands(github.render(undecided))
    assert found == [("error", "title=no verdict%3A balances B", "the deadline was reached")]
    passing = replace(undecided, outcome=Outcome.WARN, exit_status=0)
    assert commands(github.render(passing)) == [("notice", *found[0][1:])]


def test_the_summary_of_many_accounts_is_short() -> None:
    """Above 1 MiB GitHub keeps nothing of it."""
    many = tuple(account(f"USER:{'x' * 200}{n}") for n in range(4000))
    text = github.summary(report(*many))
    assert len(text.encode()) < 16 * 1024
    assert "### kraken-doctor" in text
