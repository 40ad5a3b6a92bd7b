"""From a cause's id and what was found to a diagnosis."""

from __future__ import annotations

from typing import NamedTuple

from kraken_doctor.model import facts
from kraken_doctor.model.report import Alternative, Confidence, Diagnosis, EvidenceSet, Remedy, Severity
from kraken_doctor.model.unit import NonceUnit


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

    if cause == "exchange-unavailable" and evidence.get(facts.EXCHANGE_STATUS) == "online":
        return ()
    return (evidence.get(facts.OTP) and CAUSES[cause].possible_with_otp) or CAUSES[cause].possible


def diagnosis_for(
    cause: str,
    account: str | None,
    summary: str,
    because: tuple[str, ...],
    *,
    confidence: Confidence = Confidence.CERTAIN,
    severity: Severity | None = None,
    remedy: Remedy | None = None,
    error: str = "",
    possible: tuple[Alternative, ...] = (),
    explains: tuple[str, ...] = (),
) -> Diagnosis:
    """Return a diagnosis with the severity and the remedy that the catalogue has for its cause, or those given."""
    from kraken_doctor.diagnosis.causes import CAUSES  # a healthy run never needs their texts

    entry = CAUSES[cause]
    return Diagnosis(
        cause=cause,
        account=account,
        severity=severity or entry.severity,
        confidence=confidence,
        summary=summary or entry.title,
        because=because,
        remedy=remedy or entry.remedy,
        error=error,
        possible=possible,
        explains=explains,
    )
