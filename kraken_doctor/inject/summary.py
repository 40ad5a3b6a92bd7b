"""What a command says at the end of a program that it started: in a line, as causes, as a report. Pure."""

from collections import Counter

from kraken_doctor.diagnosis.naming import diagnosis_for
from kraken_doctor.inject import verdict
from kraken_doctor.inject.collector import Collector
from kraken_doctor.inject.launch import UNREACHED
from kraken_doctor.model import facts
from kraken_doctor.model.report import CheckResult, Confidence, Diagnosis, Outcome, Report, Severity


def guarded(collector: Collector) -> tuple[bool, str]:
    """Return whether it must be said, and what became of the calls that were put in order."""
    if not collector.clients:
        return True, f"no Kraken client was seen, so nothing was put in order ({_nobody(collector)})"
    made = ", ".join(f"{count} {client}" for client, count in sorted(collector.clients.items()))
    left = sum(collector.left.values())
    rest = f"; {left} of the clients left as they were, see above" if left else ""
    line = f"clients: {made}; private calls: {collector.calls}, refused for their nonce: {collector.refused}{rest}"
    return bool(left or collector.refused), line


def observed(collector: Collector) -> tuple[bool, str]:
    """Return the same for calls that were only observed."""
    calls = list(collector.observed)
    if not calls:
        return True, f"no private call was observed ({_nobody(collector)})"
    refused = sum(call.is_refused for call in calls)
    keys, places = len({call.key_id for call in calls}), len({call.place for call in calls})
    seen = f"observed {len(calls)} private calls of {_some(keys, 'key')} from {_some(places, 'thread')}"
    return refused > 0, f"{seen}, refused for their nonce: {refused}"


def _nobody(collector: Collector) -> str:
    pythons = collector.pythons()
    old = [version for version in pythons if tuple(map(int, version.split("."))) < (3, 11)]
    reason = f"Python {', '.join(sorted(old))} is too old" if old else f"not reached: {UNREACHED}"
    return f"{_some(sum(pythons.values()), 'Python process')} seen; {reason}"


def _some(count: int, one: str) -> str:
    return f"{count} {one}" if count == 1 else f"{count} {one}{'es' if one.endswith('s') else 's'}"


def diagnoses(collector: Collector) -> tuple[Diagnosis, ...]:
    """
    Return the causes of what was refused.

    Calls that were put in order can't have overtaken each other: what refused them is outside of the store's reach.
    """
    if collector.observed:
        return verdict.verdict(collector.observed)
    if not collector.refused:
        return ()
    counts = f"{collector.refused} of {collector.calls} calls were refused, although one at a time was in flight"
    cause = "nonce-spent-higher" if collector.refused == collector.calls else "nonce-shared-key"
    confidence = Confidence.POSSIBLE if cause == "nonce-spent-higher" else Confidence.LIKELY
    return (diagnosis_for(cause, None, "", (counts,), confidence=confidence, error="EAPI:Invalid nonce"),)


def text(diagnosis: Diagnosis) -> str:
    """Return *diagnosis* as lines for a terminal or a log."""
    remedy = diagnosis.remedy
    lines = [
        f"{diagnosis.cause} ({diagnosis.confidence.value}): {diagnosis.summary}",
        *(f"  {line}" for line in diagnosis.because),
        f"  Fix: {remedy.text}",
        *(f"  Run: {command}" for command in remedy.commands),
    ]
    return "\n".join(lines)


def report(collector: Collector, found: tuple[Diagnosis, ...], began_ns: int, duration_s: float, status: int) -> Report:
    """Return what was seen, as a report; its exit status is the command's where reports have that one."""
    calls = list(collector.observed)
    refused = sum(call.is_refused for call in calls) + collector.refused
    made = len(calls) + collector.calls
    endpoints = Counter(call.endpoint for call in calls)
    evidence = [facts.RUN_CALLS.of(made), facts.RUN_REFUSED.of(refused), facts.RUN_STATUS.of(status)]
    evidence += [facts.run_detail("calls", endpoint).of(count) for endpoint, count in endpoints.most_common(20)]
    evidence += [facts.run_detail("clients", client).of(count) for client, count in sorted(collector.clients.items())]
    evidence += [facts.run_note(number).of(note) for number, note in enumerate(verdict.notes(calls), 1)]
    failed = any(diagnosis.severity is Severity.FAIL for diagnosis in found)
    outcome = Outcome.FAIL if failed else Outcome.PASS if made else Outcome.INCONCLUSIVE
    line = (observed(collector) if calls else guarded(collector))[1]
    return Report(
        command="run",
        started_at_ns=began_ns,
        duration_s=duration_s,
        outcome=outcome,
        exit_status={Outcome.PASS: 0, Outcome.FAIL: 1}.get(outcome, 3),
        api_url="",
        checks=(CheckResult(id="run", account=None, outcome=outcome, summary=line, evidence=tuple(evidence)),),
        diagnoses=found,
    )
