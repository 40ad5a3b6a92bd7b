"""Why a nonce is refused."""

from __future__ import annotations

from kraken_doctor.model.cause import Cause
from kraken_doctor.model.diagnosis import Remedy, Severity

_AUTHENTICATION = "https://docs.kraken.com/exchange/guides/rest/authentication"
_ERRORS = "https://docs.kraken.com/exchange/guides/general/errors"
_INVALID_NONCE = "https://support.kraken.com/hc/en-us/articles/360001148063"
_WINDOW = "https://support.kraken.com/hc/en-us/articles/360001148023"

NONCE = (
    Cause(
        id="nonce-shared-key",
        severity=Severity.FAIL,
        title="Another program uses this key at the same time",
        meaning=(
            "Its nonces rise between ours. Whoever counts finer, or is a moment later, wins, and the other is refused."
        ),
        proof="A call was accepted and a later one, with a larger nonce, refused; or a refused call was accepted at the second try.",
        remedy=Remedy(
            "Give every program its own key.",
            otherwise="Let all of them use kraken_doctor with one nonce store, so that they take turns.",
            avoid="Don't raise the nonces to overtake the other program: then it is the one that is refused.",
        ),
        wrong_when="A proxy between here and the exchange holds requests back and lets them overtake each other.",
        also=("EAPI:Invalid nonce",),
        links=(_INVALID_NONCE, "https://github.com/veox/python3-krakenex/issues/21"),
    ),
    Cause(
        id="nonce-reordered",
        severity=Severity.FAIL,
        title="Requests of one key overtake each other",
        meaning="The exchange judges the order of arrival. Several calls at once arrive as they please, and the late are refused.",
        proof="Refused now and then, only where calls of the key overlap in time, with a nonce window of 0.",
        remedy=Remedy(
            "Let one call of the key be in flight at a time: kraken_doctor.install(api) does that.",
            otherwise="Set a nonce window on the key, of as many ticks as calls may overlap.",
            avoid="Don't only make the generator finer or thread-safe: unique nonces still arrive out of order.",
        ),
        wrong_when="Another program uses the key as well: then give it its own key first.",
        also=("EAPI:Invalid nonce",),
        links=(_AUTHENTICATION, "https://github.com/nothingisdead/npm-kraken-api/issues/13"),
    ),
    Cause(
        id="nonce-spent-higher",
        severity=Severity.FAIL,
        title="This key has already accepted a larger nonce",
        meaning=(
            "A nonce above what this unit gives now was accepted before. Three readings: another program is using the key"
            " right now; programs on it count in a finer unit (kraken_doctor.install and the custom generator count"
            " microseconds, python-kraken-sdk and Kraken's own command line finer still); or a clock was ahead. An accepted"
            " nonce can't be lowered."
        ),
        proof="Refused twice in the same unit, one to two seconds apart: possible, not certain. As a warning: nothing was sent, since the nonce store knows of a finer unit.",
        remedy=Remedy(
            "Stop the other programs that use this key, and check again. A clock that was ahead heals by waiting.",
            ("kraken-doctor check",),
            otherwise=(
                "Only if all programs on the key count in one finer unit, declare it for this account:"
                " kraken-doctor check --user NAME --nonce-unit us. If none of these is it: create a new API key for this"
                " bot alone."
            ),
            avoid="Don't retry in a loop: refused nonces can lock the account for a quarter of an hour.",
        ),
        wrong_when="This host's clock is behind, or not known to be right: kraken-doctor clock.",
        links=(_AUTHENTICATION, _ERRORS, _INVALID_NONCE, "https://github.com/ccxt/ccxt/issues/5110"),
    ),
    Cause(
        id="nonce-window-too-small",
        severity=Severity.WARN,
        title="The nonce window means nothing in this unit",
        meaning="It is counted in ticks of the nonce: 15 are 15 seconds for a client that counts seconds, and 15 µs in microseconds.",
        proof="nonceWindow, from GetApiKeyInfo, in the unit that was accepted.",
        remedy=Remedy(
            "Set it to 0, and let one call of the key be in flight at a time: kraken_doctor.install(api) does that."
        ),
        wrong_when="The client counts calls, not time.",
        links=(_WINDOW, "https://github.com/DeviaVir/zenbot/issues/507"),
    ),
    Cause(
        id="nonce-window-wide",
        severity=Severity.WARN,
        title="The nonce window is so wide that a replay could pass",
        meaning="Within it an old nonce is accepted again: an order that was sent twice can be executed twice.",
        proof="nonceWindow, from GetApiKeyInfo, in the unit that was accepted.",
        remedy=Remedy(
            "Set it to 0, and let one call of the key be in flight at a time: kraken_doctor.install(api) does that."
        ),
        wrong_when="Whether Kraken accepts the very same nonce twice inside the window is not documented.",
        links=(_WINDOW, "https://connectors.deltixlab.com/docs/order-entry/connectors/crypto-kraken/"),
    ),
    Cause(
        id="nonce-ahead-of-clock",
        severity=Severity.WARN,
        title="The nonce store's mark is ahead of the clock",
        meaning="Nonces go on from the mark, so nothing breaks here. A client without this store would be refused.",
        proof=(
            "The largest nonce issued for this key, against this host's clock: more than a minute apart. Where no accepted"
            " call is known that reached it, nothing is sent."
        ),
        remedy=Remedy(
            "Keep the nonce store; it heals when the clock passes the mark.",
            avoid="Don't delete the store: the next nonce would be below what the key has accepted.",
        ),
        wrong_when="The clock is behind now: then that is the cause.",
        links=(_AUTHENTICATION,),
    ),
)
