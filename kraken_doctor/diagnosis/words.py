"""Facts in words."""

from __future__ import annotations

from datetime import UTC, datetime

from kraken_doctor.model import facts
from kraken_doctor.model.evidence import EvidenceSet


def span(seconds: float) -> str:
    """Return a duration as people say it: ``12 ms``, ``3.4 s``, ``12 minutes``, ``2 hours``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def signed_span(seconds: float) -> str:
    """Return the same with its sign; what is shown as zero has no minus."""
    return f"{'-' if seconds < -0.0005 else '+'}{span(abs(seconds))}"


def day(unix_s: int) -> str:
    """Return a date, in UTC."""
    try:
        return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):  # a server may say anything; no calendar has that
        return f"unix time {unix_s:.6g}"


_RIGHT_BOUND_S = 0.1
"""A clock known less exactly than to this may be behind by what a refused nonce takes: it is not known to be right."""


def clock_is_right(evidence: EvidenceSet) -> bool:
    """Whether the clock is excluded as a cause: within its limit, known to 0.1 s, and contradicted by nobody."""
    offset_s, bound_s = evidence.get(facts.CLOCK_OFFSET), evidence.get(facts.CLOCK_BOUND)
    if offset_s is None or bound_s is None or bound_s >= _RIGHT_BOUND_S or evidence.get(facts.EXCHANGE_CONTRADICTS):
        return False
    return abs(offset_s) + bound_s <= (evidence.get(facts.CLOCK_LIMIT) or 1.0)


def clock_words(evidence: EvidenceSet) -> str:
    """Return what is known of the clock, in one phrase."""
    offset_s, bound_s = evidence.get(facts.CLOCK_OFFSET), evidence.get(facts.CLOCK_BOUND)
    if offset_s is None or bound_s is None:
        return "the clock could not be checked"
    limit_s = evidence.get(facts.CLOCK_LIMIT) or 1.0
    source = evidence.source(facts.CLOCK_OFFSET)
    by = f" by the {source}" if source.startswith("exchange") else ""
    measured = f"{signed_span(offset_s)} ± {span(bound_s)}"
    coarse_s = evidence.get(facts.EXCHANGE_OFFSET)
    if evidence.get(facts.EXCHANGE_CONTRADICTS) and coarse_s is not None:
        return f"NTP says of the clock {measured}, and Kraken {signed_span(coarse_s)}"
    if offset_s - bound_s > limit_s:
        return f"the clock is behind{by}: {measured}"
    if offset_s + bound_s < -limit_s:
        return f"the clock is ahead{by}: {measured}"
    if not clock_is_right(evidence):
        return f"the clock is not known to be right{by}: {measured}"
    return f"the clock is right{by}: {measured}{', NTP and Kraken agree' if coarse_s is not None else ''}"
