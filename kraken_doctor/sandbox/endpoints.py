"""What the endpoints answer. Shapes as documented: https://docs.kraken.com/api-reference/"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Response, answer
from kraken_doctor.sandbox.state import ExchangeState


def _time(state: ExchangeState) -> Response:
    if not state.tells_time:
        return answer(result={})
    now = int(state.now())
    return answer(result={"unixtime": now, "rfc1123": formatdate(now, usegmt=True).replace("GMT", "+0000")})


def _system_status(state: ExchangeState) -> Response:
    timestamp = datetime.fromtimestamp(state.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"status": state.status, "timestamp": timestamp}
    return answer(result=status | {"upcoming_maintenance": state.maintenance, "emergency": []})


# Enough of the market for clients that load it before their first private call.
_ASSETS = {
    "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2, "status": "enabled"},
    "USDT": {"aclass": "currency", "altname": "USDT", "decimals": 8, "display_decimals": 4, "status": "enabled"},
    "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "status": "enabled"},
}


def _assets(_state: ExchangeState) -> Response:
    return answer(result=_ASSETS)


def _asset_pairs(_state: ExchangeState) -> Response:
    def pair(base: str, quote: str, base_name: str, quote_name: str) -> dict[str, Any]:
        return {
            "altname": base_name + quote_name, "wsname": f"{base_name}/{quote_name}", "aclass_base": "currency",
            "base": base, "aclass_quote": "currency", "quote": quote, "lot": "unit", "cost_decimals": 5,
            "pair_decimals": 1, "lot_decimals": 8, "lot_multiplier": 1, "leverage_buy": [], "leverage_sell": [],
            "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]], "fee_volume_currency": "ZUSD", "margin_call": 80,
            "margin_stop": 40, "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1", "status": "online",
        }  # fmt: skip

    pairs = {"XXBTZUSD": pair("XXBT", "ZUSD", "XBT", "USD"), "USDTZUSD": pair("USDT", "ZUSD", "USDT", "USD")}
    return answer(result=pairs)


def _key_info(key: Key) -> Response:
    return answer(
        result={
            "apiKeyName": key.name,
            "apiKey": key.api_key,
            "nonce": str(key.mark),
            "nonceWindow": key.window,
            "permissions": list(key.permissions),
            "iban": "AA00 SAND BOXX 0000",
            "validUntil": f"{key.valid_until:.0f}",
            "queryFrom": "0",
            "queryTo": "0",
            "createdTime": f"{key.created:.0f}",
            "modifiedTime": f"{key.modified:.0f}",
            "ipAllowlist": list(key.ip_allowlist),
            "lastUsed": f"{key.last_used:.0f}",
        },
    )


def _balance(key: Key) -> Response:
    return answer(result=key.balances)


def _balance_ex(key: Key) -> Response:
    return answer(result={code: {"balance": amount, "hold_trade": "0"} for code, amount in key.balances.items()})


def _open_orders(key: Key) -> Response:
    return answer(result={"open": key.open_orders})


PUBLIC: dict[str, Callable[[ExchangeState], Response]] = {
    "AssetPairs": _asset_pairs,
    "Assets": _assets,
    "SystemStatus": _system_status,
    "Time": _time,
}

PRIVATE: dict[str, tuple[str | None, Callable[[Key], Response]]] = {
    "Balance": ("query-funds", _balance),
    "BalanceEx": ("query-funds", _balance_ex),
    "GetApiKeyInfo": (None, _key_info),
    "OpenOrders": ("query-open-trades", _open_orders),
}
"""Name: the permission that it needs, and what it answers."""

COST = {"ClosedOrders": 2, "Ledgers": 2, "QueryLedgers": 2, "TradesHistory": 2}
"""Points on the call counter; 1 for all others."""
