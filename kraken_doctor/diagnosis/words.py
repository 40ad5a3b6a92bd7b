"""Facts in words."""

from __future__ import annotations

from kraken_doctor.model import facts
from kraken_doctor.model.format import span
from kraken_doctor.model.report import EvidenceSet

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
    measured = f"{span(offset_s, signed=True)} ± {span(bound_s)}"
    coarse_s = evidence.get(facts.EXCHANGE_OFFSET)
    if evidence.get(facts.EXCHANGE_CONTRADICTS) and coarse_s is not None:
        return f"NTP says of the clock {measured}, and Kraken {span(coarse_s, signed=True)}"
    if offset_s - bound_s > limit_s:
        return f"the clock is behind{by}: {measured}"
    if offset_s + bound_s < -limit_s:
        return f"the clock is ahead{by}: {measured}"
    if not clock_is_right(evidence):
        return f"the clock is not known to be right{by}: {measured}"
    return f"the clock is right{by}: {measured}{', NTP and Kraken agree' if coarse_s is not None else ''}"
