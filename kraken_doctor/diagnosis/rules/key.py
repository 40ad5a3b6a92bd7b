"""What the exchange says to the key, and what the key may do."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_doctor.diagnosis.naming import Call, calls, diagnosis_for, possible_of
from kraken_doctor.diagnosis.remedies import remedy
from kraken_doctor.diagnosis.rule import AccountRule
from kraken_doctor.diagnosis.rules.credentials import other_value, where_from
from kraken_doctor.errors import is_nonce_refusal, kraken_error
from kraken_doctor.model import facts
from kraken_doctor.model.diagnosis import Confidence, Diagnosis, Remedy, Severity
from kraken_doctor.model.evidence import EvidenceSet
from kraken_doctor.model.format import span, utc_words

_PERMISSION_WORDS = {
    "query-funds": '"Query" under Funds',
    "withdraw-funds": '"Withdraw"',
    "add-withdraw-address": '"Add withdrawal address"',
    "update-withdraw-address": '"Update withdrawal address"',
}


@AccountRule
def key(evidence: EvidenceSet, account: str) -> Iterator[Diagnosis]:
    """Yield the causes of the section "The key"."""
    made = calls(evidence)
    if made and made[-1].outcome != "ok":
        yield from _refused(evidence, made[-1], account)
    if (unreadable := evidence.get(facts.BALANCES_UNREADABLE)) is not None:
        yield diagnosis_for("response-invalid", account, "", (unreadable,))
    if missing := evidence.get(facts.PERMISSIONS_MISSING):
        words = ", ".join(_PERMISSION_WORDS.get(right, right) for right in missing)
        granted = ", ".join(evidence.get(facts.KEY_PERMISSIONS, ())) or "none"
        yield diagnosis_for("permission-missing", account, f"The key lacks {words}.", (f"its permissions: {granted}",))
    if (left_s := evidence.get(facts.KEY_EXPIRES_IN)) is not None:
        when = f"expires in {span(left_s)}" if left_s > 0 else "has expired"
        until = evidence.get(facts.KEY_VALID_UNTIL, 0)
        yield diagnosis_for(
            "key-expires-soon", account, f"The key {when}.", (f"on {utc_words(until, with_seconds=False)}",)
        )
    if excess := evidence.get(facts.PERMISSIONS_EXCESS):
        words = ", ".join(_PERMISSION_WORDS.get(right, right) for right in excess)
        yield diagnosis_for("key-can-withdraw", account, "", (f"its permissions include {words}",))
    if evidence.get(facts.KEY_IP_ALLOWLIST) == 0:
        yield diagnosis_for("key-unrestricted", account, "", ("its allow-list is empty",))
    if evidence.get(facts.BALANCES_EMPTY):
        if evidence.get(facts.BALANCES_NO_RESULT) is not False:
            summary, because = "The account may be empty", ("Balance was answered without a result",)
            yield diagnosis_for("account-empty", account, summary, because, confidence=Confidence.LIKELY)
        else:
            yield diagnosis_for("account-empty", account, "", ("Balance succeeded, with no amounts",))


def _refused(evidence: EvidenceSet, call: Call, account: str) -> Iterator[Diagnosis]:
    from kraken_doctor.diagnosis.causes import CAUSES  # a healthy run never needs their texts

    if (step := call.failure or call.outcome) in CAUSES:
        # No answer: the way broke for this call, though it was open a moment ago.
        yield diagnosis_for(step, account, "", (f"{call.endpoint}: {call.detail}",))
        return
    if is_nonce_refusal((call.outcome,)):
        return  # the rules of the nonce tell why
    error = kraken_error((call.outcome,))
    of_credentials = error.cause in ("key-invalid", "signature-invalid")
    possible = possible_of(evidence, error.cause)
    yield diagnosis_for(
        error.cause,
        account,
        "",
        (
            f"{call.endpoint} was answered with {call.outcome}",
            "the exchange was reached, and the key was sent as set",
            *(where_from(evidence) if of_credentials else ()),
        ),
        confidence=Confidence.LIKELY if possible else Confidence.CERTAIN,
        severity=Severity.FAIL,  # also of a cause that is a warning where calls are accepted
        remedy=_when(call, error.cause) or (other_value(evidence) if of_credentials else None),
        error=call.outcome,
        possible=possible,
    )


def _when(call: Call, cause: str) -> Remedy | None:
    """Return the moment until which to wait: ``EService:Throttled`` names it."""
    moment = call.outcome.rpartition(":")[2].strip()
    if cause != "exchange-throttled" or not (moment.isascii() and moment.isdigit() and len(moment) == 10):
        return None
    return remedy("wait until", moment=utc_words(int(moment), with_seconds=False))
