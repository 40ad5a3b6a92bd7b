"""The connection to the exchange, and what the exchange says of itself."""

from collections.abc import Iterator

from kraken_doctor.diagnosis.naming import RunRule, clock_words, finding, possible_of
from kraken_doctor.diagnosis.remedies import clock_remedy, remedy
from kraken_doctor.diagnosis.rules.host import clock_is_known, explains_certificate
from kraken_doctor.error_strings import kraken_error
from kraken_doctor.errors import KrakenError, KrakenThrottled
from kraken_doctor.model import facts
from kraken_doctor.model.facts import PublicCall, Step
from kraken_doctor.model.findings import Alternative, Confidence, Diagnosis, EvidenceSet, Outcome, Remedy, Severity
from kraken_doctor.model.format import span, utc_words, wait

# Kraken documents all but limit_only, which a third party's tool lists.
_STATUS_CAUSES = dict.fromkeys(("cancel_only", "post_only", "limit_only"), "exchange-restricted")
_STATUS_CAUSES["maintenance"] = "exchange-maintenance"

_ASK_TO_WAIT = ("exchange-throttled", "rate-limited", "exchange-busy", "exchange-unavailable", "edge-error")
_OF_EXCHANGE = ("exchange-unavailable", "exchange-busy", "exchange-error", "exchange-throttled", "exchange-restricted")

_CERTIFICATE = ("tls-untrusted", "tls-expired", "tls-hostname")


@RunRule
def connection(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    """Yield the causes of the section "The connection to the exchange"."""
    yield from _concerns(evidence)
    for call in (facts.PATH, facts.EXCHANGE):
        if evidence.get(call.FAILURE):
            yield from _failed(evidence, call)
            break
        if error := evidence.get(call.ERROR):
            refusal = kraken_error((error,))
            cause, possible = refusal.cause, possible_of(evidence, refusal.cause)
            yield finding(
                cause,
                "Kraken's own response",
                until_words(refusal),
                error=error,
                severity=_severity(evidence, call),
                possible=possible,
                remedy=remedy_of_step(evidence, call, cause),
                # Nothing of a key's was sent: whoever speaks of one may not be the exchange.
                confidence=None if cause in _OF_EXCHANGE else Confidence.LIKELY,
            )
            break
    status = evidence.get(facts.EXCHANGE_STATUS)
    if status in _STATUS_CAUSES:
        # A warning: private calls were accepted.
        severity = Severity.WARN if evidence.outcome(facts.EXCHANGE.check) is Outcome.WARN else None
        yield finding(_STATUS_CAUSES[status], f"SystemStatus says {status}", severity=severity)
    # A word that is new must not pass for "online"; nor is it known to be a failure.
    elif status is not None and status != "online":
        said = f"says {status!r}, which this version does not know" if status else "gives no status"
        yield finding("exchange-status-unknown", f"SystemStatus {said}")


def _failed(evidence: EvidenceSet, call: PublicCall) -> Iterator[Diagnosis]:
    failure, detail = evidence.get(call.FAILURE, ""), evidence.get(call.DETAIL, "")
    if failure == "tls-expired":
        if explains_certificate(evidence):
            return  # the rules of the host have named the clock
        if _begins_in_the_future(evidence):
            yield _clock_behind(evidence)
            return
    samples, failed = evidence.get(call.SAMPLES), evidence.get(call.SAMPLES_FAILED)
    often = f"{failed} of {samples} attempts failed" if samples else None
    other = "SystemStatus was answered" if evidence.get(facts.EXCHANGE_STATUS) is not None else None
    because = (detail, often, other, *_certificate(evidence, failure), *_reached(evidence))
    yield of_step(evidence, call, failure, *because, severity=_severity(evidence, call))


def of_step(
    evidence: EvidenceSet, step: Step, failure: str, *because: str | None, severity: Severity | None = None
) -> Diagnosis:
    """Return the diagnosis of a call that failed at *failure*, public or private."""
    variable = evidence.get(step.BAD_VARIABLE) if failure == "tls-untrusted" else None
    summary = f"{variable} names no certificates that can be read." if variable else ""
    if failure == "tls-failed" and (problem := evidence.get(facts.TLS_PROBLEM)):
        summary = f"The certificate can't be used: {problem}."
    possible, instead = _possible(evidence, step, failure), remedy_of_step(evidence, step, failure)
    return finding(failure, *because, summary=summary, severity=severity, possible=possible, remedy=instead)


def _severity(evidence: EvidenceSet, call: PublicCall) -> Severity:
    """Return the severity of a public call that failed: its check is a warning where private ones were accepted."""
    return Severity.WARN if evidence.outcome(call.check) is Outcome.WARN else Severity.FAIL


def _possible(evidence: EvidenceSet, call: Step, failure: str) -> tuple[Alternative, ...]:
    """Return what the evidence leaves open."""
    proxy = evidence.get(facts.PROXY)
    if failure == "tls-expired" and not clock_is_known(evidence):
        return (Alternative("this host's clock is wrong", "kraken-doctor clock, with a reachable time server"),)
    status = evidence.get(call.PROXY_STATUS)
    unsaid = status is None and not (evidence.get(call.PROXY_FAILURE) or evidence.get(call.BAD_VARIABLE))
    # The three are a proxy's words for what lies behind it (RFC 9110, section 15.6); with another it speaks of itself.
    if failure == "proxy-failed" and (status in (502, 503, 504) or unsaid):
        return (Alternative("the proxy can't reach the exchange", "the proxy's log, or a connection without it"),)
    # Inside TLS a proxy can cut and keep silent; what is said there is the exchange's, or its edge's.
    by_proxy = {"connection-reset", "read-timeout"}
    if evidence.get(facts.TLS_VERSION) is None:
        by_proxy |= {"edge-error", "edge-blocked", "response-invalid"}
    if proxy != "" and failure in by_proxy:
        whose = f"the proxy {proxy}" if proxy else "a proxy"
        return (Alternative(f"the fault lies with {whose}", "NO_PROXY, if there is a connection without it"),)
    return ()


def _begins_in_the_future(evidence: EvidenceSet) -> bool:
    """
    Whether the certificate itself tells that this clock is behind, where no time source does.

    A certificate that is genuine but for beginning in the future was dated by a clock that counts more than this one;
    and its issuer is trusted.
    """
    unknown = evidence.get(facts.CLOCK_OFFSET) is None
    return unknown and bool(evidence.get(facts.TLS_DATES_ALONE)) and (evidence.get(facts.TLS_BEGINS_IN) or 0) > 0


def _clock_behind(evidence: EvidenceSet) -> Diagnosis:
    issuer, begins = evidence.get(facts.TLS_ISSUER) or "an unnamed issuer", evidence.get(facts.TLS_NOT_BEFORE, "")
    return finding(
        "clock-behind",
        f"the certificate, by {issuer}, is genuine and valid from {begins}",
        clock_words(evidence),
        summary="This host's clock is behind: by this clock, the exchange's certificate is not valid yet.",
        confidence=Confidence.LIKELY,
        severity=_severity(evidence, facts.PATH),
        remedy=clock_remedy(evidence, "clock-behind"),
        explains=("tls-expired",),
    )


def _concerns(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    """Yield what did not keep this run from its answer, and slows it or other programs down."""
    if dead := evidence.get(facts.TCP_DEAD):
        seconds = evidence.get(facts.TCP_DEAD_SECONDS, 0.0)
        where = "IPv6" if all(":" in text.partition(": ")[0] for text in dead) else "One address"
        # requests tries one address after the other, so a bot waits for the dead one at each new connection; the probe
        # begins with the next address meanwhile.
        lost = f"each new connection waits at least {span(seconds)} before another address is tried"
        answered = f"{evidence.get(facts.TCP_ADDRESS, '')} answered in {span(evidence.get(facts.TCP_SECONDS, 0.0))}"
        yield finding(
            "connection-timeout",
            *dead,
            answered,
            summary=f"{where} does not answer: {lost}.",
            severity=Severity.WARN,
            remedy=remedy("dead IPv6" if where == "IPv6" else "dead address"),
        )
    for call in (facts.PATH, facts.EXCHANGE):
        if chance := evidence.get(call.CHANCE):
            samples, failed = evidence.get(call.SAMPLES), evidence.get(call.SAMPLES_FAILED)
            because = (f"{failed} of {samples} attempts failed", evidence.get(call.CHANCE_DETAIL, ""))
            summary = "The connection to the exchange fails intermittently."
            yield finding(chance, *because, summary=summary, severity=Severity.WARN)
    if without := evidence.get(facts.TLS_WITHOUT_VARIABLE):
        variable = evidence.source(facts.TLS_AUTHORITIES) or "SSL_CERT_FILE"
        summary = f"The certificate is trusted through {variable}, which krakenex and requests do not read."
        signed = f"signed by {evidence.get(facts.TLS_ISSUER) or 'an unnamed issuer'}"
        instead = remedy("authorities for requests", file=evidence.get(facts.TLS_AUTHORITIES, ""))
        because = signed, f"without it: {without}"
        yield finding("tls-untrusted", *because, summary=summary, severity=Severity.WARN, remedy=instead)


def _certificate(evidence: EvidenceSet, failure: str) -> tuple[str, ...]:
    """Return who signed it, for whom and for how long."""
    if failure not in _CERTIFICATE and evidence.get(facts.TLS_PROBLEM) is None:
        return ()
    if evidence.get(facts.TLS_ISSUER) is None:
        return ("the certificate itself could not be read",) if evidence.get(facts.TLS_PROBLEM) is not None else ()
    by = "itself" if evidence.get(facts.TLS_SELF_SIGNED) else evidence.get(facts.TLS_ISSUER) or "an unnamed issuer"
    names = ", ".join(evidence.get(facts.TLS_NAMES, ())) or evidence.get(facts.TLS_SUBJECT) or "nobody"
    return (
        f"signed by {by}, for {names}",
        f"valid from {evidence.get(facts.TLS_NOT_BEFORE, '')} to {evidence.get(facts.TLS_NOT_AFTER, '')}",
        *((clock_words(evidence),) if failure == "tls-expired" else ()),
    )


def _reached(evidence: EvidenceSet) -> tuple[str, ...]:
    """Return how far it got, so that the reader sees which step to look at."""
    reached = []
    if proxy := evidence.get(facts.PROXY):
        variable = evidence.source(facts.PROXY)
        reached.append(f"through the proxy {proxy}" + (f" from {variable}" if variable else ""))
    unused = ": not used, since the key is not set there" if evidence.get(facts.ENVIRONMENT_UNUSED) else ""
    reached += [f"{variable}{unused}" for variable in evidence.get(facts.ENVIRONMENT_IN_FILES, ())]
    if addresses := evidence.get(facts.DNS_ADDRESSES):
        whose = "the proxy's name" if proxy else "the name"
        reached.append(f"{whose} resolves to {', '.join(addresses[:3])}")
    if (seconds := evidence.get(facts.TCP_SECONDS)) is not None:
        reached.append(f"TCP connected in {span(seconds)}")
    if version := evidence.get(facts.TLS_VERSION):
        reached.append(f"{version}, certificate by {evidence.get(facts.TLS_ISSUER) or 'an unnamed issuer'}")
    return tuple(reached)


def until_words(refusal: KrakenError) -> str | None:
    """Return the moment that *refusal* names, where it names one."""
    until_s = refusal.until_s if isinstance(refusal, KrakenThrottled) else None
    return None if until_s is None else f"it asks clients to wait until {utc_words(until_s)}"


def remedy_of_step(evidence: EvidenceSet, call: Step, failure: str) -> Remedy | None:
    """Return another remedy than the catalogue's, where the evidence says more."""
    if failure in _ASK_TO_WAIT and (wait_s := _wait_s(evidence, call)) is not None:
        return remedy("wait as told", wait=wait(wait_s)) if wait_s > 0 else remedy("waited as told")
    named = _with_file(evidence, evidence.get(call.BAD_VARIABLE, ""))
    by = named or _with_file(evidence, evidence.source(facts.PROXY))
    # Before the variable: whoever asks for a login was reached, so its address is right.
    if failure == "proxy-failed" and evidence.get(call.PROXY_STATUS) == 407:
        known = evidence.get(facts.PROXY_LOGIN)
        return remedy("wrong login" if known else "login of the proxy", variable=by or "HTTPS_PROXY")
    if failure == "proxy-failed" and by:
        return remedy("proxy of a variable", variable=by)
    if failure == "tls-untrusted" and named:
        return remedy("authorities of a variable", variable=named)
    if failure == "tls-failed" and evidence.get(facts.TLS_PROBLEM) is not None:
        return remedy("certificate with a flaw")
    return None


def _with_file(evidence: EvidenceSet, variable: str) -> str:
    """Return *variable* with the .env file that alone sets it, where one does: ``HTTPS_PROXY in .env``."""
    for text in evidence.get(facts.ENVIRONMENT_IN_FILES, ()):
        if variable and text.startswith(f"{variable}="):
            return f"{variable} in {text.rpartition(' (')[2].rstrip(')')}"
    return variable


def _wait_s(evidence: EvidenceSet, call: Step) -> float | None:
    """Return how long to wait; a moment that was named is compared with the corrected clock."""
    until_s, told_s = evidence.get(call.UNTIL), evidence.get(call.HTTP_RETRY_AFTER)
    if until_s is not None:
        until_s -= evidence.get(facts.CLOCK_OFFSET) or evidence.get(facts.NONCE_CORRECTION) or 0.0
    # The later of two moments: to come a little early is to be refused again.
    return max((wait_s for wait_s in (until_s, told_s) if wait_s is not None), default=None)
