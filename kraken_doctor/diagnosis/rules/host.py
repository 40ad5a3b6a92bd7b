"""This host, and the way to the exchange: what is common to all accounts."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_doctor.diagnosis.naming import name
from kraken_doctor.diagnosis.words import clock_words, span
from kraken_doctor.errors import kraken_error
from kraken_doctor.model.diagnosis import Confidence, Diagnosis, Severity
from kraken_doctor.model.evidence import Facts, Outcome

_STATUS_CAUSES = {
    "maintenance": "exchange-maintenance",
    "cancel_only": "exchange-restricted",
    "post_only": "exchange-restricted",
    "limit_only": "exchange-restricted",
}


def host(facts: Facts) -> Iterator[Diagnosis]:
    """The section "This host", but for what a single account shows."""
    version = facts.text("krakenex.version")
    missing = facts.texts("krakenex.missing_hooks")
    if "krakenex.error" in facts:
        yield name("krakenex-missing", None, "", (f"Python says: {facts.text('krakenex.error')}",))
    elif missing:
        yield name("krakenex-incompatible", None, "", (f"krakenex {version} has no {', '.join(missing)}",))
    elif version and version != facts.text("krakenex.tested"):
        because = (f"installed {version}, tested {facts.text('krakenex.tested')}", "the nonce hook is there")
        yield name("krakenex-untested", None, "", because)
    if "store.error" in facts:
        yield name("state-unwritable", None, "", (facts.text("store.error"),))
    yield from _clock(facts)


def wrong_clock(facts: Facts) -> str | None:
    """``clock-behind`` or ``clock-ahead`` where the offset is over its limit, error bound taken into account."""
    offset_s, bound_s, limit_s = (facts.number(f"clock.{part}") for part in ("offset", "bound", "limit"))
    if offset_s is None or bound_s is None or limit_s is None:
        return None
    if offset_s - bound_s > limit_s:
        return "clock-behind"
    return "clock-ahead" if offset_s + bound_s < -limit_s else None


def _clock(facts: Facts) -> Iterator[Diagnosis]:
    cause = wrong_clock(facts)
    if cause is not None:
        offset_s = abs(facts.number("clock.offset") or 0)
        summary = f"This host's clock is {span(offset_s)} {cause.removeprefix('clock-')}."
        blamed = facts.text("path.failure") == "tls-expired"
        because = (clock_words(facts), *(("the certificate is out of its time only by this clock",) if blamed else ()))
        asked = facts.outcome("clock") is Outcome.FAIL
        severity = Severity.FAIL if blamed or asked else None
        yield name(cause, None, summary, because, severity=severity, explains=("tls-expired",) if blamed else ())
    elif facts.outcome("clock") is Outcome.INCONCLUSIVE and "clock.offset" not in facts:
        problems = facts.texts("clock.ntp.problems") or ("no NTP server was asked",)
        yield name("clock-unverified", None, "", (*problems[:3], "the exchange's own time was not to be had either"))


def way(facts: Facts) -> Iterator[Diagnosis]:
    """The section "The way to the exchange"."""
    for step in ("path", "exchange"):
        failure = facts.text(f"{step}.failure")
        if failure and not (failure == "tls-expired" and wrong_clock(facts)):
            yield name(failure, None, "", (facts.text(f"{step}.detail"), *_reached(facts)))
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


def _reached(facts: Facts) -> tuple[str, ...]:
    """How far it got, so that the reader sees which step to look at."""
    reached = []
    if addresses := facts.texts("path.dns.addresses"):
        reached.append(f"the name resolves to {', '.join(addresses[:3])}")
    if (seconds := facts.number("path.tcp.seconds")) is not None:
        reached.append(f"TCP connected in {span(seconds)}")
    if version := facts.text("path.tls.version"):
        reached.append(f"{version}, certificate by {facts.text('path.tls.issuer') or 'an unnamed issuer'}")
    return tuple(reached)
