"""A check that breaks is a fault of the doctor's own, and said as such: in every form, with whom to tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kraken_doctor.checks import catalogue
from kraken_doctor.checks.base import CheckOutcome
from tests.conftest import Run
from tests.schema import document


@pytest.fixture(params=["path", "authentication"])
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One check that raises; common to all, or one of each account."""

    def breaks(_context: object) -> CheckOutcome:
        raise TypeError("not what it should be\n::error::x \x1b[31m")

    checks = tuple(replace(c, run=breaks) if c.id == request.param else c for c in catalogue.CATALOGUE)
    monkeypatch.setattr(catalogue, "CATALOGUE", checks)
    return str(request.param)


def test_no_account_is_blamed(doctor: Run, broken: str) -> None:
    """Nothing is known of them: unknown, not failing, and status 3."""
    ended = doctor("check", "--sandbox", "-o", "json")
    assert ended.status == 3
    report = document(ended.stdout)
    assert {account["outcome"] for account in report["accounts"]} == {"inconclusive"}
    assert [finding for finding in report["diagnoses"] if finding["severity"] == "fail"] == []
    (fault, *_) = [check for check in report["checks"] if check["outcome"] == "error"]
    assert fault["id"] == broken
    (where,) = [item["value"] for item in fault["evidence"] if item["name"] == "doctor.failed_at"]
    assert where.startswith("runner.py:")


@pytest.mark.parametrize("form", ["table", "short", "markdown"])
def test_it_says_whose_fault_and_what_to_do(doctor: Run, broken: str, form: str) -> None:
    """Once, however many accounts met it."""
    ended = doctor("check", "--sandbox", "-o", form)
    assert ended.status == 3
    text = " ".join(ended.stdout.split())
    assert text.count("kraken-doctor report --file report.html") == 1
    assert text.count("TypeError") <= (1 if form == "short" else 6)
    assert "failing" not in text
    assert "Kraken connection test failed" not in text
    assert "\x1b" not in ended.stdout
    if form != "short":
        assert "No verdict: kraken-doctor itself failed." in text
        assert "This is a fault of the program: it says nothing about your connection." in text


def test_the_page_to_report_it_with_has_it(doctor: Run, broken: str) -> None:
    """And is still one when it is judged again."""
    page = doctor("report", "--sandbox", "-o", "html").stdout
    assert "kraken-doctor itself failed" in page
    assert f"In {broken}" in page
    assert "TypeError" in page
