"""What rules are made of: what makes a function one, the calls and the clock in their words, and what they yield."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kraken_doctor.model import facts
from kraken_doctor.model.findings import Alternative, Confidence, Diagnosis, EvidenceSet, Remedy, Severity
from kraken_doctor.model.format import span
from kraken_doctor.model.unit import NonceUnit


class RunRule(NamedTuple):
    """Decorator: a function of `diagnosis.rules` is a rule of what is common to all accounts."""

    find: Callable[[EvidenceSet], Iterator[Diagnosis]]
    """Yields nothing where there is nothing to say."""


class AccountRule(NamedTuple):
    """Decorator: it is a rule of one account; whose finding it is, `diagnose` notes."""

    find: Callable[[EvidenceSet], Iterator[Diagnosis]]


class Call(NamedTuple):
    """One private call, read back from the evidence."""

    number: int
    endpoint: str
    unit: NonceUnit
    nonce: int
    """0 where it is not known."""
    outcome: str
    """``ok``, or what went wrong."""
    failure: str
    """The cause id of the step that failed; empty when the exchange answered."""
    detail: str
    at_s: float | None
    """When its nonce was taken, on the monotonic clock; None in an older report."""


def calls(evidence: EvidenceSet) -> list[Call]:
    """Return the private calls of an account, in the order they were made."""
    return [
        Call(
            number,
            evidence.get(call.ENDPOINT, ""),
            NonceUnit.known(evidence.get(call.UNIT)) or NonceUnit.MS,
            evidence.get(call.NONCE, 0),
            evidence.get(call.OUTCOME, ""),
            evidence.get(call.FAILURE, ""),
            evidence.get(call.DETAIL, ""),
            evidence.get(call.AT),
        )
        for number, call in enumerate(facts.private_calls(evidence), 1)
    ]


def possible_of(evidence: EvidenceSet, cause: str) -> tuple[Alternative, ...]:
    """Return what the exchange's word for *cause* leaves open, less what the evidence excludes."""
    from kraken_doctor.diagnosis.causes import CAUSES  # a healthy run never needs their texts

    # The one alternative is a maintenance, and SystemStatus has just excluded it.
    if cause == "exchange-unavailable" and evidence.get(facts.EXCHANGE_STATUS) == "online":
        return ()
    # Users report "Invalid signature" and "Invalid key" for a password too many (pykrakenapi #24, npm-kraken-api #64):
    # where one was sent, it is a reading of both.
    return (evidence.get(facts.OTP) and CAUSES[cause].possible_with_otp) or CAUSES[cause].possible


def finding(
    cause: str,
    *because: str | None,
    summary: str = "",
    confidence: Confidence | None = None,
    severity: Severity | None = None,
    remedy: Remedy | None = None,
    error: str = "",
    possible: tuple[Alternative, ...] = (),
    explains: tuple[str, ...] = (),
) -> Diagnosis:
    """
    Return the diagnosis of *cause*, with the catalogue's words, severity and remedy where no other are given.

    Of *because* None is left out; without a *confidence* it is certain, unless something else is *possible*.
    """
    from kraken_doctor.diagnosis.causes import CAUSES  # a healthy run never needs their texts

    entry = CAUSES[cause]
    return Diagnosis(
        cause=cause,
        account=None,
        severity=severity or entry.severity,
        confidence=confidence or (Confidence.LIKELY if possible else Confidence.CERTAIN),
        summary=summary or entry.title,
        because=tuple(fact for fact in because if fact is not None),
        remedy=remedy or entry.remedy,
        error=error,
        possible=possible,
        explains=explains,
    )


_RIGHT_BOUND_S = 0.1
"""A clock known less exactly than to this may be behind by what a refused nonce takes: it is not known to be right."""


def clock_is_right(evidence: EvidenceSet) -> bool:
    """Whether the clock is excluded as a cause: within its limit, known to 0.1 s, and contradicted by nobody."""
    offset_s, bound_s = evidence.get(facts.CLOCK_OFFSET), evidence.get(facts.CLOCK_BOUND)
    if offset_s is None or bound_s is None or bound_s >= _RIGHT_BOUND_S or evidence.get(facts.EXCHANGE_CONTRADICTS):
        return False
    return abs(offset_s) + bound_s <= (evidence.get(facts.CLOCK_LIMIT) or 1.0)


def clock_words(evidence: EvidenceSet, *, offset_is_said: bool = False) -> str:
    """Return what is known of the clock, in one phrase; *offset_is_said*, beside it, leaves how exactly it is known."""
    offset_s, bound_s = evidence.get(facts.CLOCK_OFFSET), evidence.get(facts.CLOCK_BOUND)
    if offset_s is None or bound_s is None:
        return "the clock could not be checked"
    limit_s = evidence.get(facts.CLOCK_LIMIT) or 1.0
    source = evidence.source(facts.CLOCK_OFFSET)
    by = f" by the {source}" if source.startswith("exchange") else ""
    measured = f"{span(offset_s, signed=True)} ± {span(bound_s)}"
    if offset_is_said:
        return f"measured{by or ' by NTP'}, ± {span(bound_s)}"
    coarse_s = evidence.get(facts.EXCHANGE_OFFSET)
    if evidence.get(facts.EXCHANGE_CONTRADICTS) and coarse_s is not None:
        return f"NTP gives {measured} for the clock, Kraken {span(coarse_s, signed=True)}"
    if abs(offset_s) - bound_s > limit_s:
        return f"the clock is {'behind' if offset_s > 0 else 'ahead'}{by}: {measured}"
    if not clock_is_right(evidence):
        return f"the clock is not known to be right{by}: {measured}"
    return f"the clock is right{by}: {measured}{', NTP and Kraken agree' if coarse_s is not None else ''}"
