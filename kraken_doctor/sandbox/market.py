"""
The sandbox's market: assets and pairs from ``market.toml``, and prices that depend on the time alone.

Shapes as documented: https://docs.kraken.com/api-reference/. It serves a bot's start and its loop, not its strategy.
"""

import functools
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from kraken_doctor.sandbox.messages import Refused
from kraken_doctor.tables import load

_FEE_PERCENT, _MAKER_FEE_PERCENT = 0.4, 0.25  # as in `fees` and `fees_maker` of the pairs
# As many as Kraken gives, here and for Depth and Trades:
# https://docs.kraken.com/exchange/guides/general/historical-data
_CANDLES = 720
_DAY_S = 86_400

Parameters = dict[str, str]


class Pair(NamedTuple):
    """One market."""

    name: str
    base: str
    quote: str
    around: float
    """The middle of its prices."""
    decimals: int
    least: Decimal
    """The smallest volume of an order."""

    @property
    def altname(self) -> str:
        """Return the name in orders: ``XBTUSD``."""
        return altname(self.base) + altname(self.quote)

    @property
    def wsname(self) -> str:
        """Return the name with a slash: ``XBT/USD``."""
        return f"{altname(self.base)}/{altname(self.quote)}"

    def price(self, at: float) -> float:
        """Return the price at unix time *at*: 1 % up and down in a day, 0.2 % in ten minutes."""
        swing = 0.01 * math.sin(2 * math.pi * at / _DAY_S) + 0.002 * math.sin(2 * math.pi * at / 600)
        return self.around * (1 + swing)

    def show(self, price: float) -> str:
        """Return *price* as the API writes it."""
        return f"{price:.{self.decimals}f}"


_tables = functools.partial(load, __file__, "market.toml")


def template(name: str) -> dict[str, Any]:
    """Return the fields that are the same in every ``asset``, ``pair``, ``order``, ``trade`` or ledger ``entry``."""
    return dict(_tables()[name])


def altname(asset: str) -> str:
    """Return the short name of *asset*: ``USD`` for ``ZUSD``."""
    return str(_tables()["assets"][asset][0]) if asset in _tables()["assets"] else asset


@functools.cache
def pairs() -> dict[str, Pair]:
    """Return the markets by name."""
    return {
        name: Pair(name, base, quote, float(price), decimals, Decimal(least))
        for name, (base, quote, price, decimals, least) in _tables()["pairs"].items()
    }


@functools.cache
def _spellings() -> dict[str, Pair]:
    return {spelling: pair for pair in pairs().values() for spelling in (pair.name, pair.altname, pair.wsname)}


def pair_named(name: str) -> Pair:
    """
    Return the market that *name* spells in one of Kraken's ways.

    Raises:
        Refused: There is none.
    """
    spelling = name.strip().upper()
    for other, ours in _tables()["aliases"].items():
        spelling = spelling.replace(other, ours)
    if spelling not in _spellings():
        raise Refused("EQuery:Unknown asset pair")
    return _spellings()[spelling]


def _wanted(parameters: Parameters) -> list[Pair]:
    """Return the pairs of the parameter; all without it."""
    names = parameters.get("pair")
    return [pair_named(name) for name in names.split(",")] if names else list(pairs().values())


def assets(_now: float, parameters: Parameters) -> Any:
    """Return ``Assets``."""
    known = _tables()["assets"]
    names = {spelling: name for name in known for spelling in (name, altname(name))}
    wanted = [name.strip().upper() for name in parameters.get("asset", "").split(",") if name]
    if any(_tables()["aliases"].get(name, name) not in names for name in wanted):
        raise Refused("EQuery:Unknown asset")
    chosen = [names[_tables()["aliases"].get(name, name)] for name in wanted] or list(known)
    fields = ("altname", "decimals", "display_decimals")
    return {name: template("asset") | dict(zip(fields, known[name], strict=True)) for name in chosen}


def asset_pairs(_now: float, parameters: Parameters) -> Any:
    """Return ``AssetPairs``."""
    return {pair.name: _described(pair) for pair in _wanted(parameters)}


def _described(pair: Pair) -> dict[str, Any]:
    own = {"altname": pair.altname, "wsname": pair.wsname, "base": pair.base, "quote": pair.quote,
           "pair_decimals": pair.decimals, "ordermin": str(pair.least),
           "tick_size": pair.show(10**-pair.decimals)}  # fmt: skip
    return template("pair") | own


def ticker(now: float, parameters: Parameters) -> Any:
    """Return ``Ticker``."""
    found = {}
    for pair in _wanted(parameters):
        day = [pair.price(now - hour * 3600) for hour in range(25)]
        last, ask, bid = (pair.show(price) for price in (day[0], day[0] * 1.0001, day[0] * 0.9999))
        low, high, mean = (pair.show(price) for price in (min(day), max(day), sum(day) / len(day)))
        found[pair.name] = {
            "a": [ask, "1", "1.000"], "b": [bid, "1", "1.000"], "c": [last, "0.10000000"],
            "v": ["120.00000000", "240.00000000"], "p": [mean, mean], "t": [1200, 2400], "l": [low, low],
            "h": [high, high], "o": pair.show(pair.price(now - now % _DAY_S)),
        }  # fmt: skip
    return found


def ohlc(now: float, parameters: Parameters) -> Any:
    """Return ``OHLC``: the last one is the interval that is not over yet, and is there whatever ``since`` says."""
    pair, minutes, since = _one(parameters), _number(parameters, "interval", 1), _number(parameters, "since", 0)
    if minutes not in _tables()["intervals_min"]:
        raise Refused("EGeneral:Invalid arguments:interval")
    step = minutes * 60
    newest = int(now // step) * step
    starts = [at for at in range(newest - (_CANDLES - 1) * step, newest + 1, step) if at > since or at == newest]
    return {pair.name: [_candle(pair, at, min(step, now - at)) for at in starts], "last": newest - step}


def _candle(pair: Pair, at: int, length_s: float) -> list[Any]:
    prices = [pair.price(at + length_s * part / 4) for part in range(5)]
    shown = [pair.show(price) for price in (prices[0], max(prices), min(prices), prices[-1], sum(prices) / 5)]
    return [at, *shown, "10.00000000", 40]


def depth(now: float, parameters: Parameters) -> Any:
    """Return ``Depth``."""
    pair, count = _one(parameters), min(_number(parameters, "count", 100), 500)
    price = pair.price(now)
    asks, bids = (
        [[pair.show(price * (1 + sign * level / 10_000)), "1.000", int(now)] for level in range(1, count + 1)]
        for sign in (1, -1)
    )
    return {pair.name: {"asks": asks, "bids": bids}}


def trades(now: float, parameters: Parameters) -> Any:
    """Return ``Trades``, one in ten seconds; ``since`` in seconds or nanoseconds."""
    pair, since = _one(parameters), float(_number(parameters, "since", 0))
    since_s = since / 1e9 if since > 1e12 else since
    count = min(_number(parameters, "count", 1000), 1000)
    times = [at for at in _times(now, 10, 1000) if at > since_s]
    times = times[:count] if since else times[-count:]
    made = [
        [pair.show(pair.price(at)), "0.10000000", float(at), "bs"[at // 10 % 2], "ml"[at // 10 % 2], "", at // 10]
        for at in times
    ]
    return {pair.name: made, "last": str(times[-1] * 10**9 if times else int(since_s * 10**9))}


def spread(now: float, parameters: Parameters) -> Any:
    """Return ``Spread``."""
    pair, since = _one(parameters), _number(parameters, "since", 0)
    times = [at for at in _times(now, 1, 200) if at > since]
    quotes = [[at, pair.show(pair.price(at) * 0.9999), pair.show(pair.price(at) * 1.0001)] for at in times]
    return {pair.name: quotes, "last": int(now)}


def trade_volume(_key: object, _now: float, parameters: Parameters) -> Any:
    """Return ``TradeVolume``; without pairs there are no fees in it."""
    chosen = _wanted(parameters) if parameters.get("pair") else []

    def fees(percent: float) -> dict[str, Any]:
        tier = dict.fromkeys(("fee", "minfee", "maxfee"), f"{percent:.4f}")
        return {pair.name: {**tier, "nextfee": None, "nextvolume": None, "tiervolume": "0.0000"} for pair in chosen}

    both = {"fees": fees(_FEE_PERCENT), "fees_maker": fees(_MAKER_FEE_PERCENT)} if chosen else {}
    return {"currency": "ZUSD", "volume": "0.0000", **both}


def fee_of(cost: Decimal) -> Decimal:
    """Return the fee of a trade of *cost* at market price."""
    return cost * Decimal(str(_FEE_PERCENT)) / 100


def _one(parameters: Parameters) -> Pair:
    if not parameters.get("pair"):
        raise Refused("EGeneral:Invalid arguments")
    return pair_named(parameters["pair"])


def _number(parameters: Parameters, name: str, default: int) -> int:
    text = parameters.get(name) or str(default)
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise Refused(f"EGeneral:Invalid arguments:{name}") from None


def _times(now: float, step_s: int, count: int) -> Iterator[int]:
    newest = int(now // step_s) * step_s
    return iter(range(newest - (count - 1) * step_s, newest + 1, step_s))
