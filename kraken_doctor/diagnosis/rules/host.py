"""This host: what is common to all accounts."""

from collections.abc import Iterator

from kraken_doctor.diagnosis.naming import RunRule, clock_words, finding
from kraken_doctor.diagnosis.remedies import clock_remedy, remedy, remedy_for
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Confidence, Diagnosis, EvidenceSet, Outcome, Severity
from kraken_doctor.model.format import span


@RunRule
def host(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    """Yield the causes of the section "This host", but for what a single account shows."""
    version = evidence.get(facts.KRAKENEX_VERSION, "")
    missing = evidence.get(facts.KRAKENEX_MISSING_HOOKS)
    if (error := evidence.get(facts.KRAKENEX_ERROR)) is not None:
        yield finding("krakenex-missing", f"Python says: {error}")
    elif missing:
        yield finding("krakenex-incompatible", f"krakenex {version} has no {', '.join(missing)}")
    elif version and version != (tested := evidence.get(facts.KRAKENEX_TESTED, "")):
        yield finding("krakenex-untested", f"installed {version}, tested {tested}", "the nonce hook is present")
    if (problem := evidence.get(facts.STORE_ERROR)) is not None:
        yield unwritable(evidence, problem)
    yield from _clock(evidence)


def unwritable(evidence: EvidenceSet, problem: str) -> Diagnosis:
    """Name the nonce store, and which one is meant: that no nonce is issued says nothing of the connection."""
    place = evidence.get(facts.STORE_PLACE)
    reached = evidence.outcome("path") is Outcome.PASS and not evidence.get(facts.PATH.ERROR)
    meant = f"the store is {place}" if place else None
    works = "Kraken can be reached: the connection works, the nonce store does not" if reached else None
    return finding("state-unwritable", problem, meant, works, remedy=remedy_for(problem, "store_problems"))


def wrong_clock(evidence: EvidenceSet) -> str | None:
    """Return ``clock-behind`` or ``clock-ahead`` where the offset less its error bound is over the limit."""
    offset_s, bound_s = evidence.get(facts.CLOCK_OFFSET), evidence.get(facts.CLOCK_BOUND)
    limit_s = evidence.get(facts.CLOCK_LIMIT)
    if not clock_is_known(evidence) or offset_s is None or bound_s is None or limit_s is None:
        return None
    if offset_s - bound_s > limit_s:
        return "clock-behind"
    return "clock-ahead" if offset_s + bound_s < -limit_s else None


def clock_is_known(evidence: EvidenceSet) -> bool:
    """Whether the clock can be judged: measured, with a bound, against a limit, and contradicted by nobody."""
    needed = (facts.CLOCK_OFFSET, facts.CLOCK_BOUND, facts.CLOCK_LIMIT)
    return not evidence.get(facts.EXCHANGE_CONTRADICTS) and all(evidence.get(fact) is not None for fact in needed)


def explains_certificate(evidence: EvidenceSet) -> bool:
    """Whether the certificate was refused for its dates, and would not have been by a right clock."""
    offset_s = evidence.get(facts.CLOCK_OFFSET)
    if evidence.get(facts.PATH.FAILURE) != "tls-expired" or not wrong_clock(evidence) or offset_s is None:
        return False
    begins_in, ends_in = evidence.get(facts.TLS_BEGINS_IN), evidence.get(facts.TLS_ENDS_IN)
    if begins_in is None or ends_in is None:
        return True  # it could not be read; a clock that is wrong is reason enough
    return begins_in <= offset_s <= ends_in


def _clock(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    cause = wrong_clock(evidence)
    if cause is not None:
        offset_s = abs(evidence.get(facts.CLOCK_OFFSET) or 0)
        blamed = explains_certificate(evidence)
        dated = evidence.get(facts.TLS_BEGINS_IN) is not None and evidence.get(facts.TLS_ENDS_IN) is not None
        failed = blamed and evidence.outcome("path") is not Outcome.WARN  # private calls were accepted all the same
        # Only the command `clock` lets the check fail: there the clock is the question, elsewhere it breaks nothing by
        # itself.
        asked = evidence.outcome("clock") is Outcome.FAIL
        yield finding(
            cause,
            clock_words(evidence, offset_is_said=True),
            "the certificate has expired, or is not yet valid, only by this clock" if blamed else None,
            _kept_by(evidence),
            summary=f"This host's clock is {span(offset_s)} {cause.removeprefix('clock-')}.",
            # Without the certificate's own dates the clock is a reason, but not shown to be the reason.
            confidence=Confidence.LIKELY if blamed and not dated else None,
            severity=Severity.FAIL if failed or asked else None,
            remedy=clock_remedy(evidence, cause),
            explains=("tls-expired",) if blamed else (),
        )
    # That they disagree is the finding: neither side is known to be the right one.
    elif evidence.get(facts.EXCHANGE_CONTRADICTS):
        yield finding(
            "clock-unverified",
            clock_words(evidence),
            _kept_by(evidence),
            summary="The time servers and Kraken disagree about this host's clock.",
            severity=Severity.WARN,
            remedy=remedy("who is wrong"),
        )
    elif evidence.outcome("clock") is Outcome.INCONCLUSIVE and evidence.get(facts.CLOCK_OFFSET) is None:
        problems = evidence.get(facts.NTP_PROBLEMS, ())
        if not problems and not evidence.get(facts.NTP_ASKED):
            problems = ("no NTP server was asked",)
        offsets = [sample.SAMPLE_OFFSET for sample in facts.clock_samples(evidence)]
        said = [f"{evidence.source(of)} says {span(evidence.get(of, 0.0), signed=True)}" for of in offsets]
        if said:
            summary = "The time sources contradict each other."
            instead = remedy("more time servers")
            yield finding("clock-unverified", *said[:4], *problems[:3], summary=summary, remedy=instead)
        else:
            yield finding("clock-unverified", *problems[:3], "the exchange's own time was not available either")


def _kept_by(evidence: EvidenceSet) -> str | None:
    """Return what was found to keep the clock, since the remedy rests on it."""
    place, keeper = evidence.get(facts.CLOCK_PLACE), evidence.get(facts.KEEPER)
    if place is None:
        return None
    if place != "linux":
        return f"the clock is that of {_PLACES.get(place, place)}: {evidence.source(facts.CLOCK_PLACE)}"
    if not keeper:
        return "no time service was found on this host"
    return f"{keeper} {'runs' if evidence.get(facts.KEEPER_RUNNING) else 'is installed, and does not run'}"


_PLACES = {"container": "the host around this container", "wsl": "WSL", "macos": "macOS", "windows": "Windows"}
_PLACES["other"] = "an unknown system"
