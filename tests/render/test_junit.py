"""JUnit XML that every reader takes."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from kraken_doctor.model.findings import CheckResult, Outcome, Severity
from kraken_doctor.render.formats import junit
from tests.render.samples import account, diagnosis, hostile, report

# The rules of Jenkins' xUnit plugin (junit-10.xsd), the strictest reader that publishes any: element to the
# attributes that it must have, those that it may have, and its children.
RULES: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"time", "classname", "group"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "skipped": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "failure": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
TIME = re.compile(r"\d*(\.\d{0,3})?")


def problems(root: ET.Element) -> list[str]:
    found = []
    for element in root.iter():
        required, optional, children = RULES.get(element.tag, (set(), set(), set()))
        if element.tag not in RULES:
            found.append(f"<{element.tag}> is unknown")
        found += [f"<{element.tag}> lacks {name}" for name in required - set(element.attrib)]
        found += [f"<{element.tag}> has {name}" for name in set(element.attrib) - required - optional]
        found += [f"<{element.tag}> holds <{child.tag}>" for child in element if child.tag not in children]
        if not TIME.fullmatch(element.get("time", "0")):
            found.append(f"<{element.tag}> took {element.get('time')}")
    return found


def many() -> ET.Element:
    made = report(account(), account("B", fails=True), diagnoses=(diagnosis("B"), diagnosis(None, Severity.WARN)))
    results = (
        CheckResult(id="authentication", account="B", outcome=Outcome.FAIL, summary="EAPI:Invalid nonce"),
        CheckResult(id="balances", account="B", outcome=Outcome.SKIP, summary="not made", blocked_by="authentication"),
        CheckResult(id="nonce", account="B", outcome=Outcome.INCONCLUSIVE, summary="no nonce was sent"),
        CheckResult(id="broken", account=None, outcome=Outcome.ERROR, summary="ZeroDivisionError"),
        CheckResult(
            id="warned", account="C", outcome=Outcome.WARN, summary="works, with a warning", duration_s=1234.56789
        ),
    )
    return ET.fromstring(junit.render(replace(made, checks=(*made.checks, *results), duration_s=2000.12345)))


def test_it_keeps_the_strictest_readers_rules() -> None:
    """In order, failing, hostile; and the rules do find what breaks them."""
    for root in (many(), ET.fromstring(junit.render(report())), ET.fromstring(junit.render(hostile()))):
        assert problems(root) == []
    assert problems(
        ET.fromstring('<testsuites skipped="1"><testsuite name="x"><testcase file="y"/></testsuite></testsuites>')
    )


def test_one_case_a_check_and_account() -> None:
    """The account in the name, since readers drop equal names; each outcome as its own kind."""
    cases = {case.get("name"): [child.tag for child in case] for case in many().iter("testcase")}
    assert cases == {
        "clock": [], "path": ["failure"], "exchange": ["skipped"], "authentication (B)": ["failure"],
        "balances (B)": ["skipped"], "nonce (B)": ["error"], "broken": ["error"], "warned (C)": ["system-out"],
    }  # fmt: skip


def test_the_numbers_add_up() -> None:
    """On the suite and on the whole."""
    root = many()
    (suite,) = root
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["8", "2", "2", "2"]
    assert [root.get(name) for name in ("tests", "failures", "errors")] == ["8", "2", "2"]
    assert suite.get("timestamp") == "2026-11-23T02:00:00"


def test_a_failure_says_why_in_attribute_and_text() -> None:
    """Some readers show the one, some the other; the findings stand at the first case that is not in order."""
    failure = many().find(".//testcase[@name='authentication (B)']/failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type")) == ("EAPI:Invalid nonce", "nonce-spent-higher")
    assert failure.text is not None
    assert "EAPI:Invalid nonce" in failure.text
    assert "do: Create a new API key." in failure.text
    error = many().find(".//testcase[@name='nonce (B)']/error")
    assert error is not None
    assert "do:" not in str(error.text)


def test_it_is_ascii() -> None:
    """Whoever saves it in another encoding than the one it names does not break it."""
    text = junit.render(report(account(), diagnoses=(diagnosis(),)))
    assert text.isascii()
    assert text.startswith("<?xml version='1.0' encoding='us-ascii'?>")
