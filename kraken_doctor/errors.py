"""
The one exception tree, and the one table from Kraken's error strings to it.

    KrakenDoctorError
    ├── ConfigurationError   what the user wrote can't be used; the text says how to fix it
    ├── NonceError           no nonce was issued: NonceStoreError, NonceExhaustedError, NonceHookError,
    │                        TurnTimeoutError (and TurnHeldError), TurnLostError
    ├── HostLimitError       this process can't open another file or connection
    ├── TimeSourceError      a time server gave no answer that can be believed
    ├── TransportError       no answer of the API: which step failed is in `kind`
    └── KrakenError          the API's own refusal, one subclass a string of the table below

Strings: https://docs.kraken.com/exchange/guides/general/errors, and those that it no longer lists
https://support.kraken.com/hc/en-us/articles/360001491786-API-Error-Codes
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class KrakenDoctorError(Exception):
    """Root of all errors of this package."""


class ConfigurationError(KrakenDoctorError):
    """What the user wrote can't be used; the text is one line and says how to mend it."""


class NonceError(KrakenDoctorError):
    """No nonce was issued."""


class NonceStoreError(NonceError):
    """The mark can't be read or made durable."""


class NonceExhaustedError(NonceError):
    """The mark is at 2**64 - 1; a larger nonce does not exist, so this key can't be used again."""


class NonceHookError(NonceError):
    """The object has no nonce hook to replace."""


class TurnTimeoutError(NonceError):
    """Another request of this key was in flight for the whole time that the caller would wait."""


class TurnHeldError(TurnTimeoutError):
    """This thread has the turn already: waiting for it would end with the timeout, whatever that is."""


class TurnLostError(NonceError):
    """The turn ran out before the request was sent, so it was not sent; its nonce is spent."""


class HostLimitError(KrakenDoctorError):
    """This process can't open another file or connection: it says nothing of the other end."""


class TimeSourceError(KrakenDoctorError):
    """A time server gave no answer that can be believed."""


class AnswerSeen(NamedTuple):
    """What a failing answer shows of whoever gave it, None for the rest; *ray* is Cloudflare's id of the request."""

    status: int | None = None
    server: str | None = None
    ray: str | None = None
    title: str | None = None
    retry_after_s: int | None = None
    proxy_status: int | None = None
    proxy_failure: str | None = None  # cause id of the proxy's own failing step
    variable: str | None = None  # whose value can't be used


class TransportError(KrakenDoctorError):
    """
    No answer of the API came back; *kind* is the cause id of the step that failed, ``dns-failed``, …
    *detail* is what the system or the server said: foreign text, data and no markup.
    """

    def __init__(self, kind: str, detail: str, seen: AnswerSeen | None = None) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.seen = seen or AnswerSeen()
        self.outcome = kind  # what a record calls it

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


_UNIX_TIME = re.compile(r":\s*(\d{10})(\d{3})?(?:\.\d{1,9})?\s*\Z")  # what is shorter is no time of these decades


class Retry(enum.Enum):
    """What may be sent again after an error, seen from the exchange's side."""

    NEVER = "never"
    """It would fail again, or make things worse: refused keys and nonces end in a lockout."""
    FRESH_NONCE = "fresh nonce"
    """Refused before execution: any call, but with a new nonce."""
    READ_ONLY = "read-only"
    """It may have been executed, or the exchange is short of breath: only what changes nothing."""


class KrakenError(KrakenDoctorError):
    """The API's refusal: *text* is the string that decided the type, *errors* are all strings of the answer."""

    cause: ClassVar[str] = "error-unrecognised"
    retry: ClassVar[Retry] = Retry.NEVER

    def __init__(self, text: str, errors: Sequence[str] = (), seen: AnswerSeen | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.errors = tuple(errors) or (text,)
        self.outcome = ", ".join(self.errors)  # what a record calls it
        self.seen = seen or AnswerSeen()


class KrakenInvalidKey(KrakenError):
    """``EAPI:Invalid key``."""

    cause = "key-invalid"


class KrakenInvalidSignature(KrakenError):
    """``EAPI:Invalid signature``."""

    cause = "signature-invalid"


class KrakenInvalidNonce(KrakenError):
    """``EAPI:Invalid nonce``: refused before execution."""

    cause = "nonce-spent-higher"
    retry = Retry.FRESH_NONCE


class KrakenPermissionDenied(KrakenError):
    """``EGeneral:Permission denied``: the key lacks the right that this call needs."""

    cause = "permission-missing"


class KrakenTemporaryLockout(KrakenError):
    """``EGeneral:Temporary lockout``: each further attempt restarts the wait."""

    cause = "temporary-lockout"


class KrakenAccountLocked(KrakenError):
    """The account, not the key, is disabled or locked."""

    cause = "account-locked"


class KrakenAccountUnconfirmed(KrakenError):
    """``EAuth:Account unconfirmed``: the e-mail address is not verified."""

    cause = "account-unconfirmed"


class KrakenRateLimited(KrakenError):
    """The key's call counter is above its maximum."""

    cause = "rate-limited"
    retry = Retry.READ_ONLY


class KrakenThrottled(KrakenError):
    """Too many requests at once; ``EService:Throttled`` carries the unix time until which to wait."""

    cause = "exchange-throttled"
    retry = Retry.READ_ONLY

    @property
    def until_s(self) -> float | None:
        """The unix time that it names; None where it names none."""
        named = _UNIX_TIME.search(self.text)
        return int(named[1]) + int(named[2] or 0) / 1000 if named else None


class KrakenUnavailable(KrakenError):
    """``EService:Unavailable``: the API is offline, most often for maintenance."""

    cause = "exchange-unavailable"
    retry = Retry.READ_ONLY


class KrakenBusy(KrakenError):
    """``EService:Busy``: overload."""

    cause = "exchange-busy"
    retry = Retry.READ_ONLY


class KrakenInternalError(KrakenError):
    """A fault on Kraken's side."""

    cause = "exchange-error"
    retry = Retry.READ_ONLY


class KrakenFeatureDisabled(KrakenError):
    """``EAPI:Feature disabled``."""

    cause = "feature-disabled"


class KrakenMarketRestricted(KrakenError):
    """``EService:Market in cancel_only mode`` and its like: reading works, some orders are refused."""

    cause = "exchange-restricted"


class KrakenDeadlineElapsed(KrakenBusy):
    """``EService:Deadline elapsed``: the engine did not get to it in time; an order may exist."""


class KrakenCallRejected(KrakenError):
    """The call itself was judged, not the key: its order, its asset, its transfer."""

    cause = "call-rejected"


class KrakenInvalidArguments(KrakenCallRejected):
    """``EGeneral:Invalid arguments``: a parameter is malformed, missing or invalid."""


class KrakenUnknownMethod(KrakenCallRejected):
    """``EGeneral:Unknown method``: this server does not know the endpoint."""


class KrakenAccountRestricted(KrakenCallRejected):
    """``EAccount:Invalid permissions``: the account, not the key, lacks the right."""


class KrakenUnrecognised(KrakenError):
    """A string that this version does not know; kept in full, never guessed at."""


_STRINGS_OF: dict[type[KrakenError], tuple[str, ...]] = {
    KrakenInvalidKey: ("EAPI:Invalid key",),
    KrakenInvalidSignature: ("EAPI:Invalid signature",),
    KrakenInvalidNonce: ("EAPI:Invalid nonce",),
    KrakenRateLimited: ("EAPI:Rate limit exceeded", "EAuth:Rate limit exceeded", "EAuth:Too many requests"),
    KrakenFeatureDisabled: ("EAPI:Feature disabled",),
    KrakenInvalidArguments: ("EAPI:Bad request", "EGeneral:Invalid arguments"),
    KrakenAccountRestricted: ("EAccount:Invalid permissions",),
    KrakenAccountLocked: ("EAuth:Account temporary disabled", "ETrade:User Locked", "E*:Locked"),
    KrakenAccountUnconfirmed: ("EAuth:Account unconfirmed",),
    KrakenInternalError: ("EGeneral:Internal error", "EDatabase:Internal error"),
    KrakenPermissionDenied: ("EGeneral:Permission denied",),
    KrakenTemporaryLockout: ("EGeneral:Temporary lockout",),
    KrakenThrottled: ("EGeneral:Too many requests", "EService:Throttled"),
    KrakenUnknownMethod: ("EGeneral:Unknown method",),
    KrakenBusy: ("EService:Busy",),
    KrakenDeadlineElapsed: ("EService:Deadline elapsed",),
    KrakenMarketRestricted: tuple(f"EService:Market in {mode}_only mode" for mode in ("cancel", "limit", "post")),
    KrakenUnavailable: ("EService:Unavailable",),
    KrakenCallRejected: ("EBM:*", "EFunding:*", "EOrder:*", "EQuery:*", "ETrade:*"),
}  # fmt: skip
STRINGS = {string: kind for kind, strings in _STRINGS_OF.items() for string in strings}
"""
The one table of Kraken's strings. ``*`` stands for any category or any text; a more general form stands below those
that it would hide. Any string may have details behind a colon. What is known by hearsay alone is not here.
"""


def pattern_of(string: str) -> str:
    """
    Return the regular expression of a *string* of the table, for use without regard to case.

    Some clients take the E off (npm kraken-api, gekko, zenbot). ``*`` needs it: "Order: placed" is no error.
    """
    category, _, text = string.partition(":")
    if text == "*":
        return rf"\b{category}\s*:\s*\w[^\"'\]]*"
    category = r"\bE(?:API|Account|Auth|General|Trade)" if category == "E*" else f"E?{category[1:]}"
    return rf"{category}\s*:\s*{re.escape(text)}\b"


_JOINT = re.compile(r",\s*(?=[EW][A-Z]\w*\s*:)")
"""Between the strings of one answer, where a record or a report has joined them."""


@functools.lru_cache(maxsize=1024)
def _type_of(text: str) -> type[KrakenError] | None:
    for string, kind in STRINGS.items():
        details = "" if string.endswith("*") else r"\s*(?::.*)?\Z"
        if re.match(pattern_of(string) + details, " ".join(text.split()), re.IGNORECASE):
            return kind
    return None


def kraken_error(errors: Sequence[str], seen: AnswerSeen | None = None) -> KrakenError:
    """Return the typed error for an answer's strings: the first known one, but for another that forbids a retry."""
    texts = [text for joined in errors for text in _JOINT.split(joined)]
    known = [(kind, text) for text in texts if (kind := _type_of(text[:200]))]  # none of Kraken's comes near that
    for kind, text in sorted(known, key=lambda found: found[0].retry is not Retry.NEVER):
        return kind(text, texts, seen)
    return KrakenUnrecognised(next((text for text in texts if is_failure((text,))), ""), texts, seen)


def is_nonce_refusal(errors: Sequence[str]) -> bool:
    """Return whether an answer's strings refuse the call for its nonce, and for nothing that outranks it."""
    return isinstance(kraken_error(errors), KrakenInvalidNonce)


def is_failure(errors: Sequence[str]) -> bool:
    """Return whether the strings of an answer refuse the call: ``W...`` strings are warnings beside a result."""
    return any(not text.startswith("W") for text in errors)
