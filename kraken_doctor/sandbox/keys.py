"""The API keys that the sandbox knows: what they may do, and what has become of their nonces."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kraken_doctor.model.account import DEMO_KEY_PREFIX
from kraken_doctor.secret import is_secret

_SAYS_SECRET = re.compile(r"(?i)secret|passw(?:or)?d|passphrase|(?:token|key)s?(?![a-z])")
"""A keyboard and a tokenizer are none."""

# https://docs.kraken.com/api-reference/account-data/get-api-key-info lists all of them.
READ_PERMISSIONS = ("query-funds", "query-open-trades", "query-closed-trades", "query-ledger")
BOT_PERMISSIONS = (*READ_PERMISSIONS, "modify-trades", "close-trades", "create-ws-token")


class Tier(NamedTuple):
    """
    The REST call counter of a verification tier.

    https://docs.kraken.com/exchange/guides/rest/ratelimits
    """

    maximum: float
    decay_per_s: float


STARTER = Tier(15, 0.33)


@dataclass(kw_only=True)
class Key:
    """One API key, as the exchange keeps it. Times are unix seconds, 0 for never."""

    name: str
    api_key: str
    secret: str
    permissions: tuple[str, ...] = READ_PERMISSIONS
    mark: int = 0
    """The largest nonce accepted."""
    window: int = 0
    """How far below the mark a nonce is still accepted, in ticks."""
    otp: str | None = None
    ip_allowlist: tuple[str, ...] = ()
    valid_until: float = 0
    query_from: float = 0
    query_to: float = 0
    created: float = 1_767_225_600
    modified: float = 1_767_225_600
    last_used: float = 0
    tier: Tier | None = None
    """None: calls are counted, but never too many."""
    refusal: str | None = None
    """An account that answers every call with this error, for instance ``EAuth:Account unconfirmed``."""
    balances: dict[str, str] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    trades: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: int = 0
    """How many of them there were."""

    counter: float = 0
    counter_at: float = 0
    failures: int = 0
    """Refused for key, signature or nonce since the last accepted call."""
    locked_until: float = 0
    accepted: int = 0
    refused: int = 0

    @property
    def secret_bytes(self) -> bytes:
        """Return the secret as the signature uses it."""
        return base64.b64decode(self.secret)

    def accepts(self, nonce: int) -> bool:
        """
        Return whether *nonce* is above the mark, or not further below it than the window.

        https://docs.kraken.com/exchange/guides/rest/authentication
        """
        # Whether a nonce inside the window may come twice is documented nowhere; here it may.
        return self.mark - self.window < nonce < 2**64

    def count(self, cost: float, now: float) -> bool:
        """Add one call to the counter; False when that is too many for the tier."""
        if self.tier is not None:
            self.counter = max(0.0, self.counter - (now - self.counter_at) * self.tier.decay_per_s)
        self.counter_at = now
        self.counter += cost
        return self.tier is None or self.counter <= self.tier.maximum


def signature(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """
    Return ``API-Sign`` for a POST: https://docs.kraken.com/exchange/guides/rest/authentication.

    Computed from the bytes on the wire, and not by the client's code: an error that both shared could not be seen.

    Args:
        secret: The private key, decoded.
        path: From ``/0/private/`` on, without host.
        nonce: As it stands in the body.
        body: The POST body as it was sent.
    """
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.new(secret, path.encode() + digest, hashlib.sha512).digest()).decode()


def matches(expected: str, given: str) -> bool:
    """Return whether the two signatures are the same, in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def demo_credentials(label: str) -> tuple[str, str]:
    """
    Key and secret for a demo account: Kraken's form, the same on every run, and worth nothing.

    Returns:
        56 characters of base64 that begin with `DEMO_KEY_PREFIX`, and 64 bytes in base64.
    """
    noise = base64.b64encode(hashlib.sha512(b"sandbox key " + label.encode()).digest()).decode()
    secret = base64.b64encode(hashlib.sha512(b"sandbox secret " + label.encode()).digest()).decode()
    return (DEMO_KEY_PREFIX + noise)[:56], secret


def without_named_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """
    *environ* with a dummy for each variable whose name says that it holds a secret.

    It is a demo's key or secret, which opens the embedded exchange alone: a bot with names of its own starts with it.
    """
    key, secret = demo_credentials("KRAKEN_MASTER")
    said = {name: found[0].lower() for name in environ if (found := _SAYS_SECRET.search(name))}
    return {**environ, **{name: key if word.startswith("key") else secret for name, word in said.items()}}


def demo_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """
    *environ* for a user's program that is only tried out: a demo's in the place of each key and secret, no other login.

    What is set stays set, since many bots refuse to be imported without.
    """
    tried = {name: value for name, value in environ.items() if not is_secret(name, value)}
    for name in environ:
        prefix, _, part = name.rpartition("_API_")
        if is_secret(name) and part in ("KEY", "SECRET"):
            api_key, secret = demo_credentials(prefix)
            tried[name] = api_key if part == "KEY" else secret
    return tried
