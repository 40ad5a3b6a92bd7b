"""This host: what is common to all accounts."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_doctor.diagnosis.mending import clock_remedy
from kraken_doctor.diagnosis.naming import name
from kraken_doctor.diagnosis.words import clock_words, span
from kraken_doctor.model.diagnosis import Alternative, Confidence, Diagnosis, Severity
from kraken_doctor.model.evidence import Facts, Outcome


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
        blamed = facts.text("path.failure") == "tls-expired"
        asked = facts.outcome("clock") is Outcome.FAIL
        doubtful = facts.flag("clock.exchange.contradicts")
        yield name(
            cause,
            None,
            f"This host's clock is {span(offset_s)} {cause.removeprefix('clock-')}.",
            (
                clock_words(facts),
                *(("the exchange's own time says otherwise",) if doubtful else ()),
                *(("the certificate is out of its time only by this clock",) if blamed else ()),
            ),
            confidence=Confidence.LIKELY if doubtful else Confidence.CERTAIN,
            severity=Severity.FAIL if blamed or asked else None,
            remedy=clock_remedy(facts, cause),
            possible=_LYING_SERVERS if doubtful else (),
            explains=("tls-expired",) if blamed else (),
        )
    elif facts.outcome("clock") is Outcome.INCONCLUSIVE and "clock.offset" not in facts:
        problems = facts.texts("clock.ntp.problems")
        if not problems and not facts.integer("clock.ntp.asked"):
            problems = ("no NTP server was asked",)
        heard = "clock.sample.1.offset" in facts
        last = (
            "those that answered contradict each other" if heard else "the exchange's own time was not to be had either"
        )
        yield name("clock-unverified", None, "", (*problems[:3], last))


_LYING_SERVERS = (
    Alternative("the time servers are wrong, or something on the way answers for them", "compare with another network"),
)
