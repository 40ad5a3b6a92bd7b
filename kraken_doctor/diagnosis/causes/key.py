"""What the exchange can have against the key, and what the key gives away."""

from __future__ import annotations

from kraken_doctor.model.cause import Cause
from kraken_doctor.model.diagnosis import Remedy, Severity

_ERRORS = "https://docs.kraken.com/exchange/guides/general/errors"
_API_KEYS = "https://docs.kraken.com/exchange/guides/rest/api-keys"
_LIMITS = "https://docs.kraken.com/exchange/guides/rest/ratelimits"
_KEY_INFO = "https://docs.kraken.com/api-reference/account-data/get-api-key-info"
_TWO_FACTOR = "https://support.kraken.com/hc/en-us/articles/360000714526"

KEY = (
    Cause(
        id="key-invalid",
        severity=Severity.FAIL,
        title="The exchange does not accept the key",
        meaning=(
            "It was deleted, has expired, is another product's or another account's, or was damaged when pasted."
            " The same answer comes when a one-time password is sent to a key that has none set."
        ),
        proof="Kraken's own response; a failure to reach it is never called so.",
        remedy=Remedy(
            "Open the key's page on Kraken: does it exist, is it active, is this host's address allowed? Else make a new key.",
            avoid="Don't retry in a loop: failed calls can lock the account for a quarter of an hour.",
        ),
        wrong_when=(
            "Kraken also answers so when the signature does not fit the body, as plain krakenex does for list"
            " parameters; and users have seen it for some minutes on healthy keys."
        ),
        links=(_ERRORS, "https://github.com/krakenfx/kraken-cli/issues/33"),
    ),
    Cause(
        id="signature-invalid",
        severity=Severity.FAIL,
        title="The exchange does not accept the signature",
        meaning="The secret does not belong to this key; or the key has two-factor authentication and no password was sent.",
        proof="Kraken's own response. The request was signed by krakenex from the bytes that were sent.",
        remedy=Remedy(
            "Paste key and secret again, both from the same key; if the key has 2FA, set its ..._OTP variable.",
            avoid="Don't retry in a loop: failed calls can lock the account for a quarter of an hour.",
        ),
        wrong_when="The one-time password was sent and is wrong: Kraken does not document what it answers then.",
        links=(_ERRORS, _TWO_FACTOR),
    ),
    Cause(
        id="permission-missing",
        severity=Severity.FAIL,
        title="The key may not do this",
        meaning="Key and secret are right; the permission that the call needs is not set on the key.",
        proof="Kraken's own response, or the key's list of permissions.",
        remedy=Remedy('Edit the key on Kraken and tick "Query" under Funds; give it a few minutes to take effect.'),
        wrong_when="The key was edited just now: edits take some minutes.",
        links=(_ERRORS, _API_KEYS),
    ),
    Cause(
        id="account-locked",
        severity=Severity.FAIL,
        title="The account is locked",
        meaning="Kraken has disabled the account, for security or compliance; the key is not at fault.",
        proof="Kraken's own response.",
        remedy=Remedy("Log in on kraken.com and write to Kraken's support."),
        wrong_when="It is Kraken's own response.",
        links=(_ERRORS,),
    ),
    Cause(
        id="account-unconfirmed",
        severity=Severity.FAIL,
        title="The account's e-mail address is not confirmed",
        meaning="The API stays closed until it is.",
        proof="Kraken's own response.",
        remedy=Remedy("Log in on kraken.com and confirm the e-mail address."),
        wrong_when="It is Kraken's own response.",
        links=(_ERRORS,),
    ),
    Cause(
        id="temporary-lockout",
        severity=Severity.FAIL,
        title="Too many failed calls: locked out for a while",
        meaning="It hides the error that led to it. Each further attempt may restart the wait. Public calls still work.",
        proof="Kraken's own response. This run stopped at once.",
        remedy=Remedy(
            "Stop every program that uses this account, wait 15 minutes, then run this check alone.",
            avoid="Don't restart the bot to see whether it works again: that restarts the wait.",
        ),
        wrong_when="How long it lasts, and whether it holds for the key, the account or the address, is not documented.",
        links=(_ERRORS, "https://github.com/krakenfx/kraken-cli/issues/34"),
    ),
    Cause(
        id="rate-limited",
        severity=Severity.FAIL,
        title="The key's call counter is full",
        meaning="Private calls come faster than the account's tier allows; the counter falls with time.",
        proof="Kraken's own response.",
        remedy=Remedy(
            "Wait 15 seconds; let the programs on this key ask less often.",
            avoid="Don't retry at once: calls that are refused keep it full.",
        ),
        wrong_when="Another program on the same key is the one that asks too much.",
        links=(_LIMITS,),
    ),
    Cause(
        id="feature-disabled",
        severity=Severity.FAIL,
        title="Kraken has switched this feature off",
        meaning="A function or a parameter is disabled, for a while or for good.",
        proof="Kraken's own response.",
        remedy=Remedy("Ask Kraken's support, with the whole call."),
        wrong_when="It is Kraken's own response.",
        links=(_ERRORS,),
    ),
    Cause(
        id="call-rejected",
        severity=Severity.FAIL,
        title="Kraken rejected the call itself",
        meaning="A parameter, a method, an order, an asset or the account's own rights: key and nonce are not what it is about.",
        proof="Kraken's own response.",
        remedy=Remedy(
            "Compare the call with Kraken's documentation. For a read-only call without parameters, ask Kraken's support."
        ),
        wrong_when="A proxy changed the call on its way.",
        links=(_ERRORS,),
    ),
    Cause(
        id="error-unrecognised",
        severity=Severity.FAIL,
        title="An error that this version does not know",
        meaning="It is given in full. Nothing is guessed from it.",
        proof="Kraken's own response.",
        remedy=Remedy("Look it up in Kraken's list of errors; if it is not there, ask Kraken's support."),
        wrong_when="A newer version may know it.",
        links=(_ERRORS,),
    ),
    Cause(
        id="key-expires-soon",
        severity=Severity.WARN,
        title="The key expires soon",
        meaning="From that moment on every call is refused with EAPI:Invalid key.",
        proof="validUntil, from GetApiKeyInfo, is less than 14 days away.",
        remedy=Remedy("Make a new key in time, or extend this one."),
        wrong_when="The expiry is meant, and a new key is ready.",
        links=(_KEY_INFO,),
    ),
    Cause(
        id="key-can-withdraw",
        severity=Severity.WARN,
        title="The key may withdraw funds",
        meaning="Whoever gets hold of it can move money out of the account. A bot does not need that.",
        proof="The key's permissions, from GetApiKeyInfo.",
        remedy=Remedy('Remove "Withdraw" and the rights to change addresses in the key\'s settings.'),
        wrong_when="The bot's job is to withdraw.",
        links=(_API_KEYS,),
    ),
    Cause(
        id="key-unrestricted",
        severity=Severity.INFO,
        title="The key works from any address",
        meaning="No IP allow-list is set. With one, a stolen key is of no use elsewhere.",
        proof="The key's allow-list, from GetApiKeyInfo, is empty.",
        remedy=Remedy("If this host's address is fixed, put it on the key's allow-list."),
        wrong_when="The address changes: then a list would lock you out.",
        links=(_KEY_INFO,),
    ),
    Cause(
        id="account-empty",
        severity=Severity.INFO,
        title="The account is empty",
        meaning="Connected and healthy; there is nothing in it. Other tools report such a key as broken.",
        proof="Balance succeeded, with no amounts.",
        remedy=Remedy("Nothing to fix. If you expected funds, look whether this is the right (sub)account."),
        wrong_when="The key belongs to another (sub)account than you think.",
        links=("https://github.com/hummingbot/hummingbot/issues/7337",),
    ),
)
