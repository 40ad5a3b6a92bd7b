"""This host: what is common to all accounts."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_doctor.diagnosis.mending import clock_remedy
from kraken_doctor.diagnosis.naming import name
from kraken_doctor.diagnosis.words import clock_words, signed_span, span
from kraken_doctor.model.diagnosis import Diagnosis, Remedy, Severity
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
    if offset_s is None or bound_s is None or limit_s is None or facts.flag("clock.exchange.contradicts"):
        return None
    if offset_s - bound_s > limit_s:
        return "clock-behind"
    return "clock-ahead" if offset_s + bound_s < -limit_s else None


def explains_certificate(facts: Facts) -> bool:
    """Whether the certificate was refused for its dates, and would not have been by a right clock."""
    offset_s = facts.number("clock.offset")
    if facts.text("path.failure") != "tls-expired" or not wrong_clock(facts) or offset_s is None:
        return False
    begins_in, ends_in = facts.number("path.tls.begins_in"), facts.number("path.tls.ends_in")
    if begins_in is None or ends_in is None:
        return True  # it could not be read; a clock that is wrong is reason enough
    return begins_in <= offset_s <= ends_in


def _clock(facts: Facts) -> Iterator[Diagnosis]:
    cause = wrong_clock(facts)
    if cause is not None:
        offset_s = abs(facts.number("clock.offset") or 0)
        blamed = explains_certificate(facts)
        asked = facts.outcome("clock") is Outcome.FAIL
        yield name(
            cause,
            None,
            f"This host's clock is {span(offset_s)} {cause.removeprefix('clock-')}.",
            (
                clock_words(facts),
                *(("the certificate has expired, or is not yet valid, only by this clock",) if blamed else ()),
                *_kept_by(facts),
            ),
            severity=Severity.FAIL if blamed or asked else None,
            remedy=clock_remedy(facts, cause),
            explains=("tls-expired",) if blamed else (),
        )
    elif facts.flag("clock.exchange.contradicts"):
        yield name(
            "clock-unverified",
            None,
            "The time servers and Kraken disagree about this host's clock.",
            (clock_words(facts), *_kept_by(facts)),
            severity=Severity.WARN,
            remedy=_WHO_IS_WRONG,
        )
    elif facts.outcome("clock") is Outcome.INCONCLUSIVE and "clock.offset" not in facts:
        problems = facts.texts("clock.ntp.problems")
        if not problems and not facts.integer("clock.ntp.asked"):
            problems = ("no NTP server was asked",)
        if "clock.sample.1.offset" in facts:
            said = tuple(
                f"{sample.source} says {signed_span(float(str(sample.value)))}"
                for sample in facts.starting("clock.sample.")
                if sample.name.endswith(".offset")
            )
            summary = "The time sources contradict each other."
            yield name("clock-unverified", None, summary, (*said[:4], *problems[:3]), remedy=_MORE_SERVERS)
        else:
            last = "the exchange's own time was not available either"
            yield name("clock-unverified", None, "", (*problems[:3], last))


def _kept_by(facts: Facts) -> tuple[str, ...]:
    """What was found to keep the clock, since the remedy rests on it."""
    place, keeper = facts.item("clock.place"), facts.text("clock.keeper")
    if place is None:
        return ()
    if place.value != "linux":
        return (f"the clock is that of {_PLACES.get(str(place.value), str(place.value))}: {place.source}",)
    if not keeper:
        return ("no time service was found on this host",)
    return (f"{keeper} {'runs' if facts.flag('clock.keeper.running') else 'is installed, and does not run'}",)


_PLACES = {
    "container": "the host around this container",
    "wsl": "WSL",
    "macos": "macOS",
    "windows": "Windows",
    "other": "an unknown system",
}

_MORE_SERVERS = Remedy("Ask three servers or more, so that a majority can tell: --ntp-server HOST, again for each.")

_WHO_IS_WRONG = Remedy(
    "Find out who is wrong: ask other time servers (--ntp-server HOST), and compare with a clock that you trust.",
    otherwise="Something on the network may answer in the place of the time servers, or of Kraken.",
    avoid="Don't set the clock before you know.",
)
