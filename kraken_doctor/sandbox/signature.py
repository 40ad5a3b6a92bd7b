"""
Kraken's request signature, computed from the bytes on the wire.

https://docs.kraken.com/exchange/guides/rest/authentication
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def signature(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """
    ``API-Sign`` for a POST.

    Args:
        secret: The private key, decoded.
        path: From ``/0/private/`` on, without host.
        nonce: As it stands in the body.
        body: The POST body as it was sent.
    """
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.new(secret, path.encode() + digest, hashlib.sha512).digest()).decode()


def matches(expected: str, given: str) -> bool:
    """Whether the two signatures are the same, in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))
