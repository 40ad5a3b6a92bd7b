"""The exchange's own error strings: what each says for certain, and what it may come from."""

from __future__ import annotations

from kraken_doctor import errors
from kraken_doctor.model.cause import Sign

_ERRORS = "https://docs.kraken.com/exchange/guides/general/errors"
_OLD_ERRORS = "https://support.kraken.com/hc/en-us/articles/360001491786-API-Error-Codes"
_LIMITS = "https://docs.kraken.com/exchange/guides/rest/ratelimits"


def _strings(kind: type[errors.KrakenError], also: str = "") -> str:
    """
    Return the pattern of a type's strings in the one table.

    Args:
        kind: The type.
        also: What stands for the string where a client does not quote it: ccxt 4.5, python-kraken-sdk 3.5.
    """
    known = [errors.pattern_of(string) for string, other in errors.STRINGS.items() if other is kind]
    return "|".join(filter(None, (*known, also)))


EXCHANGE_SIGNS = (
    Sign(
        title="EAPI:Invalid nonce",
        kind="nonce",
        meaning="The call's nonce was not larger than the largest that the key has had accepted. The call was not executed.",
        causes={
            "nonce-spent-higher": "every private call fails, the first too, while public ones work; a new key works at once",
            "nonce-shared-key": "calls go through while all other programs on this key are stopped",
            "nonce-reordered": "only calls made at the same moment fail: threads, tasks or workers of one bot",
            "nonce-generator-default": "plain krakenex, and the calls that fail are a millisecond or less apart",
            "nonce-generator-broken": "one nonce goes out twice, often in a retry after a timeout; or one endpoint alone fails",
            "clock-behind": "kraken-doctor clock finds this host behind, or its clock was set back",
        },
        pattern=_strings(errors.KrakenInvalidNonce, r"\binvalid[ _-]?nonce|KrakenInvalidNonce"),
        links=(_ERRORS, "https://support.kraken.com/hc/en-us/articles/360001148063"),
    ),
    Sign(
        title="EAPI:Invalid key",
        kind="key",
        meaning="The exchange did not accept the key as it was sent. By itself that does not prove the key bad.",
        causes={
            "key-invalid": "it fails with each client and each call, also when typed in anew; or only with lists in the call",
            "credentials-damaged": "kraken-doctor accounts names a character that does not belong there",
            "key-secret-swapped": "kraken-doctor accounts finds a secret's form in the key's variable",
        },
        pattern=_strings(errors.KrakenInvalidKey, "KrakenInvalidAPIKey"),
        links=(_ERRORS, "https://support.kraken.com/hc/nl/articles/common-causes-of-invalid-key-error"),
    ),
    Sign(
        title="EAPI:Invalid signature",
        kind="key",
        meaning="API-Sign does not fit the call: another secret, no one-time password where one is due, or other bytes.",
        causes={
            "signature-invalid": "the secret has the right form, and Balance fails as well",
            "secret-malformed": "kraken-doctor accounts says that the secret does not decode to 64 bytes",
            "credentials-damaged": "kraken-doctor accounts names a character that does not belong there",
        },
        pattern=_strings(errors.KrakenInvalidSignature, "KrakenInvalidSignature"),
        links=(_ERRORS, "https://support.kraken.com/hc/en-us/articles/360000714526"),
    ),
    Sign(
        title="EGeneral:Permission denied",
        kind="key",
        meaning="Key and signature were accepted; the key lacks the permission for this call.",
        causes={"permission-missing": ""},
        pattern=_strings(errors.KrakenPermissionDenied, r"\bPermissionDenied\b|KrakenPermissionDenied"),
        links=(_ERRORS,),
    ),
    Sign(
        title="EGeneral:Temporary lockout",
        kind="limit",
        meaning="Too many failed calls before this one: every private call is refused for a while, the good ones too.",
        causes={"temporary-lockout": ""},
        pattern=_strings(errors.KrakenTemporaryLockout, "KrakenTemporaryLockout"),
        links=(_ERRORS, "https://github.com/krakenfx/kraken-cli/issues/34"),
    ),
    Sign(
        title="EAuth:Account temporary disabled",
        kind="key",
        meaning="The account itself is disabled or locked.",
        causes={"account-locked": ""},
        pattern=_strings(errors.KrakenAccountLocked, "AccountSuspended"),
        links=(_ERRORS, _OLD_ERRORS),
    ),
    Sign(
        title="EAuth:Account unconfirmed",
        kind="key",
        meaning="The account's e-mail address has not been confirmed.",
        causes={"account-unconfirmed": ""},
        pattern=_strings(errors.KrakenAccountUnconfirmed),
        links=(_ERRORS,),
    ),
    Sign(
        title="EAPI:Rate limit exceeded",
        kind="limit",
        meaning="The key's call counter is above its maximum.",
        causes={"rate-limited": ""},
        pattern=_strings(errors.KrakenRateLimited, "KrakenApiLimitExceeded"),
        links=(_LIMITS,),
    ),
    Sign(
        title="EService:Throttled",
        kind="limit",
        meaning="Too many requests at once; the number behind it is the unix time until which to wait.",
        causes={"exchange-throttled": ""},
        pattern=_strings(errors.KrakenThrottled, r"\b429\b.{0,20}Too Many Requests"),
        links=(_LIMITS,),
    ),
    Sign(
        title="EService:Unavailable",
        kind="exchange",
        meaning="The API or the matching engine is offline.",
        causes={
            "exchange-unavailable": "SystemStatus says online",
            "exchange-maintenance": "SystemStatus says maintenance",
        },
        pattern=_strings(errors.KrakenUnavailable, "KrakenServiceUnavailable"),
        links=(_ERRORS, "https://status.kraken.com"),
    ),
    Sign(
        title="EService:Busy",
        kind="exchange",
        meaning="The exchange is overloaded and asks to come back.",
        causes={"exchange-busy": ""},
        pattern=_strings(errors.KrakenBusy),
        links=(_OLD_ERRORS,),
    ),
    Sign(
        title="EService:Market in cancel_only mode",
        kind="exchange",
        meaning="Trading is restricted for now: reading works, some orders are refused.",
        causes={"exchange-restricted": ""},
        pattern=_strings(errors.KrakenMarketRestricted, r"\bOnMaintenance\b|KrakenMarketInOnly"),
        links=(_ERRORS,),
    ),
    Sign(
        title="EService:Deadline elapsed",
        kind="exchange",
        meaning=(
            "The matching engine did not get to the order in time, or the deadline given was too short. The order may"
            " exist: look at OpenOrders before sending it again."
        ),
        causes={"exchange-busy": ""},
        pattern=_strings(errors.KrakenDeadlineElapsed, "KrakenDeadlineElapsed"),
        links=(_ERRORS,),
    ),
    Sign(
        title="EGeneral:Internal error",
        kind="exchange",
        meaning="A fault on the exchange's side.",
        causes={"exchange-error": ""},
        pattern=_strings(errors.KrakenInternalError),
        links=(_ERRORS,),
    ),
    Sign(
        title="EAPI:Feature disabled",
        kind="exchange",
        meaning="A function or a parameter of the call is switched off, for a while or for good.",
        causes={"feature-disabled": ""},
        pattern=_strings(errors.KrakenFeatureDisabled),
        links=(_OLD_ERRORS,),
    ),
    Sign(
        title="EAccount:Invalid permissions",
        kind="order",
        meaning="The account, not the key, lacks the right: an asset that is restricted in its country, for instance.",
        causes={},
        pattern=_strings(errors.KrakenAccountRestricted),
        links=(_ERRORS,),
    ),
    Sign(
        title="EGeneral:Invalid arguments",
        kind="order",
        meaning="The exchange found a parameter of the call malformed, missing or invalid. The connection is not what it is about.",
        causes={},
        pattern=_strings(
            errors.KrakenInvalidArguments, f"{_strings(errors.KrakenUnknownMethod)}|KrakenInvalidArguments"
        ),
        links=(_ERRORS,),
    ),
    Sign(
        title="EOrder:..., ETrade:..., EQuery:..., EFunding:...",
        kind="order",
        meaning="The exchange judged the order, the asset or the transfer itself. The connection is not what it is about.",
        causes={},
        pattern=_strings(errors.KrakenCallRejected),
        links=(_ERRORS,),
    ),
)
