"""Clients that know nothing of this package work against the embedded exchange, unchanged but for its address."""

from __future__ import annotations

import ccxt
from kraken.spot import Market, User

from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key


def test_ccxt(server: SandboxServer, key: Key) -> None:
    """Loads the markets, then reads balance and orders."""
    exchange = ccxt.kraken({"apiKey": key.api_key, "secret": key.secret, "enableRateLimit": False})
    for section in ("public", "private"):
        exchange.urls["api"][section] = server.url
    balance = exchange.fetch_balance()
    assert balance["USD"]["total"] == 100.0
    assert balance["USDT"]["total"] == 50.0
    assert exchange.fetch_open_orders() == []
    assert exchange.fetch_status()["status"] == "ok"
    assert key.accepted == 2
    assert len(str(key.mark)) == 13, "ccxt counts milliseconds"


def test_python_kraken_sdk(server: SandboxServer, key: Key) -> None:
    """Balance, orders, and a public call."""
    user = User(key=key.api_key, secret=key.secret, url=server.url)
    assert user.get_account_balance() == {"ZUSD": "100.0000", "USDT": "50.00000000"}
    assert user.get_open_orders() == {"open": {}}
    assert Market(url=server.url).get_system_status()["status"] == "online"
    assert key.accepted == 2
    assert len(str(key.mark)) == 18, "python-kraken-sdk counts 10-nanosecond ticks"
