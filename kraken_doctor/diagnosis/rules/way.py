"""The way to the exchange, and what the exchange says of itself."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_doctor.diagnosis.naming import name
from kraken_doctor.diagnosis.rules.host import wrong_clock
from kraken_doctor.diagnosis.words import clock_words, span
from kraken_doctor.errors import kraken_error
from kraken_doctor.model.diagnosis import Alternative, Confidence, Diagnosis, Remedy, Severity
from kraken_doctor.model.evidence import Facts

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
            yield name(kraken_error((error,)).cause, None, "", ("the exchange's own word",), error=error)
            return
    status = facts.text("exchange.status")
    if status in _STATUS_CAUSES:
        yield name(_STATUS_CAUSES[status], None, "", (f"SystemStatus says {status}",))
    elif status and status != "online":
        because = (f"SystemStatus says {status[:40]!r}, which this version does not know",)
        yield name("exchange-restricted", None, "", because, confidence=Confidence.POSSIBLE)


def _failed(facts: Facts, step: str) -> Iterator[Diagnosis]:
    failure, detail = facts.text(f"{step}.failure"), facts.text(f"{step}.detail")
    if failure == "tls-expired" and (explained := _by_the_clock(facts, detail)) is not None:
        yield from explained
        return
    samples, failed = facts.integer(f"{step}.samples"), facts.integer(f"{step}.samples.failed")
    often = (f"{failed} of {samples} attempts failed",) if samples else ()
    because = (detail, *often, *_certificate(facts, failure), *_reached(facts))
    proxy = facts.text("path.proxy")
    confidence, possible = Confidence.CERTAIN, tuple[Alternative, ...]()
    if failure == "proxy-failed" and facts.integer(f"{step}.proxy.status") in (502, 503, 504):
        # The proxy's own word, and it may be right.
        confidence = Confidence.LIKELY
        possible = (Alternative("the proxy works and does not reach the exchange", "the proxy's log, or another way"),)
    elif proxy and failure in ("connection-reset", "read-timeout", "edge-error", "edge-blocked", "response-invalid"):
        confidence = Confidence.LIKELY
        possible = (
            Alternative(
                f"the proxy {proxy} answers, or cuts, in the exchange's place", "NO_PROXY, if there is a way without it"
            ),
        )
    yield name(
        failure, None, "", because, confidence=confidence, possible=possible, remedy=_remedy(facts, step, failure)
    )


def _by_the_clock(facts: Facts, detail: str) -> tuple[Diagnosis, ...] | None:
    """
    A certificate that is out of its time by a wrong clock is the clock's fault; None if the clock is not to blame.

    Where no source tells the time, a certificate that is genuine but for beginning in the future tells that this clock
    is behind: its issuer has dated it by a clock that counts more than this one.
    """
    if wrong_clock(facts):
        return ()  # the rules of the host have named it
    if facts.number("clock.offset") is not None or not facts.flag("path.tls.dates_alone"):
        return None
    begins = facts.text("path.tls.not_before")
    if "not yet valid" not in detail:
        return None
    because = (
        f"the certificate, by {facts.text('path.tls.issuer') or 'an unnamed issuer'}, is genuine and begins {begins}",
        clock_words(facts),
    )
    summary = "This host's clock is behind: by it, the exchange's certificate is not valid yet."
    return (
        name(
            "clock-behind", None, summary, because,
            confidence=Confidence.LIKELY, severity=Severity.FAIL, explains=("tls-expired",),
        ),
    )  # fmt: skip


def _concerns(facts: Facts) -> Iterator[Diagnosis]:
    """What did not keep this run from its answer, and costs all the same."""
    if dead := facts.texts("path.tcp.dead"):
        seconds = facts.number("path.tcp.dead_seconds") or 0.0
        where = "IPv6" if all(":" in text.partition(": ")[0] for text in dead) else "an address"
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
        remedy = Remedy(
            f"Set REQUESTS_CA_BUNDLE to the same file, {facts.text('path.tls.authorities')}, where the bots run."
        )
        yield name("tls-untrusted", None, summary, because, severity=Severity.WARN, remedy=remedy)


def _certificate(facts: Facts, failure: str) -> tuple[str, ...]:
    """Who signed it, for whom and for how long: the reader knows which of it is strange."""
    if failure not in _CERTIFICATE:
        return ()
    if "path.tls.issuer" not in facts:
        return ("the certificate itself could not be read",) if "path.tls.problem" in facts else ()
    issuer, subject = facts.text("path.tls.issuer"), facts.text("path.tls.subject")
    by = "itself" if issuer == subject else issuer or "an unnamed issuer"
    names = ", ".join(facts.texts("path.tls.names")) or subject or "nobody"
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
        reached.append(f"the name resolves to {', '.join(addresses[:3])}")
    if (seconds := facts.number("path.tcp.seconds")) is not None:
        reached.append(f"TCP connected in {span(seconds)}")
    if version := facts.text("path.tls.version"):
        reached.append(f"{version}, certificate by {facts.text('path.tls.issuer') or 'an unnamed issuer'}")
    return tuple(reached)


def _remedy(facts: Facts, step: str, failure: str) -> Remedy | None:
    """Another than the catalogue's, where the evidence says more."""
    if failure == "exchange-throttled" and (wait_s := facts.integer(f"{step}.http.retry_after")) is not None:
        return Remedy(
            f"Wait {span(wait_s)}, as it says.", avoid="Don't retry in a loop: it lasts longer while calls go on."
        )
    if failure == "proxy-failed" and facts.integer(f"{step}.proxy.status") == 407:
        item = facts.item("path.proxy")
        variable = (item.source if item else "") or "HTTPS_PROXY"
        return Remedy(f"Put the proxy's user and password into {variable}: http://USER:PASSWORD@HOST:PORT.")
    return None
