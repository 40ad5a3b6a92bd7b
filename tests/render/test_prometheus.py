"""The metrics of a round: what is not known has no sample, and nothing secret is a label."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from kraken_doctor.model.findings import Outcome, Severity
from kraken_doctor.model.report import Report
from kraken_doctor.render.formats import prometheus
from tests.render.samples import account, diagnosis, hostile, report


def exposed(shown: Report | None) -> str:
    """As a scrape gets it."""

    class Newest:
        def collect(self) -> list[Metric]:
            return list(prometheus.families(shown, Counter({Outcome.PASS: 3}), 60.0))

    registry = CollectorRegistry()
    registry.register(Newest())
    return generate_latest(registry).decode()


def test_before_the_first_round() -> None:
    """What it is, and how often; nothing of a round that was not made."""
    text = exposed(None)
    assert 'kraken_doctor_rounds_total{outcome="pass"} 3.0' in text
    assert "kraken_doctor_round_interval_seconds 60.0" in text
    assert "connected" not in text


def test_unknown_is_no_sample() -> None:
    """0 would be an alarm about a connection that nobody has looked at."""
    unknown = replace(account("B"), outcome=Outcome.INCONCLUSIVE, balances=None, connected=None)
    text = exposed(report(account("A"), unknown, account("C", fails=True)))
    assert 'kraken_doctor_account_connected{account="A"} 1.0' in text
    assert 'kraken_doctor_account_connected{account="B"}' not in text
    assert 'kraken_doctor_account_connected{account="C"} 0.0' in text


def test_findings_but_for_what_is_only_worth_knowing() -> None:
    """One that all share has no account."""
    found = (diagnosis(None, Severity.WARN), diagnosis("A", Severity.INFO))
    text = exposed(report(account("A"), diagnoses=found))
    lines = [line for line in text.splitlines() if line.startswith("kraken_doctor_finding{")]
    assert lines == ['kraken_doctor_finding{account="",cause="nonce-spent-higher",severity="warn"} 1.0']


def test_whatever_stands_in_a_label_ends_no_line() -> None:
    """Names are foreign text."""
    for line in exposed(replace(hostile(), outcome=Outcome.FAIL)).splitlines():
        assert line.startswith(("#", "kraken_doctor_"))
