"""
From the calls that were observed to causes, each with the two calls that prove it. Pure.

The exchange refuses a nonce that is not above all that arrived before it. So a refusal is explained by an observed call
with the same or a larger nonce; how the two lie in time says which mistake it was. One that no observed call explains
came from a program that was not observed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from kraken_doctor.diagnosis.naming import diagnosis_for
from kraken_doctor.errors import KrakenRateLimited, is_nonce_refusal, kraken_error
from kraken_doctor.model.report import Confidence, Diagnosis, Remedy
from kraken_doctor.model.unit import NonceUnit

FRESH_NS = 50_000_000
"""A nonce whose time is not further back was taken for the call it is in; a queue, or a stored one, is older."""

STEP_NS = 200_000_000
"""A wall clock that moved so far against the monotonic one was set; slewing moves it 0.5 ms in a second."""

# https://docs.kraken.com/exchange/guides/rest/ratelimits
_COSTS = {"Ledgers": 2, "QueryLedgers": 2, "TradesHistory": 2, "ClosedOrders": 2, "AddOrder": 0, "CancelOrder": 0,
          "EditOrder": 0, "AmendOrder": 0}  # fmt: skip
_DECAY = "a starter account's counter falls by 20 points a minute, an intermediate one's by 30, a pro one's by 60"
_ONE_AT_A_TIME = Remedy(
    "Start the program with kraken-doctor run, without --observe: it keeps one call of the key in flight.",
    otherwise="Call kraken_doctor.install(api) where the program makes its client.",
)


class ObservedCall(NamedTuple):
    """One private call, as a program's process saw it."""

    key_id: str
    endpoint: str
    nonce: int
    place: str
    """Process, thread and task."""
    has_timeout: bool | None
    wall_ns: int
    sent_ns: int
    """On the monotonic clock, one for all processes of a host."""
    answered_ns: int
    outcome: str

    @classmethod
    def of(cls, message: Any) -> ObservedCall:
        """Return the call that a process told of; raise TypeError or KeyError for what is none."""
        facts = {field: message[field] for field in cls._fields}
        return cls(**{**facts, "place": f"process {int(message['pid'])}, {str(facts['place'])[:60]}"})

    @property
    def is_refused(self) -> bool:
        """Return whether its nonce was refused."""
        return is_nonce_refusal((self.outcome,))

    def age_ns(self) -> int:
        """Return how long before it was sent its nonce was taken, by the nonce itself; 0 where it is no time."""
        unit = NonceUnit.of_mark(self.nonce, self.wall_ns)
        return max(0, self.wall_ns - self.nonce * unit.tick_ns) if unit else 0

    def __str__(self) -> str:
        return f"{self.endpoint} with …{str(self.nonce)[-9:]} ({self.place})"


def verdict(calls: Iterable[ObservedCall]) -> tuple[Diagnosis, ...]:
    """Return what the observed calls prove, the most frequent cause of a key first; nothing where all is well."""
    by_key: dict[str, list[ObservedCall]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: call.sent_ns):
        by_key[call.key_id].append(call)
    return tuple(diagnosis for each in by_key.values() for diagnosis in (*_of_nonces(each), *_of_rate(each)))


def notes(calls: Sequence[ObservedCall]) -> Iterator[str]:
    """Yield what is worth knowing and no failure by itself: clock steps, calls without a timeout."""
    if steps := [step for _, step in clock_steps(calls)]:
        shown = ", ".join(f"{step / 1e9:+.1f} s" for step in steps[:3])
        yield f"the wall clock was set {len(steps)} times while it ran: {shown}"
    if unbounded := Counter(call.endpoint for call in calls if call.has_timeout is False):
        (endpoint, count), total = unbounded.most_common(1)[0], sum(unbounded.values())
        yield f"{total} calls have no timeout, {endpoint} {count} times: a silent server holds them for ever"


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
        remedy = _ONE_AT_A_TIME if cause == "nonce-reordered" else None
        because = (*all_of_it[0], f"refused so: {count}")
        error = "EAPI:Invalid nonce"
        yield diagnosis_for(cause, None, summary, because, confidence=confidence, remedy=remedy, error=error)


def _explained(call: ObservedCall, calls: list[ObservedCall]) -> tuple[str, str, tuple[str, ...]]:
    """Return the cause of one refusal, what it is in one line, and the two calls."""
    known = [other for other in calls if other.nonce >= 0]  # of some bodies it can't be read
    earlier = [other for other in known if other is not call and other.sent_ns <= call.answered_ns]
    if same := [other for other in earlier if other.nonce == call.nonce and other.sent_ns <= call.sent_ns]:
        first = same[0]
        proof = (f"{call} was sent {_ms(call.sent_ns - first.sent_ns)} after {first}, with the same nonce",)
        if first.outcome == "ok" or first.is_refused:
            return "nonce-generator-broken", "Two calls get the same nonce.", proof
        # Kraken may have executed the first: its answer was lost, and the nonce is spent.
        lost = (f"the first had no answer: {first.outcome}",)
        return "nonce-generator-broken", "A call without an answer is sent again with its old nonce.", (*proof, *lost)
    larger = [other for other in earlier if other.nonce > call.nonce and not other.is_refused]
    if not larger:
        proof = (f"{call} was refused, and no observed call of the key had a larger nonce before it",)
        return "nonce-shared-key", "Another program, which was not observed, uses this key.", proof
    other = max(larger, key=lambda other: other.sent_ns)
    in_flight = other.answered_ns > call.sent_ns
    apart = _ms(abs(call.sent_ns - other.sent_ns))
    order = "after" if other.sent_ns <= call.sent_ns else "before"
    proof = (f"{call} was sent {apart} {order} {other}, which arrived first",)
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
        return "nonce-generator-broken", f"Nonces fell when the clock was set by {step / 1e9:+.1f} s.", proof
    if lasting and call.place == other.place:
        return "nonce-generator-broken", f"Nonces fell: they come from a time that is {_ms(lag_ns)} ago.", proof
    if call.place != other.place:
        return "nonce-generator-broken", "Two places of the program count for themselves, one behind the other.", proof
    return "nonce-generator-broken", "A nonce is smaller than the one before it.", proof


def _of_rate(calls: list[ObservedCall]) -> list[Diagnosis]:
    refused = next((call for call in calls if isinstance(kraken_error((call.outcome,)), KrakenRateLimited)), None)
    if refused is None:
        return []
    before = [call for call in calls if refused.sent_ns - 60 * 10**9 <= call.sent_ns <= refused.sent_ns]
    points = Counter[str]()
    for call in before:
        points[call.endpoint] += _COSTS.get(call.endpoint, 1)
    spent = ", ".join(f"{endpoint} {cost}" for endpoint, cost in points.most_common(4))
    worst = next(call for call in before if call.endpoint == points.most_common(1)[0][0])
    because = (
        f"{refused} was refused {_ms(refused.sent_ns - worst.sent_ns)} after {worst}",
        f"points in the minute before it: {spent}; {_DECAY}",
    )
    return [diagnosis_for("rate-limited", None, "", because, error=refused.outcome)]


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.0f} ms" if nanoseconds < 10**10 else f"{nanoseconds / 1e9:.0f} s"
