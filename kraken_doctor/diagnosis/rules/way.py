"""The way to the exchange, and what the exchange says of itself."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_doctor.diagnosis.mending import clock_remedy
from kraken_doctor.diagnosis.naming import name
from kraken_doctor.diagnosis.rules.host import explains_certificate
from kraken_doctor.diagnosis.words import clock_words, span
from kraken_doctor.errors import kraken_error
from kraken_doctor.model.diagnosis import Alternative, Confidence, Diagnosis, Remedy, Severity
from kraken_doctor.model.evidence import Facts, Outcome

_STATUS_CAUSES = {
    "maintenance": "exchange-maintenance",
    "cancel_only": "exchange-restricted",
    "post_only": "exchange-restricted",
    "limit_only": "exchange-restricted",
}

_CERTIFICATE = ("tls-untrusted", "tls-expired", "tls-hostname")


def way(facts: Facts) -> Iterator[Diagnosis]:
    """The section "The way to the exchange"."""
    yield from _concerns(facts)
    for step in ("path", "exchange"):
        if facts.text(f"{step}.failure"):
            yield from _failed(facts, step)
            return
        if error := facts.text(f"{step}.error"):
            because = ("Kraken's own response",)
            yield name(kraken_error((error,)).cause, None, "", because, error=error, severity=_severity(facts, step))
            return
    status = facts.text("exchange.status")
    if status in _STATUS_CAUSES:
        yield name(_STATUS_CAUSES[status], None, "", (f"SystemStatus says {status}",))
    elif status and status != "online":
        because = (f"SystemStatus says {status[:40]!r}, which this version does not know",)
        yield name("exchange-restricted", None, "", because, confidence=Confidence.POSSIBLE)


def _failed(facts: Facts, step: str) -> Iterator[Diagnosis]:
    failure, detail = facts.text(f"{step}.failure"), facts.text(f"{step}.detail")
    if failure == "tls-expired":
        if explains_certificate(facts):
            return  # the rules of the host have named the clock
        if _begins_in_the_future(facts):
            yield _clock_behind(facts)
            return
    samples, failed = facts.integer(f"{step}.samples"), facts.integer(f"{step}.samples.failed")
    often = (f"{failed} of {samples} attempts failed",) if samples else ()
    because = (detail, *often, *_certificate(facts, failure), *_reached(facts))
    possible = _possible(facts, step, failure)
    yield name(
        failure,
        None,
        "",
        because,
        confidence=Confidence.LIKELY if possible else Confidence.CERTAIN,
        severity=_severity(facts, step),
        possible=possible,
        remedy=_remedy(facts, step, failure),
    )


def _severity(facts: Facts, step: str) -> Severity:
    """Return the severity of a public call that failed: its check is a warning where private ones were accepted."""
    return Severity.WARN if facts.outcome(step) is Outcome.WARN else Severity.FAIL


def _possible(facts: Facts, step: str, failure: str) -> tuple[Alternative, ...]:
    """What the evidence leaves open."""
    proxy = facts.text("path.proxy")
    if failure == "tls-expired" and facts.number("clock.offset") is None:
        return (
            Alternative("this host's clock is wrong", "kraken-doctor clock, with a time server that can be reached"),
        )
    if failure == "proxy-failed" and facts.integer(f"{step}.proxy.status") in (502, 503, 504):
        return (Alternative("the proxy works and does not reach the exchange", "the proxy's log, or another way"),)
    # Inside TLS a proxy can cut and keep silent; what is said there is the exchange's, or its edge's.
    by_proxy = {"connection-reset", "read-timeout"}
    if "path.tls.version" not in facts:
        by_proxy |= {"edge-error", "edge-blocked", "response-invalid"}
    if proxy and failure in by_proxy:
        return (Alternative(f"the fault is with the proxy {proxy}", "NO_PROXY, if there is a way without it"),)
    return ()


def _begins_in_the_future(facts: Facts) -> bool:
    """
    Whether the certificate itself tells that this clock is behind, where no time source does.

    A certificate that is genuine but for beginning in the future was dated by a clock that counts more than this one;
    and its issuer is trusted.
    """
    unknown = facts.number("clock.offset") is None
    return unknown and bool(facts.flag("path.tls.dates_alone")) and (facts.number("path.tls.begins_in") or 0) > 0


def _clock_behind(facts: Facts) -> Diagnosis:
    issuer, begins = facts.text("path.tls.issuer") or "an unnamed issuer", facts.text("path.tls.not_before")
    return name(
        "clock-behind",
        None,
        "This host's clock is behind: by it, the exchange's certificate is not valid yet.",
        (f"the certificate, by {issuer}, is genuine and begins {begins}", clock_words(facts)),
        confidence=Confidence.LIKELY,
        severity=Severity.FAIL,
        remedy=clock_remedy(facts, "clock-behind"),
        explains=("tls-expired",),
    )


def _concerns(facts: Facts) -> Iterator[Diagnosis]:
    """What did not keep this run from its answer, and costs all the same."""
    if dead := facts.texts("path.tcp.dead"):
        seconds = facts.number("path.tcp.dead_seconds") or 0.0
        where = "IPv6" if all(":" in text.partition(": ")[0] for text in dead) else "One address"
        lost = f"each new connection loses at least {span(seconds)} before another address is tried"
        summary = f"{where} leads nowhere: {lost}."
        because = (*dead, f"{facts.text('path.tcp.address')} answered in {span(facts.number('path.tcp.seconds') or 0)}")
        remedy = Remedy(
            "Mend the route of that address, or take it out of the system's choice.",
            otherwise="Prefer IPv4: the line 'precedence ::ffff:0:0/96 100' in /etc/gai.conf (Linux)."
            if where == "IPv6"
            else "",
        )
        yield name("connection-timeout", None, summary, because, severity=Severity.WARN, remedy=remedy)
    for step in ("path", "exchange"):
        if chance := facts.text(f"{step}.chance"):
            samples, failed = facts.integer(f"{step}.samples"), facts.integer(f"{step}.samples.failed")
            because = (f"{failed} of {samples} attempts failed", facts.text(f"{step}.chance.detail"))
            yield name(chance, None, "The way to the exchange fails now and then.", because, severity=Severity.WARN)
    if "path.tls.without_variable" in facts:
        item = facts.item("path.tls.authorities")
        variable = item.source if item else "SSL_CERT_FILE"
        summary = f"The certificate is trusted through {variable}, which krakenex and requests do not read."
        because = (
            f"signed by {facts.text('path.tls.issuer') or 'an unnamed issuer'}",
            "without it: " + facts.text("path.tls.without_variable"),
        )
        remedy = Remedy(f"Set REQUESTS_CA_BUNDLE to {facts.text('path.tls.authorities')} as well, where the bots run.")
        yield name("tls-untrusted", None, summary, because, severity=Severity.WARN, remedy=remedy)


def _certificate(facts: Facts, failure: str) -> tuple[str, ...]:
    """Who signed it, for whom and for how long: the reader knows which of it is strange."""
    if failure not in _CERTIFICATE:
        return ()
    if "path.tls.issuer" not in facts:
        return ("the certificate itself could not be read",) if "path.tls.problem" in facts else ()
    by = "itself" if facts.flag("path.tls.self_signed") else facts.text("path.tls.issuer") or "an unnamed issuer"
    names = ", ".join(facts.texts("path.tls.names")) or facts.text("path.tls.subject") or "nobody"
    return (
        f"signed by {by}, for {names}",
        f"valid from {facts.text('path.tls.not_before')} to {facts.text('path.tls.not_after')}",
        *((clock_words(facts),) if failure == "tls-expired" else ()),
    )


def _reached(facts: Facts) -> tuple[str, ...]:
    """How far it got, so that the reader sees which step to look at."""
    reached = []
    if proxy := facts.text("path.proxy"):
        item = facts.item("path.proxy")
        reached.append(f"through the proxy {proxy}" + (f" of {item.source}" if item and item.source else ""))
    if addresses := facts.texts("path.dns.addresses"):
        whose = "the proxy's name" if proxy else "the name"
        reached.append(f"{whose} resolves to {', '.join(addresses[:3])}")
    if (seconds := facts.number("path.tcp.seconds")) is not None:
        reached.append(f"TCP connected in {span(seconds)}")
    if version := facts.text("path.tls.version"):
        reached.append(f"{version}, certificate by {facts.text('path.tls.issuer') or 'an unnamed issuer'}")
    return tuple(reached)


def _remedy(facts: Facts, step: str, failure: str) -> Remedy | None:
    """Another than the catalogue's, where the evidence says more."""
    if failure == "exchange-throttled" and (wait_s := facts.integer(f"{step}.http.retry_after")) is not None:
        return Remedy(
            f"Wait {wait_s} s, as it says.", avoid="Don't retry in a loop: it lasts longer while calls go on."
        )
    if failure == "proxy-failed" and facts.integer(f"{step}.proxy.status") == 407:
        item = facts.item("path.proxy")
        variable = (item.source if item else "") or "HTTPS_PROXY"
        return Remedy(f"Put the proxy's user and password into {variable}, before the host and with an @ behind them.")
    return None
