"""Demo keys open the sandbox, and are taken to no other host."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt
import ccxt.async_support
import krakenex
import pytest
from kraken.spot import SpotClient

from kraken_doctor import KrakenClient, install, open_store
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.network.url import checked_url, is_loopback
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import demo_credentials
from tests.conftest import Run

KEY, SECRET = demo_credentials("test")
_REFUSED = "demo key of `kraken-doctor sandbox`"


def test_no_client_is_made_with_one_for_another_host() -> None:
    """At once, in one sentence that says what to do; and not when the key comes later either."""
    for url in (None, "https://api.kraken.com", "https://127.0.0.1.example"):
        with pytest.raises(ConfigurationError, match=_REFUSED):
            KrakenClient(KEY, SECRET, url=url, store=open_store("memory://"))
    client = KrakenClient(store=open_store("memory://"))
    client.key, client.secret = KEY, SECRET
    for query in (client.call, client.query_private):
        with pytest.raises(ConfigurationError, match=_REFUSED):
            query("Balance")


def test_nothing_is_installed_for_one() -> None:
    """Neither on krakenex nor on other clients; and not when the key comes later either."""
    made: list[Any] = [
        krakenex.API(KEY, SECRET),
        ccxt.kraken({"apiKey": KEY, "secret": SECRET}),
        SpotClient(key=KEY, secret=SECRET),
    ]
    for api in made:
        with pytest.raises(ConfigurationError, match=_REFUSED):
            install(api, store=open_store("memory://"))
    api = krakenex.API("another", SECRET)
    exchange = ccxt.kraken({"apiKey": "another", "secret": SECRET})
    for later in (api, exchange):
        assert install(later, store=open_store("memory://"))
    api.key = exchange.apiKey = KEY
    for call in (lambda: api.query_private("Balance"), exchange.private_post_balance):
        with pytest.raises(ConfigurationError, match=_REFUSED):
            call()


def test_nor_in_an_event_loop() -> None:
    """The asynchronous client of ccxt."""

    async def ask() -> None:
        exchange = ccxt.async_support.kraken({"apiKey": "another", "secret": SECRET})
        install(exchange, store=open_store("memory://"))
        exchange.apiKey = KEY
        try:
            await exchange.private_post_balance()
        finally:
            await exchange.close()

    with pytest.raises(ConfigurationError, match=_REFUSED):
        asyncio.run(ask())


def test_on_this_host_they_work(server: SandboxServer) -> None:
    """Under each of its names."""
    port = server.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost"):
        client = KrakenClient(KEY, SECRET, url=f"http://{host}:{port}", store=open_store("memory://"))
        assert client.call("Balance")["ZUSD"] == "100.0000"
        client.close()


def test_the_doctor_says_so_before_it_sends(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exported for the sandbox, and left there: the accounts are found wanting, and no call is made with them."""
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", KEY)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", SECRET)
    ended = doctor("accounts", "-o", "short")
    assert ended.status == 1
    assert "credentials-placeholder" in ended.stdout


def test_what_is_this_host() -> None:
    """An address, not a name that begins like one: http:// would carry keys there in the clear."""
    for url in ("http://127.0.0.1:80", "http://127.8.9.1", "http://[::1]:5", "http://localhost", "http://LOCALHOST"):
        assert is_loopback(url), url
    for url in ("http://127.0.0.1.example", "http://127.example", "http://localhost.example", "http://128.0.0.1", ""):
        assert not is_loopback(url), url
        with pytest.raises(ConfigurationError):
            checked_url(url)
