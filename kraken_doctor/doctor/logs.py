"""What `logs` reports: the analysis of a bot's logs as a report, and what changes in one that is followed."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from kraken_doctor.botlog.counters import ErrorStats
from kraken_doctor.botlog.examine import LogAnalysis
from kraken_doctor.botlog.reading import ReadRange
from kraken_doctor.doctor.reporting import Started, finished
from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult, Diagnosis, Evidence, Outcome, Severity
from kraken_doctor.model.payloads import LogPart
from kraken_doctor.model.report import Report

_TIMELINE_ROWS = 24
_ERROR_ROWS = 20
"""What a page has room for; the JSON has no more, since a log may hold any number."""

_WORDS = {Severity.FAIL: "FAILED", Severity.WARN: "WARNING", Severity.INFO: "NOTE"}


def changes(before: Mapping[str, Diagnosis], now: Mapping[str, Diagnosis]) -> Iterator[str]:
    """Yield a line for each cause that came, went, or got better or worse."""
    for cause, diagnosis in now.items():
        if cause not in before or before[cause].severity is not diagnosis.severity:
            passed = cause in before and diagnosis.severity.rank > before[cause].severity.rank
            yield f"{'RESOLVED' if passed else _WORDS[diagnosis.severity]} {cause}: {diagnosis.summary}"
    yield from (f"RESOLVED {cause}" for cause in before if cause not in now)


def report(found: LogAnalysis, names: tuple[str, ...], started: Started, *, interrupted: bool) -> Report:
    """Return *found* as a report: one check, with all that is the log's own beside it."""
    extra = {"log": _values(found, names)}
    checks = [_check(found)]
    return finished("logs", started, checks, found.diagnoses, interrupted=interrupted, host="", extra=extra)


def _check(found: LogAnalysis) -> CheckResult:
    """The log as one check: what it tells is in its evidence and in the diagnoses."""
    stats = found.stats
    errors = stats.errors.values()
    severities = {diagnosis.severity for diagnosis in found.diagnoses}
    broken = next((extent.broken for extent in found.extents if extent.broken), "")
    says_something = errors or stats.worked or stats.public_worked or stats.installed
    if Severity.FAIL in severities:
        outcome, count = Outcome.FAIL, sum(seen.count for seen in errors)
        summary = f"calls refused for their nonce: {stats.refused}; errors in all: {count}"
    elif broken:
        outcome, summary = Outcome.INCONCLUSIVE, f"not read to the end: {broken}"
    elif not says_something:
        outcome, summary = Outcome.INCONCLUSIVE, "no Kraken calls found; no verdict"
    else:
        outcome = Outcome.WARN if Severity.WARN in severities else Outcome.PASS
        summary = "no lasting failure" if stats.errors else f"no errors; calls logged as successful: {stats.worked}"
    return CheckResult(id="log", account=None, outcome=outcome, summary=summary, evidence=tuple(_evidence(found)))


def _evidence(found: LogAnalysis) -> list[Evidence]:
    stats = found.stats
    return [
        facts.LOG_LINES.of(sum(extent.lines for extent in found.extents)),
        facts.LOG_REFUSED.of(stats.refused),
        facts.LOG_WORKED.of(stats.worked),
        facts.LOG_STARTS.of(stats.starts),
        facts.LOG_GENERATOR_INSTALLED.of(stats.installed),
        *(facts.log_pattern(pattern.id).of(pattern.text) for pattern in found.patterns),
    ]


def _values(found: LogAnalysis, names: tuple[str, ...]) -> LogPart:
    stats = found.stats
    width_s, buckets = stats.timeline.shown(_TIMELINE_ROWS)
    errors = sorted(stats.errors.values(), key=lambda seen: -seen.count)
    failed = stats.errors.get("Failed to override nonce generator")
    return {
        "files": [
            {"name": name, "lines": extent.lines, "bytes": extent.bytes, **_between(extent), "broken": extent.broken}
            for name, extent in zip(names, found.extents, strict=True)
        ],
        "refused": stats.refused,
        "worked": stats.worked,
        "public_worked": stats.public_worked,
        "starts": stats.starts,
        "generator": {
            "installed": stats.installed,
            "last": _moment(stats.last_installed),
            "failed": failed.count if failed else 0,
        },
        "client": {"name": stats.client, "version": stats.versions.get(stats.client, [("", None)])[-1][0]},
        "elsewhere": dict(stats.elsewhere.most_common(_ERROR_ROWS)),
        "versions": {name: [number for number, _ in known[-3:]] for name, known in stats.versions.items()},
        "bucket_s": width_s,
        "timeline": [
            {"from": _moment(at), "nonce": counts["nonce"], "other": counts["other"], "worked": counts["worked"]}
            for at, counts in buckets
        ],
        "errors": [
            {"error": seen.shown, "kind": seen.kind, "count": seen.count, **_between(seen)}
            for seen in errors[:_ERROR_ROWS]
        ],
        "patterns": [{"pattern": pattern.id, "text": pattern.text} for pattern in found.patterns],
    }


def _between(seen: ReadRange | ErrorStats) -> dict[str, str | None]:
    return {"first": _moment(seen.first), "last": _moment(seen.last)}


def _moment(at: float | None) -> str | None:
    """By the log's own clock; a time without a zone stands as it was written."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S") if at is not None else None
