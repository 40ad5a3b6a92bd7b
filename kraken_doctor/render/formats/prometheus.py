"""The newest round as Prometheus metrics, made when they are asked for: no series outlives what it tells of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from kraken_doctor import __version__
from kraken_doctor.model import facts
from kraken_doctor.model.report import EvidenceSet, Outcome, Report, Severity
from kraken_doctor.terminal.text import escape

_OUTCOMES = (Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.INCONCLUSIVE)


def families(report: Report | None, outcomes: Mapping[Outcome, int], every_s: float) -> Iterator[Metric]:
    """
    All metrics.

    Args:
        report: Of the newest round; None before the first is done.
        outcomes: How many rounds ended how.
        every_s: Seconds between two rounds, so that an alert can tell a watch that has stopped.
    """
    yield _gauge("kraken_doctor_build_info", "Always 1", ["version"], [((__version__,), 1)])
    rounds = CounterMetricFamily("kraken_doctor_rounds", "Rounds by their outcome", labels=["outcome"])
    for outcome in _OUTCOMES:
        rounds.add_metric([outcome.value], outcomes.get(outcome, 0))
    yield rounds
    yield _gauge("kraken_doctor_round_interval_seconds", "Between the beginnings of two rounds", [], [((), every_s)])
    if report is not None:
        yield from _of_round(report)


def _of_round(report: Report) -> Iterator[Metric]:
    ended_s = report.started_at_ns / 1e9 + report.duration_s
    yield _gauge("kraken_doctor_round_timestamp_seconds", "When the newest round ended, unix time", [], [((), ended_s)])
    yield _gauge("kraken_doctor_round_duration_seconds", "How long it took", [], [((), report.duration_s)])
    yield _gauge(
        "kraken_doctor_outcome",
        "1 for the outcome of the newest round, 0 for the others",
        ["outcome"],
        [((outcome.value,), float(report.outcome is outcome)) for outcome in _OUTCOMES],
    )
    states = [(account.label, account.connected) for account in report.accounts]
    # Where it is not known there is no sample: 0 would say that the connection is down.
    yield _gauge(
        "kraken_doctor_account_connected",
        "Whether the account can be used through the API; absent where the round could not tell",
        ["account"],
        [((escape(label),), float(connected)) for label, connected in states if connected is not None],
    )
    yield _gauge(
        "kraken_doctor_finding",
        "1 for each finding of the newest round; no account where it is common to all",
        ["cause", "account", "severity"],
        sorted(
            {
                ((d.cause, escape(d.account or ""), d.severity.value), 1.0)
                for d in report.diagnoses
                if d.severity is not Severity.INFO
            }
        ),
    )
    evidence = EvidenceSet(result for result in report.checks if result.account is None)
    offset_s, bound_s = evidence.get(facts.CLOCK_OFFSET), evidence.get(facts.CLOCK_BOUND)
    if offset_s is not None and bound_s is not None:
        help_ = "Reference less this host's clock; positive: this host is behind"
        yield _gauge("kraken_doctor_clock_offset_seconds", help_, [], [((), offset_s)])
        yield _gauge("kraken_doctor_clock_offset_bound_seconds", "How far that may be off", [], [((), bound_s)])


def _gauge(
    name: str, help_: str, labels: list[str], samples: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_, labels=labels)
    for values, value in samples:
        family.add_metric(list(values), value)
    return family
