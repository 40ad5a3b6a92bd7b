"""What the endpoints answer: by their parameters, and what they refuse."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from kraken_doctor.sandbox import endpoints
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.keys import BOT_PERMISSIONS, Key, demo_credentials
from kraken_doctor.sandbox.messages import Request
from tests.clocks import ManualClock
from tests.sandbox.wire import call

_nonces = count(1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def key() -> Key:
    api_key, secret = demo_credentials("of a bot")
    amounts = {"ZUSD": "100000.0000", "XXBT": "5.0000000000"}
    return Key(name="bot", api_key=api_key, secret=secret, permissions=BOT_PERMISSIONS, balances=amounts)


@pytest.fixture
def exchange(key: Key, clock: ManualClock) -> Exchange:
    return Exchange([key], clock=clock)


def public(exchange: Exchange, endpoint: str, query: str = "", method: str = "GET") -> Any:
    response = exchange.handle(Request(method, f"/0/public/{endpoint}", {}, query=query))
    return json.loads(response.body) if response.status == 200 else response.status


def ask(exchange: Exchange, key: Key, endpoint: str, **fields: str) -> Any:
    answer = call(exchange, key, next(_nonces), endpoint, **fields)
    return answer["error"] or answer["result"]


@pytest.mark.parametrize("endpoint", sorted(endpoints.public()))
def test_a_post_to_a_public_endpoint_is_not_allowed(exchange: Exchange, endpoint: str) -> None:
    """Each of them takes GET alone."""
    assert public(exchange, endpoint, method="POST") == 405


@pytest.mark.parametrize("endpoint", ["AssetPairs", "Ticker", "OHLC", "Depth", "Trades", "Spread"])
@pytest.mark.parametrize("name", ["NOPENOPE", "XBTUSDX", "XBT", "XBTUSD,NOPENOPE"])
def test_a_pair_that_is_none(exchange: Exchange, endpoint: str, name: str) -> None:
    """Wherever a pair is named, alone or among others."""
    assert public(exchange, endpoint, f"pair={name}") == {"error": ["EQuery:Unknown asset pair"]}


def test_an_order_of_a_pair_that_is_none(exchange: Exchange, key: Key) -> None:
    """The same words."""
    order = {"type": "buy", "ordertype": "market", "volume": "1"}
    assert ask(exchange, key, "AddOrder", pair="NOPENOPE", **order) == ["EQuery:Unknown asset pair"]
    assert ask(exchange, key, "TradeVolume", pair="NOPENOPE") == ["EQuery:Unknown asset pair"]


@pytest.mark.parametrize("spelling", ["XXBTZUSD", "XBTUSD", "XBT/USD", "BTCUSD", "BTC/USD", "btcusd"])
def test_a_pair_has_several_spellings(exchange: Exchange, spelling: str) -> None:
    """Kraken's own name, the short one, the one of the web socket, and that of everybody else."""
    assert list(public(exchange, "Ticker", f"pair={spelling}")["result"]) == ["XXBTZUSD"]


def test_public_answers_are_filtered(exchange: Exchange) -> None:
    """By what each endpoint takes."""
    assert list(public(exchange, "AssetPairs", "pair=XBTUSD,ETHEUR")["result"]) == ["XXBTZUSD", "XETHZEUR"]
    assert list(public(exchange, "Assets", "asset=XBT,USD")["result"]) == ["XXBT", "ZUSD"]
    assert public(exchange, "Assets", "asset=NOPE")["error"] == ["EQuery:Unknown asset"]
    assert [len(side) for side in public(exchange, "Depth", "pair=XBTUSD&count=3")["result"]["XXBTZUSD"].values()] == [
        3,
        3,
    ]
    now = int(exchange.now())
    candles = public(exchange, "OHLC", f"pair=XBTUSD&interval=5&since={now - 1800}")["result"]["XXBTZUSD"]
    assert [candle[0] for candle in candles] == list(range(now - 1500, now + 1, 300))
    assert public(exchange, "OHLC", "pair=XBTUSD&interval=7")["error"] == ["EGeneral:Invalid arguments:interval"]
    for since in (now - 60, (now - 60) * 10**9):  # in seconds, or in nanoseconds
        made = public(exchange, "Trades", f"pair=XBTUSD&since={since}")["result"]["XXBTZUSD"]
        assert [trade[2] for trade in made] == list(range(now - 50, now + 1, 10))


def test_private_answers_are_filtered(exchange: Exchange, key: Key, clock: ManualClock) -> None:
    """By number, time, asset and kind, an entry's own name, and the place in the list."""
    order = {"pair": "XBTUSD", "type": "buy", "volume": "0.01"}
    resting = ask(exchange, key, "AddOrder", ordertype="limit", price="10", userref="7", **order)["txid"][0]
    ask(exchange, key, "AddOrder", ordertype="limit", price="11", **order)
    filled = []
    for _ in range(3):
        clock.step(100)
        filled.append(ask(exchange, key, "AddOrder", ordertype="market", **order)["txid"][0])
    assert len(ask(exchange, key, "OpenOrders")["open"]) == 2
    assert list(ask(exchange, key, "OpenOrders", userref="7")["open"]) == [resting]
    assert list(ask(exchange, key, "QueryOrders", txid=f"{resting},{filled[0]}")) == [resting, filled[0]]
    assert ask(exchange, key, "QueryOrders", txid="OQCLML-BW3P3-BUCMWZ") == ["EOrder:Unknown order"]
    assert ask(exchange, key, "QueryOrders") == ["EGeneral:Invalid arguments"]
    latest = str(exchange.now() - 50)
    assert list(ask(exchange, key, "ClosedOrders")["closed"]) == filled[::-1]
    assert list(ask(exchange, key, "ClosedOrders", start=latest)["closed"]) == filled[-1:]
    assert list(ask(exchange, key, "ClosedOrders", end=latest)["closed"]) == filled[1::-1]
    assert list(ask(exchange, key, "ClosedOrders", ofs="2")["closed"]) == filled[:1]
    assert ask(exchange, key, "TradesHistory", start=latest)["count"] == 1
    entries = ask(exchange, key, "Ledgers", asset="XXBT")["ledger"]
    assert {entry["asset"] for entry in entries.values()} == {"XXBT"}
    assert len(entries) == 3
    assert ask(exchange, key, "Ledgers", type="deposit")["ledger"] == {}
    assert list(ask(exchange, key, "QueryLedgers", id=next(iter(entries)))) == [next(iter(entries))]


def test_orders_are_the_key_s_own(exchange: Exchange, key: Key) -> None:
    """Another key has others."""
    api_key, secret = demo_credentials("of another bot")
    other = Key(name="other", api_key=api_key, secret=secret, permissions=BOT_PERMISSIONS, balances={"ZUSD": "100"})
    exchange.keys[api_key] = other
    ask(exchange, key, "AddOrder", pair="XBTUSD", type="buy", volume="0.01", ordertype="limit", price="10")
    assert ask(exchange, other, "OpenOrders")["open"] == {}
