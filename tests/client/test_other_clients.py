"""Clients that know nothing of this package: against the embedded exchange as they are, and in order with `install`."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ccxt
import ccxt.async_support
import pytest
from kraken.exceptions import KrakenInvalidNonceError
from kraken.spot import Market, SpotAsyncClient, User

from kraken_doctor import install, open_store
from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import refusal

CALLS = 200

Client = tuple[Any, Callable[[], object]]


def ccxt_client(server: SandboxServer, key: Key, module: Any = ccxt) -> Any:
    exchange = module.kraken({"apiKey": key.api_key, "secret": key.secret, "enableRateLimit": False})
    for section in ("public", "private"):
        exchange.urls["api"][section] = server.url
    return exchange


def sdk_client(server: SandboxServer, key: Key) -> Any:
    return User(key=key.api_key, secret=key.secret, url=server.url)


def in_threads(call: Callable[[], object], threads: int = 5, calls: int = CALLS) -> None:
    """So many calls from so many threads; refusals are for the exchange to count."""

    def work() -> None:
        for _ in range(calls // threads):
            try:
                call()
            except (ccxt.InvalidNonce, KrakenInvalidNonceError):
                continue

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


@pytest.fixture(params=["ccxt", "sdk"])
def client(request: pytest.FixtureRequest, server: SandboxServer, key: Key) -> Iterator[Client]:
    """A client, and its way of asking for the balance."""
    if request.param == "ccxt":
        exchange = ccxt_client(server, key)
        yield exchange, exchange.private_post_balance
    else:
        user = sdk_client(server, key)
        yield user, user.get_account_balance


def test_alone_they_lose_calls(client: Client, key: Key) -> None:
    """Unique nonces, and yet: requests overtake each other."""
    in_threads(client[1])
    assert key.accepted > 0
    assert key.refused > 0


@pytest.mark.slow
@pytest.mark.parametrize("store", ["memory://", "sqlite:///nonce.db"])
def test_in_order_they_lose_none(client: Client, key: Key, store: str, caplog: pytest.LogCaptureFixture) -> None:
    """The same calls from the same threads, with window 0."""
    records: list[CallRecord] = []
    with caplog.at_level(logging.DEBUG, logger="kraken_doctor"):
        assert install(client[0], store=open_store(store), observers=(records.append,))
    assert caplog.messages == ["✅ Custom nonce generator installed"]
    in_threads(client[1])
    assert (key.accepted, key.refused) == (CALLS, 0)
    assert len(records) == CALLS
    assert {record.outcome for record in records} == {"ok"}
    assert max(record.nonce for record in records) == key.mark


def test_a_bot_of_each_kind_on_one_key(server: SandboxServer, key: Key) -> None:
    """Two makers' clients and one store: they take turns."""
    store = open_store("memory://")
    exchange, user = ccxt_client(server, key), sdk_client(server, key)
    install(exchange, store=store)
    install(user, store=store)
    in_threads(lambda: (exchange.private_post_balance(), user.get_account_balance()), calls=CALLS // 2)
    assert (key.accepted, key.refused) == (CALLS, 0)


def test_public_calls_need_no_turn(client: Client, key: Key) -> None:
    """Nor a nonce, nor a store that works."""

    class Broken(MemoryStore):
        def advance(self, key_id: str, floor: int, is_possible: Any = None) -> int:
            raise NonceStoreError("disk full")

    install(client[0], store=Broken())
    if isinstance(client[0], ccxt.Exchange):
        assert client[0].public_get_time()["error"] == []
    else:
        assert client[0].request("GET", "/0/public/Time", auth=False)["unixtime"]
    with pytest.raises(NonceStoreError):
        client[1]()
    assert key.accepted + key.refused == 0


def test_a_refusal_is_their_exception_and_our_record(client: Client, server: SandboxServer) -> None:
    """What the exchange said, in the log; and the next call has its turn."""
    records: list[CallRecord] = []
    install(client[0], store=open_store("memory://"), observers=(records.append,))
    answers = [refusal("EGeneral:Permission denied")]
    server.exchange.interceptors.append(lambda request: answers.pop() if answers else None)
    with pytest.raises((ccxt.PermissionDenied, Exception), match="ermission denied"):
        client[1]()
    client[1]()
    assert [record.outcome for record in records] == ["EGeneral:Permission denied", "ok"]


def test_asynchronous_ccxt(server: SandboxServer, key: Key) -> None:
    """Two hundred tasks at once on one key, more than a loop has threads."""

    async def run() -> None:
        exchange = ccxt_client(server, key, ccxt.async_support)
        install(exchange, store=open_store("sqlite:///nonce.db"))
        try:
            await asyncio.gather(*(exchange.private_post_balance() for _ in range(CALLS)))
            await exchange.fetch_time()
        finally:
            await exchange.close()

    asyncio.run(run())
    assert (key.accepted, key.refused) == (CALLS, 0)


def test_asynchronous_sdk(server: SandboxServer, key: Key) -> None:
    """The same with python-kraken-sdk's."""

    async def run() -> None:
        client = SpotAsyncClient(key=key.api_key, secret=key.secret, url=server.url)
        install(client, store=open_store("memory://"))
        try:
            await asyncio.gather(*(client.request("POST", "/0/private/Balance") for _ in range(CALLS)))
        finally:
            await client.close()

    asyncio.run(run())
    assert (key.accepted, key.refused) == (CALLS, 0)


def test_a_cancelled_task_leaves_no_turn_behind(server: SandboxServer, key: Key) -> None:
    """Cancelled while it waits, or while it holds: the next one gets its turn."""

    async def run() -> None:
        exchange = ccxt_client(server, key, ccxt.async_support)
        store = open_store("memory://")
        install(exchange, store=store, turn_timeout=5)
        try:
            with store.turn(exchange_key_id(key), 1):
                waiting = asyncio.ensure_future(exchange.private_post_balance())
                await asyncio.sleep(0)
                while not store._turns[exchange_key_id(key)]._waiting:  # type: ignore[attr-defined]
                    await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            await exchange.private_post_balance()
        finally:
            await exchange.close()

    asyncio.run(run())
    assert (key.accepted, key.refused) == (1, 0)


def exchange_key_id(key: Key) -> str:
    from kraken_doctor import key_id

    return key_id(key.api_key)


def test_ccxt(server: SandboxServer, key: Key) -> None:
    """Loads the markets, then reads balance and orders."""
    exchange = ccxt_client(server, key)
    balance = exchange.fetch_balance()
    assert balance["USD"]["total"] == 100.0
    assert balance["USDT"]["total"] == 50.0
    assert exchange.fetch_open_orders() == []
    assert exchange.fetch_status()["status"] == "ok"
    assert key.accepted == 2
    assert len(str(key.mark)) == 13, "ccxt counts milliseconds"


def test_python_kraken_sdk(server: SandboxServer, key: Key) -> None:
    """Balance, orders, and a public call."""
    user = sdk_client(server, key)
    assert user.get_account_balance() == {"ZUSD": "100.0000", "USDT": "50.00000000"}
    assert user.get_open_orders() == {"open": {}}
    assert Market(url=server.url).get_system_status()["status"] == "online"
    assert key.accepted == 2
    assert len(str(key.mark)) == 18, "python-kraken-sdk counts 10-nanosecond ticks"
