"""A client for the tests of the exchange: signs by hand, and can do wrong on purpose."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.keys import Key, signature
from kraken_doctor.sandbox.messages import Request


def call(
    exchange: Exchange, key: Key, nonce: object, endpoint: str = "Balance", *, peer: str = "127.0.0.1", **fields: str
) -> Any:
    """A signed private call; the envelope that comes back."""
    body = urllib.parse.urlencode({"nonce": nonce, **fields}).encode()
    return send(exchange, key, str(nonce), body, endpoint, peer=peer)


def send(
    exchange: Exchange,
    key: Key,
    nonce: str,
    body: bytes,
    endpoint: str = "Balance",
    *,
    peer: str = "127.0.0.1",
    content_type: str = "application/x-www-form-urlencoded",
    api_sign: str | None = None,
) -> Any:
    """The same with the body given as bytes, and the signature too, if it is to be a wrong one."""
    path = f"/0/private/{endpoint}"
    sign = signature(key.secret_bytes, path, nonce, body) if api_sign is None else api_sign
    headers = {"api-key": key.api_key, "api-sign": sign, "content-type": content_type}
    return json.loads(exchange.handle(Request("POST", path, headers, body, peer)).body)


def get(exchange: Exchange, endpoint: str) -> Any:
    """A public call; the envelope that comes back."""
    return json.loads(exchange.handle(Request("GET", f"/0/public/{endpoint}", {})).body)
