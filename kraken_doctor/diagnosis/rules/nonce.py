"""Why a nonce was refused, and what the key's nonces threaten."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kraken_doctor.diagnosis.mending import clock_remedy
from kraken_doctor.diagnosis.naming import Call, calls, name
from kraken_doctor.diagnosis.rules.host import wrong_clock
from kraken_doctor.diagnosis.words import clock_words, span
from kraken_doctor.errors import KrakenInvalidNonce, kraken_error
from kraken_doctor.model.diagnosis import Alternative, Confidence, Diagnosis, Remedy, Severity
from kraken_doctor.model.evidence import Facts
from kraken_doctor.model.unit import NonceUnit

_TOO_SMALL_S = 0.1
"""Requests overtake each other by more than this; Kraken's own advice begins at half a second."""

_WIDE_S = 60.0
"""Kraken's advice ends at 15 s: https://support.kraken.com/hc/en-us/articles/360001148023"""

_LEAD_S = 60.0
"""See the check `nonce`."""

# Source read at named versions of each client; the table is in docs/nonce.md.
_FINER_CLIENTS = {
    NonceUnit.S: "nearly every client counts finer than seconds",
    NonceUnit.MS: (
        "python-kraken-sdk and Kraken's own command line count finer; so do Kraken.Net, ts-kraken, npm kraken-api"
        " and gocryptotrader"
    ),
    NonceUnit.US: (
        "Kraken's own command line and gocryptotrader count nanoseconds, python-kraken-sdk 10-nanosecond ticks,"
        " Kraken.Net 100-nanosecond ticks since year 1"
    ),
    NonceUnit.TEN_NS: "Kraken's own command line and gocryptotrader count nanoseconds",
    NonceUnit.NS: "only a jump into the future, or a shifted counter, gives more than nanoseconds",
}


_NEW_KEY = Remedy(
    "Create a new API key: if this one has really sent that nonce, no larger one is left for it.",
    avoid="Don't delete the nonce store before: it is what tells whether the key has sent it.",
)


def nonce(facts: Facts, account: str) -> Iterator[Diagnosis]:
    """The section "The nonce", and `clock-behind` where it explains a refusal."""
    made = calls(facts)
    refused = [call for call in made if isinstance(kraken_error((call.outcome,)), KrakenInvalidNonce)]
    accepted = [call for call in made if call.outcome == "ok"]
    repeated = [(one, other) for one, other in pairwise(made) if other.nonce <= one.nonce]
    if repeated or facts.flag("nonce.on_wire") is False:
        yield _broken(account, repeated, refused)
    elif refused:
        yield _refused(facts, account, refused, accepted)
    if facts.text("nonce.error_type") == "NonceStoreError":
        yield name("state-unwritable", account, "", (facts.text("nonce.error"),))
    elif facts.text("nonce.error_type") == "NonceExhaustedError":
        summary = "No nonce is left: the mark in the nonce store is at the end of its range."
        yield name("state-unwritable", account, summary, (facts.text("nonce.error"),), remedy=_NEW_KEY)
    yield from _window(facts, account, accepted)
    lead_s = facts.number("nonce.lead")
    if lead_s is not None and lead_s > _LEAD_S and not wrong_clock(facts):
        because = (f"the mark leads the clock by {span(lead_s)}", clock_words(facts))
        yield name("nonce-ahead-of-clock", account, "", because)


def _broken(account: str, repeated: list[tuple[Call, Call]], refused: list[Call]) -> Diagnosis:
    """Whatever the exchange said: with such nonces it could not have said anything else."""
    because = tuple(
        f"{one.endpoint} got {one.nonce}, and then {other.endpoint} {other.nonce}" for one, other in repeated
    )
    return name(
        "nonce-generator-broken",
        account,
        "The generator in use gives nonces that do not rise.",
        because or ("what left this host is not what was issued",),
        error=refused[-1].outcome if refused else "",
    )


def _refused(facts: Facts, account: str, refused: list[Call], accepted: list[Call]) -> Diagnosis:
    last = refused[-1]
    if any(call.number < last.number for call in accepted):
        return _shared_key(account, last, accepted)
    if accepted:
        return _finer_accepted(account, refused[0], accepted[0])
    if wrong_clock(facts) == "clock-behind":
        return _clock_behind(facts, account, refused)
    return _spent_higher(facts, account, refused)


def _shared_key(account: str, refused: Call, accepted: list[Call]) -> Diagnosis:
    before = [call for call in accepted if call.number < refused.number][-1]
    return name(
        "nonce-shared-key",
        account,
        "Another program uses this key at this moment.",
        (
            f"{before.endpoint} was accepted with nonce {before.nonce}",
            f"{refused.endpoint} was refused with {refused.nonce}, which is larger",
            "one request was in flight at a time",
        ),
        confidence=Confidence.LIKELY,
        error=refused.outcome,
    )


def _finer_accepted(account: str, refused: Call, accepted: Call) -> Diagnosis:
    """The key works, and krakenex as it is does not work with it."""
    coarse, fine = NonceUnit(refused.unit), NonceUnit(accepted.unit)
    return name(
        "nonce-spent-higher",
        account,
        f"Connected in {fine.words}; {coarse.words}, krakenex's own unit, are refused on this key.",
        (f"refused: {refused.nonce}", f"accepted: {accepted.nonce}", _FINER_CLIENTS[coarse]),
        severity=Severity.WARN,
        remedy=Remedy(
            f"Let every program on this key count {fine.words}: kraken_doctor.install(api) does.",
            otherwise=f"KRAKEN_NONCE_UNIT={fine.value} says that they do, and ends this warning.",
            avoid=f"Don't use plain krakenex or ccxt on this key: they count {coarse.words}.",
        ),
    )


def _clock_behind(facts: Facts, account: str, refused: list[Call]) -> Diagnosis:
    offset_s = facts.number("clock.offset") or 0.0
    return name(
        "clock-behind",
        account,
        f"This host's clock is {span(offset_s)} behind, and so are its nonces.",
        (clock_words(facts), *_refusals(refused)),
        confidence=Confidence.LIKELY,
        severity=Severity.FAIL,
        error=refused[-1].outcome,
        remedy=clock_remedy(facts, "clock-behind"),
        possible=(
            Alternative(
                f"the key has also seen finer nonces: {_FINER_CLIENTS[NonceUnit(refused[-1].unit)]}",
                "it is refused again once the clock is right",
            ),
        ),
    )


def _spent_higher(facts: Facts, account: str, refused: list[Call]) -> Diagnosis:
    last = refused[-1]
    unit = NonceUnit(last.unit)
    known_clock = facts.number("clock.offset") is not None
    ahead = Alternative(
        "a clock that was far ahead, or a bot that jumped into the future",
        "it heals by itself when the clock gets there",
    )
    shared = Alternative("another program is using the key at this very moment", "stop it, and check again")
    clock = Alternative("this host's clock is behind", "kraken-doctor clock")
    return name(
        "nonce-spent-higher",
        account,
        f"This key has already accepted a larger nonce than this host can give in {unit.words}.",
        (clock_words(facts), *_refusals(refused), _FINER_CLIENTS[unit]),
        confidence=Confidence.LIKELY if known_clock else Confidence.POSSIBLE,
        error=last.outcome,
        remedy=_cure(unit),
        possible=(ahead, shared) if known_clock else (clock, ahead, shared),
    )


def _cure(unit: NonceUnit) -> Remedy:
    """A new key; the next finer unit that clients really use costs none, as long as there is one."""
    finer = _NEXT_FINER.get(unit)
    return Remedy(
        "Create a new API key for this bot alone: the only cure that lasts.",
        otherwise=f"KRAKEN_NONCE_UNIT={finer.value}, if every program on this key can count in {finer.words}."
        if finer
        else "",
        avoid="Don't retry in a loop: refused nonces can lock the account for a quarter of an hour.",
    )


_NEXT_FINER = {
    NonceUnit.S: NonceUnit.MS,
    NonceUnit.MS: NonceUnit.US,
    NonceUnit.US: NonceUnit.NS,
    NonceUnit.TEN_NS: NonceUnit.NS,
}


def _refusals(refused: list[Call]) -> tuple[str, ...]:
    return tuple(f"refused in {NonceUnit(call.unit).words}: {call.nonce}" for call in refused)


def _window(facts: Facts, account: str, accepted: list[Call]) -> Iterator[Diagnosis]:
    window = facts.integer("key.nonce_window")
    if not window or not accepted:
        return
    unit = NonceUnit(accepted[-1].unit)
    window_s = window * unit.tick_ns / 1e9
    because = (f"the window is {window} ticks, in {unit.words} that is {span(window_s)}",)
    if window_s < _TOO_SMALL_S:
        yield name("nonce-window-too-small", account, "", because)
    elif window_s > _WIDE_S:
        yield name("nonce-window-wide", account, "", because)
