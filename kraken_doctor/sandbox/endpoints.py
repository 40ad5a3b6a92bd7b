"""What the endpoints answer. Shapes as documented: https://docs.kraken.com/api-reference/"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable
from decimal import Decimal
from email.utils import formatdate
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.sandbox import market, orders
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.market import Parameters
from kraken_doctor.sandbox.messages import Refused
from kraken_doctor.tables import load

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


def _of_market(name: str) -> Callable[[Exchange, Parameters], Any]:
    return lambda exchange, parameters: getattr(market, name)(exchange.now(), parameters)


def balance(key: Key, _now: float, _parameters: Parameters) -> Any:
    """Return ``Balance``."""
    return key.balances


def balance_ex(key: Key, _now: float, _parameters: Parameters) -> Any:
    """Return ``BalanceEx``."""
    held = orders.held_for_orders(key)
    return {code: {"balance": amount, "hold_trade": str(held.get(code, 0))} for code, amount in key.balances.items()}


def trade_balance(key: Key, now: float, parameters: Parameters) -> Any:
    """Return ``TradeBalance``."""
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


def open_orders(key: Key, _now: float, parameters: Parameters) -> Any:
    """Return ``OpenOrders``."""
    return {"open": orders.page(orders.opened(key), parameters, "opentm")[0]}


def closed_orders(key: Key, _now: float, parameters: Parameters) -> Any:
    """Return ``ClosedOrders``."""
    closed = {txid: order for txid, order in key.orders.items() if order["status"] != "open"}
    found, count = orders.page(closed, parameters, "closetm")
    return {"closed": found, "count": count}


def history(key: Key, _now: float, parameters: Parameters, *, of: str) -> Any:
    """Return the entries of ``trades`` or ``ledger``, a page of them."""
    filters = {field: value for field, value in parameters.items() if of == "ledger" or field != "type"}
    found, count = orders.page(getattr(key, of), filters, "time")
    return {of: found, "count": count}


def by_name(key: Key, _now: float, parameters: Parameters, *, of: str, field: str, error: str) -> Any:
    """Return the entries of ``orders``, ``trades`` or ``ledger`` that the parameter *field* names."""
    names, entries = [name.strip() for name in parameters.get(field, "").split(",") if name], getattr(key, of)
    if not names or any(name not in entries for name in names):
        raise Refused(error if names else "EGeneral:Invalid arguments")
    return {name: entries[name] for name in names}


def open_positions(_key: Key, _now: float, parameters: Parameters) -> Any:
    """Return ``OpenPositions``, none: by market they are a list, otherwise an object."""
    return [] if parameters.get("consolidation") else {}


def websockets_token(key: Key, _now: float, _parameters: Parameters) -> Any:
    """Return ``GetWebSocketsToken``."""
    # A token is to be used within 15 minutes: https://docs.kraken.com/api-reference/
    return {"token": f"sandbox-{key.name}", "expires": 900}


def add_batch(key: Key, now: float, parameters: Parameters) -> Any:
    """Return ``AddOrderBatch``, whose orders come as JSON."""
    made = []
    for each in _listed(parameters, "orders"):
        order = {str(name): str(value) for name, value in each.items()} if isinstance(each, dict) else {}
        common = {name: parameters[name] for name in ("pair", "validate") if name in parameters}
        answer = orders.add(key, now, order | common)
        made.append({"order": answer["descr"]["order"], **({"txid": answer["txid"][0]} if "txid" in answer else {})})
    return {"orders": made}


def cancel_batch(key: Key, now: float, parameters: Parameters) -> Any:
    """Return ``CancelOrderBatch``."""
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


def cancel_after(_key: Key, now: float, parameters: Parameters) -> Any:
    """Return ``CancelAllOrdersAfter``."""
    timeout = parameters.get("timeout", "")
    seconds = int(timeout) if timeout.isdigit() else 0
    return {"currentTime": _shown(now), "triggerTime": _shown(now + seconds) if seconds else "0"}


def filled(key: Key, _now: float, _parameters: Parameters, *, result: str) -> Any:
    """Return *result*: JSON, in which ``%(name)s`` stands for the attribute of *key*, ``%(mark)d`` for a number."""
    values = {name: json.dumps(own) if isinstance(own, (str, tuple)) else own for name, own in vars(key).items()}
    return json.loads(result % values)


class Endpoint(NamedTuple):
    """One private endpoint."""

    answer: Callable[[Key, float, Parameters], Any]
    """To a call: from the key, the unix time and the parameters; may raise `Refused`."""
    permission: str | None
    cost: float
    """Points on the call counter."""


def _endpoint(answer: str, permission: str | None = None, cost: float = 1, **options: str) -> Endpoint:
    return Endpoint(partial(pkgutil.resolve_name(f"{__package__}.{answer}"), **options), permission, cost)


@cache
def public() -> dict[str, Callable[[Exchange, Parameters], Any]]:
    """Return what answers the public endpoints, by name; may raise `Refused`."""
    of_market = {name: _of_market(answer) for name, answer in load(__file__, "endpoints.toml")["market"].items()}
    return {"Time": _time, "SystemStatus": _system_status, **of_market}


@cache
def private() -> dict[str, Endpoint]:
    """Return the private endpoints by name."""
    return {name: _endpoint(**fields) for name, fields in load(__file__, "endpoints.toml")["private"].items()}
