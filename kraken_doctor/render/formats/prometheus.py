"""The newest round as Prometheus metrics, made when they are asked for: no series outlives what it tells of."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from kraken_doctor import __version__
from kraken_doctor.model import facts
from kraken_doctor.model.findings import EvidenceSet, Outcome, Severity
from kraken_doctor.model.report import Report
from kraken_doctor.terminal.text import escape

_Samples = dict[tuple[str, ...], float]
"""Values by those of the labels."""

# What a round can come to; "skip" and "error" are outcomes of single checks.
_OUTCOMES = (Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.INCONCLUSIVE)


def families(report: Report | None, outcomes: Mapping[Outcome, int], every_s: float) -> Iterator[Metric]:
    """
    All metrics.

    Args:
        report: Of the newest round; None before the first is done.
        outcomes: How many rounds ended how.
        every_s: Seconds between two rounds, so that an alert can tell a watch that has stopped.
    """
    yield _gauge("build_info", "Always 1", {(__version__,): 1}, "version")
    # Every outcome from the start, with 0: a rate over a series that only appears with its first failure misses that.
    # The library adds "_total", the ending that OpenMetrics asks of a counter.
    rounds = CounterMetricFamily("kraken_doctor_rounds", "Rounds by their outcome", labels=["outcome"])
    for outcome in _OUTCOMES:
        rounds.add_metric([outcome.value], outcomes.get(outcome, 0))
    yield rounds
    yield _gauge("round_interval_seconds", "Between the beginnings of two rounds", {(): every_s})
    if report is not None:
        yield from _of_round(report)


def _of_round(report: Report) -> Iterator[Metric]:
    # The time, not the age: Prometheus works the age out, and no figure has to be kept up to date here.
    # https://prometheus.io/docs/practices/instrumentation/#timestamps-not-time-since
    ended_s = report.started_at_ns / 1e9 + report.duration_s
    yield _gauge("round_timestamp_seconds", "When the newest round ended, unix time", {(): ended_s})
    yield _gauge("round_duration_seconds", "How long it took", {(): report.duration_s})
    # A series for each outcome, as OpenMetrics has it for states: an alert names the outcome, not a number for it.
    ended: _Samples = {(outcome.value,): float(report.outcome is outcome) for outcome in _OUTCOMES}
    yield _gauge("outcome", "1 for the outcome of the newest round, 0 for the others", ended, "outcome")
    # Where it is not known there is no sample: 0 would say that the connection is down.
    states: _Samples = {(escape(a.label),): float(a.connected) for a in report.accounts if a.connected is not None}
    about = "Whether the account can be used through the API; absent where the round could not tell"
    yield _gauge("account_connected", about, states, "account")
    wanted = (d for d in report.diagnoses if d.severity is not Severity.INFO)
    found = sorted({(d.cause, escape(d.account or ""), d.severity.value) for d in wanted})
    about = "1 for each finding of the newest round; no account where it is common to all"
    yield _gauge("finding", about, dict.fromkeys(found, 1.0), "cause", "account", "severity")
    evidence = EvidenceSet(result for result in report.checks if result.account is None)
    offset_s, bound_s = evidence.get(facts.CLOCK_OFFSET), evidence.get(facts.CLOCK_BOUND)
    if offset_s is not None and bound_s is not None:
        about = "Reference less this host's clock; positive: this host is behind"
        yield _gauge("clock_offset_seconds", about, {(): offset_s})
        yield _gauge("clock_offset_bound_seconds", "How far that may be off", {(): bound_s})


def _gauge(name: str, about: str, samples: _Samples, *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"kraken_doctor_{name}", about, labels=labels)
    for values, value in samples.items():
        family.add_metric(values, value)
    return family
