"""What the exchange says to the key, and what the key may do."""

import contextlib
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kraken_doctor.diagnosis.naming import AccountRule, Call, calls, finding, possible_of
from kraken_doctor.diagnosis.remedies import remedy
from kraken_doctor.diagnosis.rules.connection import of_step, remedy_of_step, until_words
from kraken_doctor.diagnosis.rules.credentials import other_value, where_from
from kraken_doctor.error_strings import is_nonce_refusal, kraken_error
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Alternative, Confidence, Diagnosis, EvidenceSet, Remedy, Severity
from kraken_doctor.model.format import span, utc_words
from kraken_doctor.model.permissions import QUERY_FUNDS, boxes


@AccountRule
def key(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    """Yield the causes of the section "The key"."""
    made = calls(evidence)
    if made and made[-1].outcome != "ok":
        yield from (_fresh(evidence, found) for found in _refused(evidence, made))
    elif made and (first := made[0]).failure and first.endpoint not in {call.endpoint for call in made[1:]}:
        # Alone: an endpoint is not the connection.
        severity = Severity.INFO if first.failure == "response-invalid" else Severity.WARN
        yield of_step(evidence, facts.CallFacts(1), first.failure, _failed(first), severity=severity)
    if (unreadable := evidence.get(facts.BALANCES_UNREADABLE)) is not None:
        yield finding("response-invalid", unreadable)
    if evidence.get(facts.BALANCES_EMPTY):
        if evidence.get(facts.BALANCES_NO_RESULT) is not False:
            summary, because = "The account may be empty", "Balance was answered without a result"
            # Without a result: a full account's answer that was cut short would look the same.
            yield finding("account-empty", because, summary=summary, confidence=Confidence.LIKELY)
        else:
            yield finding("account-empty", "Balance succeeded, with no amounts")


@AccountRule
def settings_of_key(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    """Yield what GetApiKeyInfo shows of the key's settings: all of it, whatever else is wrong."""
    if missing := evidence.get(facts.PERMISSIONS_MISSING):
        granted = ", ".join(evidence.get(facts.KEY_PERMISSIONS, ())) or "none"
        asked = "--needs asks for them" if missing != (QUERY_FUNDS,) else None
        summary, instead = f"The key lacks {boxes(missing)}.", remedy("boxes to tick", boxes=boxes(missing))
        found = finding("permission-missing", f"its permissions: {granted}", asked, summary=summary, remedy=instead)
        yield _fresh(evidence, found)
    if (left_s := evidence.get(facts.KEY_EXPIRES_IN, 0.0)) > 0:
        until = evidence.get(facts.KEY_VALID_UNTIL, 0)
        expires = f"on {utc_words(until, with_seconds=False)}"
        yield finding("key-expires-soon", expires, summary=f"The key expires in {span(left_s)}.")
    if excess := evidence.get(facts.PERMISSIONS_EXCESS):
        yield finding("key-can-withdraw", f"its permissions include {boxes(excess)}")
    limits = {"from": evidence.get(facts.KEY_QUERY_FROM), "up to": evidence.get(facts.KEY_QUERY_TO)}
    if limited := [f"{word} {utc_words(at, with_seconds=False)}" for word, at in limits.items() if at]:
        yield finding("key-range-limited", f"history can be queried {' and '.join(limited)}")
    if evidence.get(facts.KEY_IP_ALLOWLIST) == 0:
        yield finding("key-unrestricted", "its allow-list is empty")


def _refused(evidence: EvidenceSet, made: Sequence[Call]) -> Iterator[Diagnosis]:
    call = made[-1]
    step = facts.CallFacts(call.number)
    if call.failure:
        # No answer: the way broke for this call, though it was open a moment ago.
        yield of_step(evidence, step, call.failure, _failed(call))
        return
    if is_nonce_refusal((call.outcome,)):
        return  # the rules of the nonce tell why
    error = kraken_error((call.outcome,))
    because = [f"{call.endpoint} was answered with {call.outcome}"]
    instead, summary = remedy_of_step(evidence, step, error.cause), ""
    possible = possible_of(evidence, error.cause)
    if error.cause == "permission-missing":
        summary, possible, instead = _denied(evidence, made, possible)
    # Which string an address off the allow-list gets is documented nowhere; these two are the candidates.
    if error.cause in ("key-invalid", "permission-missing"):
        because += _address(evidence)
    # Kraken's documents have the second for a wrong secret, its support article and users the first: either may be the
    # pair.
    if error.cause in ("key-invalid", "signature-invalid"):
        because += where_from(evidence)
        instead = other_value(evidence)
    yield finding(
        error.cause,
        *because,
        "the exchange was reached, and the key was sent as configured",
        until_words(error),
        summary=summary,
        severity=Severity.FAIL,  # also of a cause that is a warning where calls are accepted
        remedy=instead,
        error=call.outcome,
        possible=possible,
    )


def _fresh(evidence: EvidenceSet, found: Diagnosis) -> Diagnosis:
    """Return *found*, with the wait first where the key was edited so short a time ago that it may explain it."""
    ago_s = evidence.get(facts.KEY_EDITED_AGO)
    if ago_s is None or found.cause not in ("key-invalid", "signature-invalid", "permission-missing"):
        return found
    then = found.remedy.text
    wait = found.remedy if then.startswith("Wait") else remedy("edited a moment ago", then=then)
    possible = tuple(sorted(found.possible, key=lambda one: "a moment ago" not in one.text))
    because = (*found.because, f"the key was edited {span(ago_s)} ago")
    return replace(found, because=because, possible=possible, remedy=wait)


def _failed(call: Call) -> str:
    return f"{call.endpoint}: {call.detail}"


def _denied(
    evidence: EvidenceSet, made: Sequence[Call], possible: Sequence[Alternative]
) -> tuple[str, tuple[Alternative, ...], Remedy | None]:
    """Return summary, what remains possible, and the remedy where Kraken said that a permission is missing."""
    address, fresh, box = possible  # in the catalogue's order
    info = next((call.outcome for call in made if call.endpoint == "GetApiKeyInfo"), "")
    if info == "ok" and QUERY_FUNDS in evidence.get(facts.KEY_PERMISSIONS, ()):
        summary = "Kraken denied a call that the key has the permission for."
        return summary, (fresh,), remedy("denied all the same")
    if info == "ok":  # so this host may use the key
        return "", (box, fresh), None
    # By its documents it needs no permission, so a box to tick is the least likely of the three.
    if info and kraken_error((info,)).cause == "permission-missing":
        summary = "Kraken denied even GetApiKeyInfo, which needs no permission."
        return summary, (address, fresh, box), remedy("denied without need")
    return "", (box, fresh, address), None


def _address(evidence: EvidenceSet) -> list[str]:
    """Return from where the exchange sees this host, as far as that is known."""
    if proxy := evidence.get(facts.PROXY):
        return [f"the exchange sees the address of the proxy {proxy}, not this host's"]
    own = evidence.get(facts.TCP_OWN_ADDRESS)
    if not own:
        return []
    with contextlib.suppress(ValueError):  # of a saved report it may have been taken out
        address = ipaddress.ip_address(own.partition("%")[0])
        if address.is_private and not address.is_loopback:
            own += "; behind a router, Kraken sees the router's public address"
    return [f"this host's address on the connection: {own}"]
