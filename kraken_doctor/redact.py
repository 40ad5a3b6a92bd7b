"""Secrets that can't be printed by accident, and the one place through which text leaves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import urllib.parse
from collections.abc import Iterable
from typing import NoReturn

HIDDEN = "[hidden]"

# Below this length a value is more likely to occur by chance ("1234" in a nonce) than by leak.
_SHORTEST_KNOWN_CHARS = 6

_PATTERNS = (
    # A secret in Kraken's shape: 64 bytes in base64, 86 characters and "==". As strict as that, since
    # a looser rule would eat hashes and nonces that the reader needs.
    re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"),
    # user:password@ in an URL.
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]*(?=@)"),
    # What may stand behind these words is nobody's business; values we don't know come by here.
    re.compile(r"(?i)(?<=API-Sign: )\S+|(?<=API-Key: )\S+|(?<=API-Sign': ')[^']+|(?<=API-Key': ')[^']+"),
)


class Secret:
    """
    A value that shows itself only through `reveal`.

    ``repr``, ``str``, ``format``, logging and dataclass reprs give a placeholder; pickling is refused.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; for the wire, and for nothing that is shown."""
        return self._value

    @property
    def tail(self) -> str:
        """The last 4 characters behind an ellipsis, as Kraken's own client shows a public key."""
        return f"…{self._value[-4:]}" if len(self._value) >= 20 else "…"

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, format_spec: str) -> str:
        return format(HIDDEN, format_spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: the value would leave the process")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)


def key_id(api_key: str) -> str:
    """
    Fingerprint of an API key: 16 hexadecimal digits, the same on every host.

    Names the key in stores, logs and reports. The key has over 300 random bits, so its digest can't be
    turned back into it by trying.
    """
    return hashlib.sha256(b"kraken-doctor key id\0" + api_key.encode()).hexdigest()[:16]


class Redactor:
    """Replaces the secrets that this process holds, then whatever looks like one."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._needles: set[str] = set()
        self._known: re.Pattern[str] | None = None
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: Secret) -> None:
        """From now on *secret* is hidden, also where it is quoted or encoded."""
        value = secret.reveal()
        stripped = value.strip()
        for form in {value, stripped}:
            if len(form) >= _SHORTEST_KNOWN_CHARS:
                self._needles |= _spellings(form)
        self._known = None

    def __call__(self, text: str) -> str:
        """*text* without secrets."""
        if self._needles:
            if self._known is None:
                # Longest first: a needle inside another must not leave the rest of the longer one standing.
                ordered = sorted(self._needles, key=len, reverse=True)
                self._known = re.compile("|".join(map(re.escape, ordered)))
            text = self._known.sub(HIDDEN, text)
        for pattern in _PATTERNS:
            text = pattern.sub(HIDDEN, text)
        return text


def _spellings(value: str) -> set[str]:
    raw = value.encode(errors="surrogatepass")
    return {
        value,
        urllib.parse.quote(value, safe="", errors="replace"),
        urllib.parse.quote_plus(value, errors="replace"),
        json.dumps(value)[1:-1],
        repr(value)[1:-1],
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    }
