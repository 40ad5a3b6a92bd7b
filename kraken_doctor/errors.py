"""
The one exception tree, and the one table from Kraken's error strings to it.

    KrakenDoctorError
    ├── ConfigurationError            what the user wrote can't be used; the text says how to mend it
    ├── NonceError                    no nonce was issued
    │   ├── NonceStoreError           the mark can't be read or made durable
    │   ├── NonceExhaustedError       the end of the unsigned 64-bit range
    │   ├── NonceHookError            this krakenex has no nonce hook
    │   ├── TurnTimeoutError          the key's turn was not free in time
    │   └── TurnLostError             the turn ran out between taking the nonce and sending it
    ├── HostLimitError                this process can't open another file or connection
    ├── TimeSourceError               a time server gave no answer that can be believed
    ├── TransportError                no answer of the API: which step failed is in `kind`
    └── KrakenError                   the API's own refusal, one subclass a string of the table below

Strings and meanings: https://docs.kraken.com/exchange/guides/general/errors, and for the ones that this
guide no longer lists https://support.kraken.com/hc/en-us/articles/360001491786-API-Error-Codes
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar


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


class TurnLostError(NonceError):
    """The turn ran out before the request was sent, so it was not sent; its nonce is spent."""


class HostLimitError(KrakenDoctorError):
    """This process can't open another file or connection: it says nothing of the other end."""


class TimeSourceError(KrakenDoctorError):
    """A time server gave no answer that can be believed."""


class TransportError(KrakenDoctorError):
    """
    No answer of the API came back.

    Args:
        kind: The cause id of the step that failed, for instance ``dns-failed`` or ``read-timeout``.
        detail: What the operating system or the server said. Foreign text: data, not markup.
        facts: What else was seen, by name: ``http.status``, ``tls.issuer``, …
    """

    def __init__(self, kind: str, detail: str, facts: Mapping[str, int | str | tuple[str, ...]] | None = None) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.facts = dict(facts or {})

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class Retry(enum.Enum):
    """What may be sent again after an error, seen from the exchange's side."""

    NEVER = "never"
    """It would fail again, or make things worse: refused keys and nonces end in a lockout."""
    FRESH_NONCE = "fresh nonce"
    """Refused before execution: any call, but with a new nonce."""
    READ_ONLY = "read-only"
    """It may have been executed, or the exchange is short of breath: only what changes nothing."""


class KrakenError(KrakenDoctorError):
    """
    The API's refusal, as it was written.

    Args:
        text: The error string that decided the type, for instance ``EAPI:Invalid nonce``.
        errors: All strings of the answer; the API may give several.
    """

    cause: ClassVar[str] = "error-unrecognised"
    retry: ClassVar[Retry] = Retry.NEVER

    def __init__(self, text: str, errors: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.errors = tuple(errors) or (text,)


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


class KrakenUnknownMethod(KrakenError):
    """``EGeneral:Unknown method``: this server does not know the endpoint."""


class KrakenUnrecognised(KrakenError):
    """A string that this version does not know; kept in full, never guessed at."""


_TYPES: dict[str, type[KrakenError]] = {
    "EAPI:Invalid key": KrakenInvalidKey,
    "EAPI:Invalid signature": KrakenInvalidSignature,
    "EAPI:Invalid nonce": KrakenInvalidNonce,
    "EAPI:Rate limit exceeded": KrakenRateLimited,
    "EAPI:Feature disabled": KrakenFeatureDisabled,
    "EAuth:Account temporary disabled": KrakenAccountLocked,
    "EAuth:Account unconfirmed": KrakenAccountUnconfirmed,
    "EAuth:Rate limit exceeded": KrakenRateLimited,
    "EAuth:Too many requests": KrakenRateLimited,
    "EGeneral:Internal error": KrakenInternalError,
    "EGeneral:Permission denied": KrakenPermissionDenied,
    "EGeneral:Temporary lockout": KrakenTemporaryLockout,
    "EGeneral:Too many requests": KrakenThrottled,
    "EGeneral:Unknown method": KrakenUnknownMethod,
    "EDatabase:Internal error": KrakenInternalError,
    "EService:Busy": KrakenBusy,
    "EService:Throttled": KrakenThrottled,
    "EService:Unavailable": KrakenUnavailable,
    "ETrade:User Locked": KrakenAccountLocked,
}


def _normal(text: str) -> str:
    # The official client also meets "EService: Throttled: 1741500000", with blanks after the colons.
    return re.sub(" ?: ?", ":", " ".join(text.split())).casefold()


_BY_PREFIX = {_normal(prefix): kind for prefix, kind in _TYPES.items()}


def kraken_error(errors: Sequence[str]) -> KrakenError:
    """
    The typed error for the strings of one answer.

    The first string that the table knows decides; warnings (``W...``) never do. Matching is by prefix,
    without regard to case, since details are appended (``EGeneral:Internal error:5``).
    """
    for text in errors:
        normal = _normal(text)
        for prefix, kind in _BY_PREFIX.items():
            if normal == prefix or normal.startswith(f"{prefix}:"):
                return kind(text, errors)
        if normal.endswith(":locked"):
            return KrakenAccountLocked(text, errors)
    return KrakenUnrecognised(errors[0] if errors else "", errors)


def is_failure(errors: Sequence[str]) -> bool:
    """Whether the strings of an answer refuse the call: ``W...`` strings are warnings beside a result."""
    return any(not text.startswith("W") for text in errors)
