"""Why a nonce was refused, and what the key's nonces threaten."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from kraken_doctor.diagnosis.naming import AccountRule, Call, calls, clock_is_right, clock_words, finding
from kraken_doctor.diagnosis.remedies import clock_remedy, remedy
from kraken_doctor.diagnosis.rules.host import unwritable, wrong_clock
from kraken_doctor.diagnosis.rules.nonce_unit import another_unit, declaring, withheld
from kraken_doctor.error_strings import is_nonce_refusal
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Alternative, Confidence, Diagnosis, EvidenceSet, Severity
from kraken_doctor.model.format import span, times
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.tables import load

_TOO_SMALL_S = 0.1
"""Requests overtake each other by more than this; Kraken's own advice begins at half a second."""

_WIDE_S = 60.0
"""Kraken's advice ends at 15 s: https://support.kraken.com/hc/en-us/articles/360001148023"""

_LEAD_S = 60.0
"""See the check `nonce`."""

_NEXT_FINER = dict(pairwise(NonceUnit))
"""The next unit that clients really count in."""

_CORRECTED = "the doctor's nonces came from the corrected time"


@AccountRule
def nonce(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    """Yield the causes of the section "The nonce", and the clock where it explains a refusal."""
    made = calls(evidence)
    refused = [call for call in made if is_nonce_refusal((call.outcome,))]
    accepted = [call for call in made if call.outcome == "ok"]
    # A nonce that a report lacks is unknown: two of them are not equal ones.
    known = [call for call in made if call.nonce]
    repeated = [(one, other) for one, other in pairwise(known) if other.nonce <= one.nonce]
    # First, whatever the exchange says: a nonce that does not rise is refused by every rule, so it explains the refusal
    # and no other program has to be suspected.
    if repeated or evidence.get(facts.NONCE_ON_WIRE) is False:
        yield _broken(repeated, refused)
    elif refused:
        yield _refused(evidence, refused, accepted)
    is_withheld = evidence.get(facts.NONCE_WITHHELD) is not None
    if is_withheld:
        yield withheld(evidence)
    error, kind = evidence.get(facts.NONCE_ERROR, ""), evidence.get(facts.NONCE_ERROR_TYPE)
    if kind == "NonceStoreError":
        yield unwritable(evidence, error)
    elif kind == "NonceExhaustedError":
        summary = "No nonce is left: the nonce store's mark is at the end of its range."
        yield finding("state-unwritable", error, summary=summary, remedy=remedy("nonces at their end"))
    yield from another_unit(evidence, accepted)
    ahead_s = -evidence.get(facts.NONCE_CORRECTION, 0.0)
    if ahead_s and evidence.get(facts.CLOCK_OFFSET) is None and (accepted or not refused):
        summary = f"This host's clock is {span(ahead_s)} ahead, by Kraken's answers."
        # Of the dates of answers alone, which whoever stands in between could have written.
        yield finding("clock-ahead", _CORRECTED, summary=summary, confidence=Confidence.LIKELY)
    yield from _window(evidence, accepted)
    lead_s = evidence.get(facts.NONCE_LEAD)
    # Where the clock is wrong, or nothing was sent for it, the same lead is told already, with its cause.
    if lead_s is not None and lead_s > _LEAD_S and not wrong_clock(evidence) and not is_withheld:
        yield finding("nonce-ahead-of-clock", f"the mark is {span(lead_s)} ahead of the clock", clock_words(evidence))


def _broken(repeated: list[tuple[Call, Call]], refused: list[Call]) -> Diagnosis:
    """Blame the generator, whatever the exchange said: such nonces are always refused."""
    because = [f"{one.endpoint} got {one.nonce}, and then {other.endpoint} {other.nonce}" for one, other in repeated]
    return finding(
        "nonce-generator-broken",
        *(because or ["the nonce that was sent is not the one that was issued"]),
        summary="The generator in use gives nonces that do not increase.",
        error=refused[-1].outcome if refused else "",
    )


def _refused(evidence: EvidenceSet, refused: list[Call], accepted: list[Call]) -> Diagnosis:
    # The same key took a nonce of this unit a moment ago: no mark of a finer unit can be in the way, only a race.
    if accepted:
        return _shared_key(refused, accepted)
    # Before what only other programs can explain: a clock that is proved wrong is there to be seen, and a new key is
    # not needed for it.
    wrong = wrong_clock(evidence)
    if wrong == "clock-behind":
        return _clock_behind(evidence, refused)
    # Where the clock was not examined, the time that Kraken told for the correction proves it.
    if evidence.get(facts.NONCE_CORRECTION) and (wrong or evidence.get(facts.CLOCK_OFFSET) is None):
        return _clock_ahead(evidence, refused)
    return _spent_higher(evidence, refused)


def _shared_key(refused: list[Call], accepted: list[Call]) -> Diagnosis:
    """Name a race: the same key accepts and refuses rising nonces of one unit within seconds."""
    last = refused[-1]
    later = next((call for call in accepted if call.number > last.number), None)
    other = later or accepted[-1]
    ahead = "a program on a host with a clock a second or two ahead has just used the key"
    return finding(
        "nonce-shared-key",
        f"{last.endpoint} was refused with nonce {last.nonce}",
        f"{other.endpoint} was accepted {'after' if later else 'before'} that, with {other.nonce}",
        "both are in the same unit, and one request was in flight at a time",
        summary="Another program uses this key at the same time.",
        # Accepted in the end: then the connection works, and the bot beside it is the warning.
        severity=Severity.WARN if later else Severity.FAIL,
        error="" if later else last.outcome,
        possible=(Alternative(ahead, "kraken-doctor clock, on each host"),),
    )


def _clock_behind(evidence: EvidenceSet, refused: list[Call]) -> Diagnosis:
    finer = f"the key has also accepted finer nonces ({_listed(refused[-1].unit)['finer_clients']})"
    return finding(
        "clock-behind",
        clock_words(evidence, offset_is_said=True),
        _refused_when(refused),
        summary=f"This host's clock is {span(evidence.get(facts.CLOCK_OFFSET, 0.0))} behind, and so are its nonces.",
        severity=Severity.FAIL,
        error=refused[-1].outcome,
        remedy=clock_remedy(evidence, "clock-behind"),
        possible=(Alternative(finer, "it will be refused again once the clock is right"),),
    )


def _clock_ahead(evidence: EvidenceSet, refused: list[Call]) -> Diagnosis:
    """Name the clock: refused with nonces of the right time, so somebody has sent some of a later one."""
    ahead_s = abs(evidence.get(facts.NONCE_CORRECTION, 0.0))
    return finding(
        "clock-ahead",
        clock_words(evidence, offset_is_said=True) if wrong_clock(evidence) else "measured by Kraken's answers",
        _CORRECTED,
        _refused_when(refused),
        f"real time passes them within {span(ahead_s)}: no new key is needed",
        summary=f"This host's clock is {span(ahead_s)} ahead, and a bot on this host has spent nonces of this clock.",
        severity=Severity.FAIL,
        error=refused[-1].outcome,
        remedy=clock_remedy(evidence, "clock-ahead"),
        possible=_readings(evidence, refused[-1].unit)[:2],
    )


def _spent_higher(evidence: EvidenceSet, refused: list[Call]) -> Diagnosis:
    last = refused[-1]
    unit = last.unit
    return finding(
        "nonce-spent-higher",
        _refused_when(refused),
        clock_words(evidence),
        _CORRECTED if evidence.get(facts.NONCE_CORRECTION) else None,
        summary=f"Kraken has already accepted a larger nonce on this key than this host sends in {unit.words}.",
        # Kraken tells neither its mark nor who set it: a bot at work, a finer unit and a clock once ahead look alike.
        confidence=Confidence.POSSIBLE,
        error=last.outcome,
        remedy=remedy("stop the others"),
        possible=_readings(evidence, unit, doubtful_clock=not clock_is_right(evidence)),
    )


def _readings(evidence: EvidenceSet, unit: NonceUnit, *, doubtful_clock: bool = False) -> tuple[Alternative, ...]:
    """Return what a nonce that is refused for good can mean, the harmless to try first."""
    finer = _NEXT_FINER.get(unit)
    shown = f"their logs show nonces of {_listed(finer)['digits']} digits" if finer else ""
    confirmed = f"{shown}; only if all of them use that unit: {declaring(evidence, finer)}" if finer else ""
    readings = [
        Alternative("another program is using this key right now", "stop it, and run this check again"),
        Alternative(f"programs on this key count in a finer unit ({_listed(unit)['finer_clients']})", confirmed),
        Alternative("a clock was ahead when the key was last used: this ends by itself when real time catches up"),
    ]
    if doubtful_clock:
        readings.insert(1, Alternative("this host's clock is behind", "kraken-doctor clock"))
    return tuple(readings)


def _listed(unit: NonceUnit) -> dict[str, Any]:
    known: dict[str, Any] = load(__file__, "units.toml")[unit.value]
    return known


def _refused_when(refused: list[Call]) -> str:
    """Return ``refused twice in milliseconds, 1.4 s apart: 1795399471659, 1795399473064``."""
    sent = [call.at_s for call in refused if call.at_s is not None]
    apart = f", {span(sent[-1] - sent[0])} apart" if len(sent) > 1 else ""
    nonces = ", ".join(str(call.nonce) for call in refused)
    return f"refused {times(len(refused))} in {refused[-1].unit.words}{apart}: {nonces}"


def _window(evidence: EvidenceSet, accepted: list[Call]) -> Iterator[Diagnosis]:
    window = evidence.get(facts.KEY_NONCE_WINDOW)
    if not window or not accepted:
        return
    # A window is in ticks: 5000 are five seconds in milliseconds, and five thousandths of one in microseconds.
    unit = accepted[-1].unit
    window_s = window * unit.tick_ns / 1e9
    because = f"the window is {window} ticks: {span(window_s)} in {unit.words}"
    if window_s < _TOO_SMALL_S:
        yield finding("nonce-window-too-small", because)
    elif window_s > _WIDE_S:
        yield finding("nonce-window-wide", because)
