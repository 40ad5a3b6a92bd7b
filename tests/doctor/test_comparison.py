"""What is new, gone and still there between two reports."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from kraken_doctor.doctor.comparison import compared
from kraken_doctor.model.findings import Diagnosis, Severity
from kraken_doctor.model.report import FindingKey, Report
from tests.render.samples import account, diagnosis, report


def named(cause: str, label: str | None, **changed: object) -> Diagnosis:
    return replace(diagnosis(label), cause=cause, **changed)  # type: ignore[arg-type]


def of(keys: dict[str, str], *found: Diagnosis) -> Report:
    accounts = [replace(account(label), key_id=key) for label, key in keys.items()]
    return report(*accounts, diagnoses=found)


def compare(now: Report, before: Report) -> SimpleNamespace:
    found = compared(now, before).extra["comparison"]
    return SimpleNamespace(
        **{name: tuple(FindingKey(**key) for key in found[name]) for name in ("new", "gone", "still")}
    )


def test_new_gone_still() -> None:
    """By cause and account; neither words nor confidence make another finding."""
    before = of({"A": "a" * 16, "B": "b" * 16}, named("x", "A"), named("y", None), named("z", "B"))
    now = of({"A": "a" * 16, "B": "b" * 16}, named("x", "A", summary="other words"), named("z", "A"))
    found = compare(now, before)
    assert found.new == (FindingKey("z", "A", "fail"),)
    assert found.gone == (FindingKey("y", None, "fail"), FindingKey("z", "B", "fail"))
    assert found.still == (FindingKey("x", "A", "fail"),)


def test_accounts_are_the_same_by_their_keys() -> None:
    """A published report numbers its users: one more account, and each number is another's."""
    before = of({"USER:1": "b" * 16, "USER:2": "c" * 16}, named("x", "USER:1"), named("y", "USER:2"))
    now = of({"USER:1": "a" * 16, "USER:2": "b" * 16, "USER:3": "c" * 16}, named("x", "USER:2"), named("y", "USER:1"))
    found = compare(now, before)
    assert found.still == (FindingKey("x", "USER:2", "fail"),)
    assert found.new == (FindingKey("y", "USER:1", "fail"),)
    assert found.gone == (FindingKey("y", "USER:3", "fail"),)


def test_an_account_with_a_new_key_keeps_its_name() -> None:
    """That is what a new key is for: to see whether the finding has gone with the old one."""
    before, now = of({"USER:a": "a" * 16}, named("x", "USER:a")), of({"USER:a": "b" * 16})
    assert compare(now, before).gone == (FindingKey("x", "USER:a", "fail"),)


def test_a_number_that_is_anothers_now_is_said_to_be_of_then() -> None:
    """Else the finding of an account that is gone would be told of its namesake."""
    before = of({"USER:1": "a" * 16, "USER:2": "b" * 16}, named("x", "USER:1"))
    now = of({"USER:1": "b" * 16}, named("x", "USER:1", severity=Severity.WARN))
    found = compare(now, before)
    assert found.gone == (FindingKey("x", "USER:1 (then)", "fail"),)
    assert found.new == (FindingKey("x", "USER:1", "warn"),)
