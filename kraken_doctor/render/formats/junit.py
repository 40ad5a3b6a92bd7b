"""
JUnit XML: one test case a check and account.

There is no official schema. This is the part that Jenkins' xUnit plugin accepts by its own
(https://github.com/jenkinsci/xunit-plugin, junit-10.xsd) and GitLab shows
(https://docs.gitlab.com/ci/testing/unit_test_reports/): neither ``file`` nor properties on a test case, no
``skipped`` on ``testsuites``, at most three decimals of a second; the message as attribute and as text, since
each of them is read by someone; the account in the name, since equal names are dropped.
"""

from xml.etree import ElementTree as ET

from kraken_doctor import __version__
from kraken_doctor.model.findings import CheckResult, Diagnosis, Outcome
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.model.report import Report
from kraken_doctor.render import phrases
from kraken_doctor.terminal.text import escape

_KINDS = {**dict.fromkeys(phrases.NO_VERDICT, "error"), Outcome.FAIL: "failure", Outcome.SKIP: "skipped"}
"""No verdict is an error, not a failure: the check did not say that anything is wrong."""


def render(report: Report) -> str:
    """One document, all of it ASCII: whoever saves it in another encoding does not break it."""
    kinds = [_KINDS.get(result.outcome) for result in report.checks]
    counts = {"tests": str(len(kinds)), "failures": str(kinds.count("failure")), "errors": str(kinds.count("error"))}
    took = {"time": f"{report.duration_s:.3f}"}
    root = ET.Element("testsuites", {"name": "kraken-doctor", **counts, **took})
    counts = {"name": f"kraken-doctor {escape(report.command)}", **counts, "skipped": str(kinds.count("skipped"))}
    began = utc_timestamp(report.started_at_ns).removesuffix("Z")
    suite = ET.SubElement(root, "testsuite", {**counts, **took, "timestamp": began})
    properties = ET.SubElement(suite, "properties")
    told = {"version": __version__, "target": phrases.target(report), "verdict": phrases.verdict(report)}
    told |= {f"connected {account.label}": phrases.YES_NO[account.connected] for account in report.accounts}
    for key, value in told.items():
        ET.SubElement(properties, "property", {"name": escape(key), "value": escape(value)})
    for result in report.checks:
        _case(suite, result, report)
    ET.indent(root)
    return f"{ET.tostring(root, encoding='us-ascii', xml_declaration=True).decode()}\n"


def _case(suite: ET.Element, result: CheckResult, report: Report) -> None:
    whose = f" ({escape(result.account)})" if result.account else ""
    attributes = {"name": f"{escape(result.id)}{whose}", "classname": f"kraken-doctor.{escape(report.command)}"}
    case = ET.SubElement(suite, "testcase", attributes | {"time": f"{result.duration_s:.3f}"})
    found = _about(result, report)
    message = escape(result.summary)
    if kind := _KINDS.get(result.outcome):
        type_ = escape(found[0].cause) if found else result.blocked_by or result.outcome.value
        ET.SubElement(case, kind, {"type": type_, "message": message}).text = _text(message, found)
    # JUnit knows no warning; as a failure it would turn a build red that the exit status lets pass.
    elif result.outcome is Outcome.WARN:
        ET.SubElement(case, "system-out").text = f"warning: {_text(message, found)}"


def _about(result: CheckResult, report: Report) -> list[Diagnosis]:
    """The findings of the check's scope; they stand at its first case that is not in order, and nowhere else."""
    same = [other for other in report.checks if other.account == result.account]
    telling = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.WARN)
    # At the worst first: a list of failures is read from its top, and a warning would hide the cause.
    first = next((other for outcome in telling for other in same if other.outcome is outcome), None)
    return [d for d in phrases.ranked(report) if d.account == result.account] if result is first else []


def _text(message: str, found: list[Diagnosis]) -> str:
    lines = [message]
    for diagnosis in found:
        lines += [f"{diagnosis.cause} ({diagnosis.confidence.value}): {escape(diagnosis.summary)}"]
        lines += [f"  because: {escape(fact)}" for fact in diagnosis.because]
        lines += [f"  do: {escape(diagnosis.remedy.text)}"] if diagnosis.remedy.text else []
    return "\n".join(lines)
