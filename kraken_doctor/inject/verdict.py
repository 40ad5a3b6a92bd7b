"""
What a command says at the end of a program that it started: in a line, as causes, as a report. Pure.

Each cause of the calls that were observed comes with the two calls that prove it.

The exchange refuses a nonce that is not above all that arrived before it. So a refusal is explained by an observed call
with the same or a larger nonce; how the two lie in time says which mistake it was. One that no observed call explains
came from a program that was not observed.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kraken_doctor.diagnosis.naming import finding
from kraken_doctor.error_strings import kraken_error
from kraken_doctor.errors import KrakenRateLimited
from kraken_doctor.inject.collector import Collector, ObservedCall
from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult, Confidence, Diagnosis, Outcome, Remedy, Severity, by_kind
from kraken_doctor.model.format import counted
from kraken_doctor.model.report import Report
from kraken_doctor.tables import load

FRESH_NS = 50_000_000
"""A nonce whose time is not further back was taken for the call it is in; a queue, or a stored one, is older."""

STEP_NS = 200_000_000
"""A wall clock that moved so far against the monotonic one was set; slewing moves it 0.5 ms in a second."""

_table = functools.partial(load, __file__, "verdict.toml")


def guarded(collector: Collector) -> tuple[bool, str]:
    """Return whether it must be said, and what became of the calls that were put in order."""
    if not collector.clients:
        return True, f"no Kraken client was seen, so no calls were serialised ({_nobody(collector)})"
    made = ", ".join(f"{count} {client}" for client, count in sorted(collector.clients.items()))
    left = sum(collector.left.values())
    rest = f"; {left} of the clients left unchanged, see above" if left else ""
    line = f"clients: {made}; private calls: {collector.calls}, refused for their nonce: {collector.refused}{rest}"
    return bool(left or collector.refused), line


def observed(collector: Collector) -> tuple[bool, str]:
    """Return the same for calls that were only observed."""
    calls = list(collector.observed)
    if not calls:
        return True, f"no private call was observed ({_nobody(collector)})"
    refused = sum(call.is_refused for call in calls)
    keys, places = len({call.key_id for call in calls}), len({call.place for call in calls})
    seen = f"observed {len(calls)} private calls of {counted(keys, 'key')} from {counted(places, 'thread')}"
    return refused > 0, f"{seen}, refused for their nonce: {refused}"


def _nobody(collector: Collector) -> str:
    pythons = collector.pythons()
    old = [version for version in pythons if tuple(map(int, version.split("."))) < (3, 11)]
    reason = f"Python {', '.join(sorted(old))} is too old" if old else f"not reached: {_table()['unreached']}"
    return f"{counted(sum(pythons.values()), 'Python process')} seen; {reason}"


def diagnoses(collector: Collector) -> tuple[Diagnosis, ...]:
    """
    Return the causes of what was refused.

    Calls that were put in order can't have overtaken each other: what refused them is outside of the store's reach.
    """
    if collector.observed:
        return verdict(collector.observed)
    if not collector.refused:
        return ()
    counts = f"{collector.refused} of {collector.calls} calls refused, although only one was in flight at a time"
    cause = "nonce-spent-higher" if collector.refused == collector.calls else "nonce-shared-key"
    confidence = Confidence.POSSIBLE if cause == "nonce-spent-higher" else Confidence.LIKELY
    return (finding(cause, counts, confidence=confidence, error="EAPI:Invalid nonce"),)


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
    evidence += [facts.run_note(number).of(note) for number, note in enumerate(notes(calls), 1)]
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


def verdict(calls: Iterable[ObservedCall]) -> tuple[Diagnosis, ...]:
    """Return what the observed calls prove, the most frequent cause of a key first; nothing where all is well."""
    by_key = by_kind(sorted(calls, key=lambda call: call.sent_ns), lambda call: call.key_id)
    return tuple(diagnosis for each in by_key.values() for diagnosis in (*_of_nonces(each), *_of_rate(each)))


def notes(calls: Sequence[ObservedCall]) -> Iterator[str]:
    """Yield what is worth knowing and no failure by itself: clock steps, calls without a timeout."""
    if steps := [step for _, step in clock_steps(calls)]:
        shown = ", ".join(f"{step / 1e9:+.1f} s" for step in steps[:3])
        yield f"steps of the wall clock during the run: {len(steps)} ({shown})"
    if unbounded := Counter(call.endpoint for call in calls if call.has_timeout is False):
        (endpoint, count), total = unbounded.most_common(1)[0], sum(unbounded.values())
        yield f"calls without a timeout: {total} ({endpoint}: {count}): a silent server blocks them forever"


def clock_steps(calls: Iterable[ObservedCall]) -> list[tuple[ObservedCall, int]]:
    """Return the calls before which the wall clock was set, and by how many nanoseconds."""
    ordered = sorted(calls, key=lambda call: call.sent_ns)
    offsets = [call.wall_ns - call.sent_ns for call in ordered]
    moves = zip(ordered[1:], offsets, offsets[1:], strict=False)
    return [(call, after - before) for call, before, after in moves if abs(after - before) > STEP_NS]


def _of_nonces(calls: list[ObservedCall]) -> Iterator[Diagnosis]:
    proofs: dict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
    for call in calls:
        if call.is_refused:
            cause, summary, proof = _explained(call, calls)
            proofs[cause, summary].append(proof)
    for (cause, summary), all_of_it in sorted(proofs.items(), key=lambda entry: -len(entry[1])):
        count = f"{len(all_of_it)} of {len(calls)} calls of the key"
        confidence = Confidence.LIKELY if cause == "nonce-shared-key" else Confidence.CERTAIN
        remedy = Remedy(**_table()["one_at_a_time"]) if cause == "nonce-reordered" else None
        because = (*all_of_it[0], f"refused for this: {count}")
        error = "EAPI:Invalid nonce"
        yield finding(cause, *because, summary=summary, confidence=confidence, remedy=remedy, error=error)


def _explained(call: ObservedCall, calls: list[ObservedCall]) -> tuple[str, str, tuple[str, ...]]:
    """Return the cause of one refusal, what it is in one line, and the two calls."""
    known = [other for other in calls if other.nonce >= 0]  # of some bodies it can't be read
    earlier = [other for other in known if other is not call and other.sent_ns <= call.answered_ns]
    same = [other for other in earlier if other.nonce == call.nonce]
    if same := [other for other in same if other.sent_ns <= call.sent_ns or not other.is_refused]:
        first = same[0]
        proof = (f"{call} was sent {_apart(call, first)} {first}, with the same nonce",)
        if first.outcome == "ok" or first.is_refused or first.sent_ns > call.sent_ns:
            return "nonce-generator-broken", "Two calls get the same nonce.", proof
        # Kraken may have executed the first: its answer was lost, and the nonce is spent.
        lost = (f"the first had no answer: {first.outcome}",)
        return "nonce-generator-broken", "A call without an answer is sent again with the same nonce.", (*proof, *lost)
    larger = [other for other in earlier if other.nonce > call.nonce and not other.is_refused]
    if not larger:
        proof = (f"{call} was refused, although no earlier observed call of the key had a larger nonce",)
        return "nonce-shared-key", "Another program, which was not observed, uses this key.", proof
    other = max(larger, key=lambda other: other.sent_ns)
    in_flight = other.answered_ns > call.sent_ns
    proof = (f"{call} was sent {_apart(call, other)} {other}, which arrived first",)
    lag_ns = call.age_ns()
    # A nonce that waited is older than those after it; a clock that is behind makes all of them as old.
    lasting = [
        after
        for after in calls
        if after.place == call.place and after.sent_ns > call.sent_ns and after.age_ns() > lag_ns * 4 // 5 > FRESH_NS
    ]
    if in_flight or (lag_ns > FRESH_NS and not lasting):
        waited = "" if in_flight else f"; its nonce was taken {_ms(call.age_ns())} before it was sent"
        return "nonce-reordered", "", (proof[0] + waited,)
    if step := sum(step for at, step in clock_steps(calls) if other.sent_ns < at.sent_ns <= call.sent_ns):
        return "nonce-generator-broken", f"Nonces decreased when the clock was set by {step / 1e9:+.1f} s.", proof
    if lasting and call.place == other.place:
        return "nonce-generator-broken", f"Nonces decreased: they come from a time that is {_ms(lag_ns)} ago.", proof
    if call.place != other.place:
        return "nonce-generator-broken", "Two parts of the program count separately, one behind the other.", proof
    return "nonce-generator-broken", "A nonce is smaller than the one before it.", proof


def _of_rate(calls: list[ObservedCall]) -> list[Diagnosis]:
    refused = next((call for call in calls if isinstance(kraken_error((call.outcome,)), KrakenRateLimited)), None)
    if refused is None:
        return []
    before = [call for call in calls if refused.sent_ns - 60 * 10**9 <= call.sent_ns <= refused.sent_ns]
    points = Counter[str]()
    for call in before:
        points[call.endpoint] += _table()["costs"].get(call.endpoint, 1)
    spent = ", ".join(f"{endpoint} {cost}" for endpoint, cost in points.most_common(4))
    worst = next(call for call in before if call.endpoint == points.most_common(1)[0][0])
    because = (
        f"{refused} was refused {_ms(refused.sent_ns - worst.sent_ns)} after {worst}",
        f"points in the minute before it: {spent}; {_table()['decay']}",
    )
    return [finding("rate-limited", *because, error=refused.outcome)]


def _apart(call: ObservedCall, other: ObservedCall) -> str:
    return f"{_ms(abs(call.sent_ns - other.sent_ns))} {'after' if other.sent_ns <= call.sent_ns else 'before'}"


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.0f} ms" if nanoseconds < 10**10 else f"{nanoseconds / 1e9:.0f} s"
