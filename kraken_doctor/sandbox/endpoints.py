"""What the endpoints answer. Shapes as documented: https://docs.kraken.com/api-reference/"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.sandbox import market, orders
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.market import Parameters
from kraken_doctor.sandbox.messages import Refused

if TYPE_CHECKING:
    from kraken_doctor.sandbox.exchange import Exchange


def _time(exchange: Exchange, _parameters: Parameters) -> Any:
    if not exchange.tells_time:
        return {}
    now = int(exchange.now())
    text = formatdate(now, usegmt=True).replace("GMT", "+0000")
    return {"unixtime": now, "rfc1123": text[:12] + text[14:]}  # the year has two digits


def _system_status(exchange: Exchange, _parameters: Parameters) -> Any:
    status = {"status": exchange.status, "timestamp": _shown(exchange.now())}
    return status | {"upcoming_maintenance": exchange.maintenance, "emergency": []}


def _shown(at: float) -> str:
    return utc_timestamp(int(at) * 10**9)


def _of_market(answer: Callable[[float, Parameters], Any]) -> Callable[[Exchange, Parameters], Any]:
    return lambda exchange, parameters: answer(exchange.now(), parameters)


Answer = Callable[[Key, float, Parameters], Any]
"""To a private call: from the key, the unix time and the parameters; may raise `Refused`."""

PUBLIC: dict[str, Callable[[Exchange, Parameters], Any]] = {
    "Time": _time,
    "SystemStatus": _system_status,
    "Assets": _of_market(market.assets),
    "AssetPairs": _of_market(market.asset_pairs),
    "Ticker": _of_market(market.ticker),
    "OHLC": _of_market(market.ohlc),
    "Depth": _of_market(market.depth),
    "Trades": _of_market(market.trades),
    "Spread": _of_market(market.spread),
}


def _key_info(key: Key, _now: float, _parameters: Parameters) -> Any:
    return {
        "apiKeyName": key.name, "apiKey": key.api_key, "nonce": str(key.mark), "nonceWindow": key.window,
        "permissions": list(key.permissions), "iban": "AA00 SAND BOXX 0000", "validUntil": f"{key.valid_until:.0f}",
        "queryFrom": f"{key.query_from:.0f}", "queryTo": f"{key.query_to:.0f}", "createdTime": f"{key.created:.0f}",
        "modifiedTime": f"{key.modified:.0f}", "lastUsed": f"{key.last_used:.0f}",
        "ipAllowlist": list(key.ip_allowlist),
    }  # fmt: skip


def _balance_ex(key: Key, _now: float, _parameters: Parameters) -> Any:
    held = orders.held_for_orders(key)
    return {code: {"balance": amount, "hold_trade": str(held.get(code, 0))} for code, amount in key.balances.items()}


def _trade_balance(key: Key, now: float, parameters: Parameters) -> Any:
    asset = parameters.get("asset") or "ZUSD"
    total = sum((_worth(code, amount, asset, now) for code, amount in key.balances.items()), Decimal(0))
    amounts = {"eb": total, "tb": total, "e": total, "mf": total}
    return {name: f"{amounts.get(name, Decimal(0)):.4f}" for name in ("eb", "tb", "m", "n", "c", "v", "e", "mf")}


def _worth(code: str, amount: str, asset: str, now: float) -> Decimal:
    """Return what *amount* of *code* is worth in *asset*; 0 where the two have no market."""
    if market.altname(code) == market.altname(asset):
        return Decimal(amount)
    for pair in market.pairs().values():
        if pair.base == code and market.altname(pair.quote) == market.altname(asset):
            return Decimal(amount) * Decimal(str(pair.price(now)))
    return Decimal(0)


def _open_orders(key: Key, _now: float, parameters: Parameters) -> Any:
    return {"open": orders.page(orders.opened(key), parameters, "opentm")[0]}


def _closed_orders(key: Key, _now: float, parameters: Parameters) -> Any:
    closed = {txid: order for txid, order in key.orders.items() if order["status"] != "open"}
    found, count = orders.page(closed, parameters, "closetm")
    return {"closed": found, "count": count}


def _history(name: str, entries: Callable[[Key], dict[str, Any]]) -> Answer:
    def answer(key: Key, _now: float, parameters: Parameters) -> Any:
        filters = {field: value for field, value in parameters.items() if name == "ledger" or field != "type"}
        found, count = orders.page(entries(key), filters, "time")
        return {name: found, "count": count}

    return answer


def _by_name(field: str, entries: Callable[[Key], dict[str, Any]], error: str) -> Answer:
    def answer(key: Key, _now: float, parameters: Parameters) -> Any:
        names = [name.strip() for name in parameters.get(field, "").split(",") if name]
        if not names or any(name not in entries(key) for name in names):
            raise Refused(error if names else "EGeneral:Invalid arguments")
        return {name: entries(key)[name] for name in names}

    return answer


def _open_positions(_key: Key, _now: float, parameters: Parameters) -> Any:
    """Return none: by market they are a list, otherwise an object."""
    return [] if parameters.get("consolidation") else {}


def _websockets_token(key: Key, _now: float, _parameters: Parameters) -> Any:
    return {"token": f"sandbox-{key.name}", "expires": 900}


def _batch(key: Key, now: float, parameters: Parameters) -> Any:
    """AddOrderBatch, whose orders come as JSON."""
    made = []
    for each in _listed(parameters, "orders"):
        order = {str(name): str(value) for name, value in each.items()} if isinstance(each, dict) else {}
        common = {name: parameters[name] for name in ("pair", "validate") if name in parameters}
        answer = orders.add(key, now, order | common)
        made.append({"order": answer["descr"]["order"], **({"txid": answer["txid"][0]} if "txid" in answer else {})})
    return {"orders": made}


def _cancel_batch(key: Key, now: float, parameters: Parameters) -> Any:
    names = [
        str(each.get("txid", "")) if isinstance(each, dict) else str(each) for each in _listed(parameters, "orders")
    ]
    return orders.cancel(key, now, {"txid": ",".join(names)})


def _listed(parameters: Parameters, name: str) -> list[Any]:
    try:
        found = json.loads(parameters.get(name, ""))
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise Refused(f"EGeneral:Invalid arguments:{name}")
    return found


def _cancel_after(_key: Key, now: float, parameters: Parameters) -> Any:
    timeout = parameters.get("timeout", "")
    seconds = int(timeout) if timeout.isdigit() else 0
    return {"currentTime": _shown(now), "triggerTime": _shown(now + seconds) if seconds else "0"}


def _always(result: Any) -> Answer:
    return lambda _key, _now, _parameters: result


class Endpoint(NamedTuple):
    """One private endpoint."""

    permission: str | None
    answer: Answer
    cost: float = 1
    """Points on the call counter, https://docs.kraken.com/exchange/guides/rest/ratelimits"""


_ORDERS, _TRADES, _LEDGER = (lambda key: key.orders), (lambda key: key.trades), (lambda key: key.ledger)
_NOTHING: dict[str, Any] = {"next_cursor": None, "items": []}
_ALLOCATIONS = {"converted_asset": "USD", "total_allocated": "0", "total_rewarded": "0", **_NOTHING}

PRIVATE: dict[str, Endpoint] = {
    "Balance": Endpoint("query-funds", lambda key, _now, _parameters: key.balances),
    "BalanceEx": Endpoint("query-funds", _balance_ex),
    "TradeBalance": Endpoint("query-funds", _trade_balance),
    "TradeVolume": Endpoint("query-funds", lambda _key, _now, parameters: market.trade_volume(parameters)),
    "GetApiKeyInfo": Endpoint(None, _key_info),
    "GetWebSocketsToken": Endpoint("create-ws-token", _websockets_token),
    "OpenOrders": Endpoint("query-open-trades", _open_orders),
    "OpenPositions": Endpoint("query-open-trades", _open_positions),
    "ClosedOrders": Endpoint("query-closed-trades", _closed_orders, 2),
    "QueryOrders": Endpoint("query-closed-trades", _by_name("txid", _ORDERS, "EOrder:Unknown order")),
    "OrderAmends": Endpoint("query-closed-trades", _always({"count": 0, "amends": []})),
    "TradesHistory": Endpoint("query-closed-trades", _history("trades", _TRADES), 2),
    "QueryTrades": Endpoint("query-closed-trades", _by_name("txid", _TRADES, "EGeneral:Invalid arguments:trade_id")),
    "Ledgers": Endpoint("query-ledger", _history("ledger", _LEDGER), 2),
    "QueryLedgers": Endpoint("query-ledger", _by_name("id", _LEDGER, "EQuery:Unknown ledger id"), 2),
    "AddOrder": Endpoint("modify-trades", orders.add, 0),
    "AddOrderBatch": Endpoint("modify-trades", _batch, 0),
    "EditOrder": Endpoint("modify-trades", orders.edit, 0),
    "AmendOrder": Endpoint("modify-trades", orders.amend, 0),
    "CancelOrder": Endpoint("close-trades", orders.cancel, 0),
    "CancelOrderBatch": Endpoint("close-trades", _cancel_batch, 0),
    "CancelAll": Endpoint("close-trades", orders.cancel_all),
    "CancelAllOrdersAfter": Endpoint("close-trades", _cancel_after),
    "Earn/Strategies": Endpoint(None, _always(_NOTHING)),
    "Earn/Allocations": Endpoint("query-funds", _always(_ALLOCATIONS)),
    "DepositMethods": Endpoint("query-funds", _always([])),
}
"""By name."""
