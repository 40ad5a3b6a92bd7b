"""The JSON form and its reader: what is saved judges as it did."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.model import json_load, json_report
from kraken_doctor.model.findings import CheckResult, Evidence, Outcome
from tests.render.samples import account, call, diagnosis, report
from tests.schema import document

# A lone surrogate can't be written at all; json reads it back as it was, but no such text comes from a check.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
EVIDENCE = st.builds(
    Evidence,
    name=TEXTS,
    value=st.one_of(
        st.none(), st.booleans(), st.integers(0, 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False), TEXTS,
        st.lists(TEXTS, max_size=3).map(tuple),
    ),
    unit=TEXTS, bound=TEXTS, source=TEXTS,
)  # fmt: skip
RESULTS = st.builds(
    CheckResult,
    id=TEXTS, account=st.none() | TEXTS, outcome=st.sampled_from(Outcome), summary=TEXTS,
    evidence=st.lists(EVIDENCE, max_size=4).map(tuple), blocked_by=st.none() | TEXTS,
    duration_s=st.floats(0, 1000).map(lambda seconds: round(seconds, 3)),
)  # fmt: skip


@pytest.mark.slow
@given(st.lists(RESULTS, max_size=4))
def test_every_check_is_read_back_as_it_was(results: list[CheckResult]) -> None:
    """Types, order and digits included: a nonce does not fit a double."""
    written = json_report.render(replace(report(), checks=tuple(results)))
    document(written)
    assert json_load.read(written).report.checks == tuple(results)


def test_the_rest_of_a_report() -> None:
    """Its moment, target and extras; diagnoses and accounts follow from the checks."""
    full = report(account(), diagnoses=(diagnosis(),), outcome=Outcome.FAIL)
    records = (call(), call(1_795_399_201_000_000_001, outcome="EAPI:Invalid nonce", nonce=2**64 - 1))
    full = replace(
        full, extra={"versions": {"click": "8.5.1", "redis": None}, "calls": [record.to_json() for record in records]}
    )
    read = json_load.read(json_report.render(full))
    assert read.calls == records
    assert read.report.started_at_ns == full.started_at_ns
    assert read.report.api_url == "https://api.kraken.com"
    assert read.report.extra == {"versions": {"click": "8.5.1", "redis": None}}
    assert (read.report.diagnoses, read.report.accounts) == ((), ())


def test_what_json_has_no_name_for() -> None:
    """Infinity and NaN are no JSON: they are written as words, and nobody takes them for numbers."""
    odd = CheckResult(
        id="x", account=None, outcome=Outcome.PASS, summary="",
        evidence=(Evidence("a", math.inf), Evidence("b", math.nan)),
    )  # fmt: skip
    parsed = document(json_report.render(replace(report(), checks=(odd,))))
    assert [item["value"] for item in parsed["checks"][0]["evidence"]] == ["inf", "nan"]


def test_it_is_ascii() -> None:
    """A console of another encoding would otherwise turn "±" into "?", and nobody would notice."""
    text = json_report.render(report(account()))
    assert text.isascii()
    assert json.loads(text)["checks"][0]["summary"] == "+12 ms ± 8 ms, 4 of 4 servers"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 2}, "schema_version is 2; this version reads 1"),
        ({"command": 7}, "command is no text"),
        ({"started_at": "yesterday"}, "started_at is 'yesterday', which is not a time in UTC"),
        ({"started_at": "2026-13-45T00:00:00Z"}, "which is not a time in UTC"),
        ({"duration_s": True}, "duration_s is no number of seconds"),
        ({"duration_s": -1}, "duration_s is no number of seconds"),
        ({"outcome": "splendid"}, "outcome is 'splendid', which is none"),
        ({"target": []}, "target is no object"),
        ({"target": {"api_url": "", "sandbox": 1}}, "target.sandbox is no yes or no"),
        ({"checks": {}}, "checks is no list"),
        ({"checks": [7]}, "checks[0] is no object"),
        ({"checks": [{"id": "a"}]}, "checks[0].outcome is no text"),
        ({"calls": [{"at": "x"}]}, "calls[0].at is 'x'"),
    ],
)
def test_what_is_no_report_is_said_in_one_line(change: dict[str, Any], said: str) -> None:
    """With the place in the file."""
    parsed = json_report.document(report()) | change
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        json_load.from_document(parsed)
    assert said in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "[" * 100_000, '{"schema_version": 1}', '"x"'])
def test_what_is_no_json_is_said_too(text: str) -> None:
    """Whatever it is."""
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        json_load.read(text)


def test_a_value_of_a_wrong_kind() -> None:
    """An object in the place of a fact."""
    parsed = json_report.document(report())
    parsed["checks"][0]["evidence"][0]["value"] = {"a": 1}
    with pytest.raises(ValueError, match=r"checks\[0\]\.evidence\[0\]\.value is not a string"):
        json_load.from_document(parsed)
