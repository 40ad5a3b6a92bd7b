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
    """What the user wrote can't be used; the text is one line and says how to fix it."""


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


STRINGS: dict[str, type[KrakenError]] = {}
"""
The one table of Kraken's strings, filled in by the classes below. ``*`` stands for any category or any text; a more
general form stands below those that it would hide. Any string may have details behind a colon. What is known by hearsay
alone is not here.
"""


class KrakenError(KrakenDoctorError):
    """The API's refusal: *text* is the string that decided the type, *errors* are all strings of the answer."""

    cause: ClassVar[str] = "error-unrecognised"
    retry: ClassVar[Retry] = Retry.NEVER

    def __init_subclass__(cls, *, cause: str = "", retry: Retry | None = None, strings: Sequence[str] = ()) -> None:
        cls.cause, cls.retry = cause or cls.cause, retry or cls.retry
        STRINGS.update(dict.fromkeys(strings, cls))

    def __init__(self, text: str, errors: Sequence[str] = (), seen: AnswerSeen | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.errors = tuple(errors) or (text,)
        self.outcome = ", ".join(self.errors)  # what a record calls it
        self.seen = seen or AnswerSeen()


class KrakenInvalidKey(KrakenError, cause="key-invalid", strings=["EAPI:Invalid key"]):
    """``EAPI:Invalid key``."""


class KrakenInvalidSignature(KrakenError, cause="signature-invalid", strings=["EAPI:Invalid signature"]):
    """``EAPI:Invalid signature``."""


class KrakenInvalidNonce(KrakenError, cause="nonce-spent-higher", retry=Retry.FRESH_NONCE, strings=[
        "EAPI:Invalid nonce"]):  # fmt: skip
    """``EAPI:Invalid nonce``: refused before execution."""


class KrakenPermissionDenied(KrakenError, cause="permission-missing", strings=["EGeneral:Permission denied"]):
    """``EGeneral:Permission denied``: the key lacks the right that this call needs."""


class KrakenTemporaryLockout(KrakenError, cause="temporary-lockout", strings=["EGeneral:Temporary lockout"]):
    """``EGeneral:Temporary lockout``: each further attempt restarts the wait."""


class KrakenAccountLocked(KrakenError, cause="account-locked", strings=[
        "EAuth:Account temporary disabled", "ETrade:User Locked", "E*:Locked"]):  # fmt: skip
    """The account, not the key, is disabled or locked."""


class KrakenAccountUnconfirmed(KrakenError, cause="account-unconfirmed", strings=["EAuth:Account unconfirmed"]):
    """``EAuth:Account unconfirmed``: the e-mail address is not verified."""


class KrakenRateLimited(KrakenError, cause="rate-limited", retry=Retry.READ_ONLY, strings=[
        "EAPI:Rate limit exceeded", "EAuth:Rate limit exceeded", "EAuth:Too many requests"]):  # fmt: skip
    """The key's call counter is above its maximum."""


class KrakenThrottled(KrakenError, cause="exchange-throttled", retry=Retry.READ_ONLY, strings=[
        "EGeneral:Too many requests", "EService:Throttled"]):  # fmt: skip
    """Too many requests at once; ``EService:Throttled`` carries the unix time until which to wait."""

    @property
    def until_s(self) -> float | None:
        """The unix time that it names; None where it names none."""
        named = _UNIX_TIME.search(self.text)
        return int(named[1]) + int(named[2] or 0) / 1000 if named else None


class KrakenUnavailable(KrakenError, cause="exchange-unavailable", retry=Retry.READ_ONLY, strings=[
        "EService:Unavailable"]):  # fmt: skip
    """``EService:Unavailable``: the API is offline, most often for maintenance."""


class KrakenBusy(KrakenError, cause="exchange-busy", retry=Retry.READ_ONLY, strings=["EService:Busy"]):
    """``EService:Busy``: overload."""


class KrakenInternalError(KrakenError, cause="exchange-error", retry=Retry.READ_ONLY, strings=[
        "EGeneral:Internal error", "EDatabase:Internal error"]):  # fmt: skip
    """A fault on Kraken's side."""


class KrakenFeatureDisabled(KrakenError, cause="feature-disabled", strings=["EAPI:Feature disabled"]):
    """``EAPI:Feature disabled``."""


class KrakenMarketRestricted(KrakenError, cause="exchange-restricted", strings=[
        f"EService:Market in {mode} mode" for mode in ("cancel_only", "limit_only", "post_only")]):  # fmt: skip
    """``EService:Market in cancel_only mode`` and its like: reading works, some orders are refused."""


class KrakenDeadlineElapsed(KrakenBusy, strings=["EService:Deadline elapsed"]):
    """``EService:Deadline elapsed``: the engine did not get to it in time; an order may exist."""


class KrakenCallRejected(KrakenError, cause="call-rejected", strings=[
        "EBM:*", "EFunding:*", "EOrder:*", "EQuery:*", "ETrade:*"]):  # fmt: skip
    """The call itself was judged, not the key: its order, its asset, its transfer."""


class KrakenInvalidArguments(KrakenCallRejected, strings=["EAPI:Bad request", "EGeneral:Invalid arguments"]):
    """``EGeneral:Invalid arguments``: a parameter is malformed, missing or invalid."""


class KrakenUnknownMethod(KrakenCallRejected, strings=["EGeneral:Unknown method"]):
    """``EGeneral:Unknown method``: this server does not know the endpoint."""


class KrakenAccountRestricted(KrakenCallRejected, strings=["EAccount:Invalid permissions"]):
    """``EAccount:Invalid permissions``: the account, not the key, lacks the right."""


class KrakenUnrecognised(KrakenError):
    """A string that this version does not know; kept in full, never guessed at."""


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
    # Each string has a colon; "ok", all that a healthy run asks about, has none, and compiles no pattern.
    for string, kind in STRINGS.items() if ":" in text else ():
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
