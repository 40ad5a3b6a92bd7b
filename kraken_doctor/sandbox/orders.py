"""Orders, trades and ledger of one key, in memory: a market order is filled at once, a limit order rests."""

import base64
import hashlib
import math
from decimal import Decimal, InvalidOperation
from typing import Any

from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.market import Pair, Parameters, fee_of, pair_named, template
from kraken_doctor.sandbox.messages import Refused

_PRICED = {"limit", "stop-loss", "take-profit", "stop-loss-limit", "take-profit-limit", "trailing-stop",
           "trailing-stop-limit", "iceberg"}  # fmt: skip
_PAGE = 50
"""Closed orders, trades and ledger entries of one answer."""


def add(key: Key, now: float, parameters: Parameters) -> Any:
    """
    Return ``AddOrder``.

    Raises:
        Refused: The order is none.
    """
    pair, side, kind, volume, price = _checked(parameters)
    text = f"{side} {volume:.8f} {pair.altname} @ {kind}" + (f" {price}" if price else "")
    if parameters.get("validate", "false").lower() in ("true", "1"):
        return {"descr": {"order": text}}
    described = {"pair": pair.altname, "type": side, "ordertype": kind, "price": price or "0", "price2": "0",
                 "leverage": "none", "order": text, "close": ""}  # fmt: skip
    order = {**template("order"), "refid": None, "userref": _whole(parameters.get("userref")), "opentm": now,
             "descr": described, "vol": f"{volume:.8f}", "oflags": parameters.get("oflags") or "fciq"}  # fmt: skip
    if name := parameters.get("cl_ord_id"):
        order["cl_ord_id"] = name
    txid = _identity(key, "O")
    if kind == "market":
        _fill(key, now, pair, txid, order)
    key.orders[txid] = order
    return {"descr": {"order": text}, "txid": [txid]}


def _checked(parameters: Parameters) -> tuple[Pair, str, str, Decimal, str]:
    pair = pair_named(parameters.get("pair", ""))
    side, kind, price = (parameters.get(name, "") for name in ("type", "ordertype", "price"))
    if side not in ("buy", "sell") or kind not in {"market", *_PRICED}:
        raise Refused(f"EGeneral:Invalid arguments:{'ordertype' if side in ('buy', 'sell') else 'type'}")
    volume = _positive(parameters.get("volume", ""), "volume")
    if volume < pair.least:
        raise Refused("EGeneral:Invalid arguments:volume minimum not met")
    if kind in _PRICED:
        # A price relative to the last one ("+5%", "#3") is none that a limit is shown with; it is kept as it is.
        price = price if price[:1] in tuple("+-#") else f"{_positive(price, 'price'):.{pair.decimals}f}"
    return pair, side, kind, volume, price if kind in _PRICED else ""


def _positive(text: str, name: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if not number.is_finite() or number <= 0:
        raise Refused(f"EGeneral:Invalid arguments:{name}")
    return number


def _fill(key: Key, now: float, pair: Pair, txid: str, order: dict[str, Any]) -> None:
    price, volume, buys = Decimal(pair.show(pair.price(now))), Decimal(order["vol"]), order["descr"]["type"] == "buy"
    cost = price * volume
    fee = fee_of(cost)
    amounts = {pair.base: volume if buys else -volume, pair.quote: -cost - fee if buys else cost - fee}
    if any(_held(key, asset) + amount < 0 for asset, amount in amounts.items()):
        raise Refused("EOrder:Insufficient funds")
    trade = _identity(key, "T")
    for asset, amount in amounts.items():
        key.balances[asset] = str(_held(key, asset) + amount)
        entry = {"refid": trade, "time": now, "asset": asset, "amount": str(amount), "balance": key.balances[asset]}
        key.ledger[_identity(key, "L")] = template("entry") | entry
    done = {"vol_exec": order["vol"], "cost": f"{cost:.5f}", "fee": f"{fee:.5f}", "price": str(price)}
    order |= {**done, "status": "closed", "closetm": now, "reason": None, "trades": [trade]}
    made = {"ordertxid": txid, "pair": pair.name, "time": now, "type": order["descr"]["type"], "vol": order["vol"],
            "price": str(price), "cost": done["cost"], "fee": done["fee"], "trade_id": len(key.trades) + 1}  # fmt: skip
    key.trades[trade] = template("trade") | made


def _held(key: Key, asset: str) -> Decimal:
    return Decimal(key.balances.get(asset, "0"))


def edit(key: Key, now: float, parameters: Parameters) -> Any:
    """Return ``EditOrder``: the order is cancelled, and a new one with the changes takes its place."""
    old = _open(key, parameters.get("txid", ""))[0]
    before = key.orders[old]["descr"]
    changes = {name: value for name, value in parameters.items() if value}
    made = add(key, now, {**before, "volume": key.orders[old]["vol"], **changes})
    if "txid" not in made:
        return {"status": "ok", "originaltxid": old, **made}
    _close(key, now, old)
    new = made["txid"][0]
    return {"status": "ok", "txid": new, "originaltxid": old, "volume": key.orders[new]["vol"], "orders_cancelled": 1,
            "price": key.orders[new]["descr"]["price"], "descr": made["descr"]}  # fmt: skip


def amend(key: Key, _now: float, parameters: Parameters) -> Any:
    """Return ``AmendOrder``: volume and price of an order that stays what it is."""
    order = key.orders[_open(key, parameters.get("txid") or parameters.get("cl_ord_id", ""))[0]]
    if volume := parameters.get("order_qty"):
        order["vol"] = f"{_positive(volume, 'order_qty'):.8f}"
    if price := parameters.get("limit_price"):
        order["descr"]["price"] = str(_positive(price, "limit_price"))
    return {"amend_id": _identity(key, "A")}


def cancel(key: Key, now: float, parameters: Parameters) -> Any:
    """Return ``CancelOrder``, by any of an order's names."""
    found = _open(key, parameters.get("txid") or parameters.get("cl_ord_id", ""))
    return {"count": sum(_close(key, now, txid) for txid in found)}


def cancel_all(key: Key, now: float, _parameters: Parameters) -> Any:
    """Return ``CancelAll``."""
    return {"count": sum(_close(key, now, txid) for txid in list(opened(key)))}


def opened(key: Key) -> dict[str, dict[str, Any]]:
    """Return the orders that rest."""
    return {txid: order for txid, order in key.orders.items() if order["status"] == "open"}


def _open(key: Key, names: str) -> list[str]:
    wanted = [name for name in names.split(",") if name]
    known = {txid: {txid, str(order["userref"]), order.get("cl_ord_id")} for txid, order in opened(key).items()}
    found = [txid for txid, own in known.items() if own.intersection(wanted)]
    if not found:
        raise Refused("EOrder:Unknown order")
    return found


def _close(key: Key, now: float, txid: str) -> int:
    key.orders[txid] |= {"status": "canceled", "closetm": now, "reason": "User requested"}
    return 1


def held_for_orders(key: Key) -> dict[str, Decimal]:
    """Return what resting orders hold of each asset."""
    held: dict[str, Decimal] = {}
    for order in opened(key).values():
        described, pair = order["descr"], pair_named(order["descr"]["pair"])
        volume = Decimal(order["vol"])
        buys = described["type"] == "buy"
        price = Decimal(described["price"].strip("+-#%") or "0")
        asset, amount = (pair.quote, volume * price) if buys else (pair.base, volume)
        held[asset] = held.get(asset, Decimal(0)) + amount
    return held


def page(entries: dict[str, dict[str, Any]], parameters: Parameters, at: str) -> tuple[dict[str, Any], int]:
    """
    Return the entries of one answer, newest first, and how many there are.

    Args:
        entries: By their names.
        parameters: Those that filter, as far as entries have a field of that name.
        at: The field that holds an entry's time.
    """
    wanted = {name: value for name, value in parameters.items() if name in ("userref", "type", "asset", "cl_ord_id")}
    begin, end = (_time(parameters.get(name), limit) for name, limit in (("start", 0.0), ("end", math.inf)))
    chosen = {
        name: entry
        for name, entry in reversed(entries.items())
        if begin < entry[at] <= end and all(_has(entry, field, value) for field, value in wanted.items())
    }
    first = _whole(parameters.get("ofs")) or 0
    return dict(list(chosen.items())[first : first + _PAGE]), len(chosen)


def _has(entry: dict[str, Any], field: str, value: str) -> bool:
    return value in ("", "all") or field not in entry or str(entry[field]) in value.split(",")


def _time(text: str | None, default: float) -> float:
    try:
        return float(text) if text else default
    except ValueError:
        return default  # a transaction's name, which Kraken takes too


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdigit() else None


def _identity(key: Key, kind: str) -> str:
    """Return a new name of Kraken's form: ``OABCDE-FGHIJ-KLMNOP``."""
    key.made += 1
    letters = base64.b32encode(hashlib.sha256(f"{key.api_key}{key.made}".encode()).digest()).decode()
    return f"{kind}{letters[:5]}-{letters[5:10]}-{letters[10:16]}"
