"""Clients of other makers against the sandbox, each call in the way its own README shows it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import krakenex
import pytest
from kraken.spot import Earn, Funding, Market, SpotAsyncClient, Trade, User

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.scenarios import MASTER, healthy

pykrakenapi = pytest.importorskip("pykrakenapi", reason="needs NumPy, which Wine can't load")


@pytest.fixture
def exchange() -> Exchange:
    return healthy().exchange


@pytest.fixture
def credentials() -> tuple[str, str]:
    environ = healthy().environ
    return environ[f"{MASTER}_API_KEY"], environ[f"{MASTER}_API_SECRET"]


Credentials = tuple[str, str]

# The calls of a bot's start and loop; an order is placed, changed and cancelled on the way.
CCXT_CALLS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "fetch_time": lambda k, _: k.fetch_time(),
    "fetch_status": lambda k, _: k.fetch_status(),
    "fetch_currencies": lambda k, _: k.fetch_currencies(),
    "fetch_markets": lambda k, _: k.fetch_markets(),
    "load_markets": lambda k, _: k.load_markets(),
    "fetch_ticker": lambda k, _: k.fetch_ticker("BTC/USD"),
    "fetch_tickers": lambda k, _: k.fetch_tickers(["BTC/USD", "ETH/EUR"]),
    "fetch_tickers all": lambda k, _: k.fetch_tickers(),
    "fetch_ohlcv": lambda k, _: k.fetch_ohlcv("BTC/EUR", "5m"),
    "fetch_order_book": lambda k, _: k.fetch_order_book("BTC/USD", 10),
    "fetch_trades": lambda k, _: k.fetch_trades("BTC/USD", limit=10),
    "fetch_balance": lambda k, _: k.fetch_balance(),
    "fetch_trading_fee": lambda k, _: k.fetch_trading_fee("BTC/USD"),
    "validate": lambda k, _: k.create_order("BTC/USD", "limit", "buy", 0.01, 50000, {"validate": True}),
    "create_order": lambda k, _: k.create_order("BTC/USD", "limit", "buy", 0.01, 50000),
    "fetch_open_orders": lambda k, _: k.fetch_open_orders("BTC/USD"),
    "fetch_order": lambda k, seen: k.fetch_order(seen["create_order"]["id"], "BTC/USD"),
    "edit_order": lambda k, seen: k.edit_order(seen["create_order"]["id"], "BTC/USD", "limit", "buy", 0.02, 51000),
    "cancel_order": lambda k, seen: k.cancel_order(seen["fetch_open_orders"][0]["id"], "BTC/USD"),
    "market": lambda k, _: k.create_order("BTC/EUR", "market", "buy", 0.01),
    "fetch_closed_orders": lambda k, _: k.fetch_closed_orders(),
    "fetch_my_trades": lambda k, _: k.fetch_my_trades(),
    "fetch_order_trades": lambda k, seen: k.fetch_order_trades(seen["market"]["id"], params={
        "trades": seen["fetch_my_trades"][0]["info"]["id"].split()}),
    "fetch_ledger": lambda k, _: k.fetch_ledger("BTC"),
    "fetch_ledger_entry": lambda k, seen: k.fetch_ledger_entry(seen["fetch_ledger"][0]["id"], "BTC"),
    "fetch_positions": lambda k, _: k.fetch_positions(),
    "cancel_all_orders": lambda k, _: k.cancel_all_orders(),
    "fetch_deposit_methods": lambda k, _: k.fetch_deposit_methods("BTC"),
}  # fmt: skip


@pytest.mark.parametrize("module", [ccxt, ccxt.async_support, ccxt.pro], ids=["sync", "async", "pro"])
def test_ccxt(server: SandboxServer, credentials: Credentials, module: Any) -> None:
    """All 28 calls."""
    assert len(CCXT_CALLS) == 28
    seen = asyncio.run(_ccxt_answers(module, server.url, credentials))
    assert seen["fetch_status"]["status"] == "ok"
    assert seen["load_markets"]["BTC/EUR"]["id"] == "XXBTZEUR"
    assert len(seen["fetch_ohlcv"]) == 720
    assert seen["fetch_open_orders"][0]["price"] == 50000
    assert seen["market"]["id"] in [order["id"] for order in seen["fetch_closed_orders"]]
    assert seen["fetch_my_trades"][0]["amount"] == 0.01
    assert seen["fetch_ledger"][0]["currency"] == "BTC"


async def _ccxt_answers(module: Any, url: str, credentials: Credentials) -> dict[str, Any]:
    key, secret = credentials
    exchange = module.kraken({"apiKey": key, "secret": secret, "enableRateLimit": False})
    exchange.urls["api"] = {"public": url, "private": url}
    seen: dict[str, Any] = {}
    try:
        for name, call in CCXT_CALLS.items():
            # The order that "cancel_order" cancels is the one that "edit_order" made.
            if name == "cancel_order":
                seen["fetch_open_orders"] += await _awaited(exchange.fetch_open_orders())
                seen["fetch_open_orders"].reverse()
            seen[name] = await _awaited(call(exchange, seen))
            if name == "cancel_order":
                seen["fetch_open_orders"].reverse()
    finally:
        await _awaited(exchange.close() if hasattr(exchange, "close") else None)
    return seen


async def _awaited(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def test_python_kraken_sdk(server: SandboxServer, credentials: Credentials) -> None:
    """32 calls of Market, User, Trade, Earn and Funding; the 33rd, truncate, takes no URL: tests/cli has it."""
    key, secret = credentials
    market, user, trade, earn, funding = (
        client(key=key, secret=secret, url=server.url) for client in (Market, User, Trade, Earn, Funding)
    )
    assert "XXBT" in market.get_assets(assets=["XBT", "USD"])
    assert "XXBTZUSD" in market.get_asset_pairs(pair=["BTCUSD", "BTC/EUR"])
    market.get_ticker(pair="XBTUSD")
    market.get_ohlc(pair="BTCUSD", interval=5)
    assert len(market.get_order_book(pair="BTC/USD", count=5)["XXBTZUSD"]["asks"]) == 5
    market.get_recent_trades(pair="XBTUSD")
    market.get_recent_spreads(pair="XBTUSD")
    assert market.get_system_status()["status"] == "online"
    assert user.get_account_balance()["ZUSD"] == "12480.5500"
    user.get_balances()
    assert user.get_balance("XBT")["available_balance"] == 0.45
    assert float(user.get_trade_balance(asset="ZUSD")["eb"]) > 12480
    placed = trade.create_order(
        ordertype="limit", side="buy", volume=0.01, pair="BTC/EUR", price=10000, cl_ord_id="mine"
    )
    bought = trade.create_order(ordertype="market", side="buy", volume="0.01", pair="XBTUSD")["txid"][0]
    assert placed["descr"]["order"] == "buy 0.01000000 XBTEUR @ limit 10000.0"
    assert list(user.get_open_orders(trades=True)["open"]) == placed["txid"]
    assert list(user.get_closed_orders()["closed"]) == [bought]
    made = user.get_orders_info(txid=bought)[bought]["trades"][0]
    user.get_order_amends(order_id=bought)
    assert user.get_trades_history()["count"] == 1
    assert user.get_trades_info(txid=made)[made]["ordertxid"] == bought
    assert user.get_open_positions() == []
    ledger = user.get_ledgers_info(asset=["XXBT"])["ledger"]
    assert len(ledger) == 1
    user.get_ledgers(id_=list(ledger))
    assert "fees" in user.get_trade_volume(pair="DOT/USD")
    edited = trade.edit_order(txid=placed["txid"][0], pair="BTC/EUR", volume=0.02, price=11000)
    trade.amend_order(txid=edited["txid"], order_qty="0.03")
    assert user.get_open_orders()["open"][edited["txid"]]["vol"] == "0.03000000"
    assert trade.cancel_order(txid=edited["txid"])["count"] == 1
    orders = [{"ordertype": "limit", "type": "sell", "price": 100000 + n, "volume": 0.01} for n in range(2)]
    batch = trade.create_order_batch(orders=orders, pair="BTC/USD")["orders"]
    assert trade.cancel_order_batch(orders=[order["txid"] for order in batch])["count"] == 2
    assert trade.cancel_all_orders()["count"] == 0
    trade.cancel_all_orders_after_x(timeout=60)
    assert earn.list_earn_strategies()["items"] == []
    assert earn.list_earn_allocations()["items"] == []
    with pytest.warns(DeprecationWarning, match="get_deposit_methods"):
        assert funding.get_deposit_methods(asset="XBT") == []


def test_python_kraken_sdk_in_a_loop(server: SandboxServer, credentials: Credentials) -> None:
    """Its asynchronous client, with a JSON body as well."""

    async def ask() -> Any:
        client = SpotAsyncClient(*credentials, url=server.url)
        try:
            batch = {"orders": [{"ordertype": "market", "type": "buy", "volume": "0.01"}], "pair": "XBTUSD"}
            await client.request("POST", "/0/private/AddOrderBatch", params=batch, do_json=True)
            return await client.request("POST", "/0/private/TradesHistory")
        finally:
            await client.close()

    assert asyncio.run(ask())["count"] == 1


@pytest.mark.filterwarnings("ignore:.*inplace keyword")
def test_krakenex_and_pykrakenapi(server: SandboxServer, credentials: Credentials) -> None:
    """Their READMEs' calls, but for those of pykrakenapi that pandas 3 breaks."""
    api = krakenex.API(*credentials)
    api.uri = server.url
    order = {"pair": "XXBTZEUR", "type": "buy", "ordertype": "limit", "price": "1", "volume": "1",
             "close[pair]": "XXBTZEUR", "close[type]": "sell", "close[price]": "9001"}  # fmt: skip
    assert api.query_private("AddOrder", order)["error"] == []
    assert api.query_public("Depth", {"pair": "XXBTZUSD", "count": "10"})["error"] == []
    assert api.query_public("Ticker", {"pair": "NOPENOPE"}) == {"error": ["EQuery:Unknown asset pair"]}
    tables = pykrakenapi.KrakenAPI(api, tier="Pro", retry=0, crl_sleep=0)
    assert not tables.get_tradable_asset_pairs().empty
