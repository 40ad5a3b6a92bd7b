"""Bots for `run --observe`: six that are broken, each in its own way, and ten healthy ones."""

from __future__ import annotations

from collections.abc import Callable

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.keys import STARTER, Key
from kraken_doctor.sandbox.messages import Request, Response

Arrange = Callable[[Exchange, Key], None]

_API = """
import krakenex, time
class Api(krakenex.API):
    {nonce}
api = Api(KEY, SECRET)
api.uri = URL
"""
_PLAIN = _API.format(nonce="pass")
# No two are equal: what is refused was overtaken, and nothing else.
_RISING = """lock, last = threading.Lock(), [0]
    def _nonce(self):
        with self.lock:
            self.last[0] = max(self.last[0] + 1, time.time_ns() // 1000)
            return self.last[0]
"""
# Signed by itself, as scripts without a client do it.
_RAW = """
import base64, hashlib, hmac, requests, time, urllib.parse
def signed(endpoint, nonce):
    path, body = f"/0/private/{endpoint}", urllib.parse.urlencode({"nonce": nonce})
    digest = path.encode() + hashlib.sha256((str(nonce) + body).encode()).digest()
    sign = base64.b64encode(hmac.new(base64.b64decode(SECRET), digest, hashlib.sha512).digest()).decode()
    return {"url": URL + path, "data": body, "timeout": 10, "headers": {
        "API-Key": KEY, "API-Sign": sign, "Content-Type": "application/x-www-form-urlencoded"}}
def now(): time.sleep(0.002); return time.time_ns() // 10**6
"""


def _nothing(_exchange: Exchange, _key: Key) -> None:
    """An exchange as it is."""


def _another_program(exchange: Exchange, key: Key) -> None:
    """After the third call somebody else's larger nonce arrives."""

    def intercept(request: Request) -> Response | None:
        if key.accepted == 3:
            key.mark += 60_000
        return None

    exchange.interceptors.append(intercept)


def _answer_is_lost(exchange: Exchange, key: Key) -> None:
    """The third call is executed, and its answer never comes."""

    def intercept(request: Request) -> Response | None:
        if key.accepted == 2:
            exchange._judge(request)
            return Response(b"", reset=True)
        return None

    exchange.interceptors.append(intercept)


def _starter(_exchange: Exchange, key: Key) -> None:
    key.tier = STARTER


BROKEN: dict[str, tuple[str, Arrange, str, str]] = {
    "shared key": (
        _PLAIN + "for _ in range(6):\n    api.query_private('Balance'); time.sleep(0.002)\n",
        _another_program,
        "nonce-shared-key (likely)",
        "although no earlier observed call of the key had a larger nonce",
    ),
    "equal nonces": (
        _API.format(nonce="_nonce = lambda self: int(time.time())")
        + "[api.query_private('Balance') for _ in range(4)]\n",
        _nothing,
        "nonce-generator-broken (certain): Two calls get the same nonce.",
        "with the same nonce",
    ),
    "threads": (
        _API.format(nonce=_RISING) + "together(lambda: api.query_private('Balance'))\n",
        _nothing,
        "nonce-reordered (certain)",
        "which arrived first",
    ),
    "falling clock": (
        "back = []\n" + _API.format(nonce="_nonce = lambda self: time.time_ns() // 10**6 - sum(back)")
        + "for n in range(6):\n    api.query_private('Balance'); time.sleep(0.002)\n"
        + "    back += [3600_000] * (n == 2)\n",
        _nothing,
        "nonce-generator-broken (certain): Nonces decreased: they come from a time that is 3600 s ago.",
        "which arrived first",
    ),
    "replayed retry": (
        _RAW + "for _ in range(4):\n    call = signed('AddOrder', now())\n    try:\n        requests.post(**call)\n"
        "    except requests.ConnectionError:\n        requests.post(**call)\n",
        _answer_is_lost,
        "nonce-generator-broken (certain): A call without an answer is sent again with the same nonce.",
        "the first had no answer: ConnectionError",
    ),
    "rate limit": (
        _PLAIN + "for _ in range(8):\n    api.query_private('Balance'); time.sleep(0.002)\n"
        "    api.query_private('Ledgers'); time.sleep(0.002)\n",
        _starter,
        "rate-limited (certain)",
        "points in the minute before it: Ledgers 1",
    ),
}  # fmt: skip
"""Name: the bot, the exchange, the cause with its confidence, and words of its proof."""

_SLOWLY = "for _ in range(5):\n    {call}; time.sleep(0.002)\n"
HEALTHY: dict[str, tuple[str, Arrange]] = {
    "krakenex": (_PLAIN + _SLOWLY.format(call="api.query_private('Balance')"), _nothing),
    "microseconds": (
        _API.format(nonce="_nonce = lambda self: time.time_ns() // 1000")
        + _SLOWLY.format(call="api.query_private('Balance')"),
        _nothing,
    ),
    "a counter": (
        "import itertools\ncount = itertools.count(1)\n" + _API.format(nonce="_nonce = lambda self: next(count)")
        + _SLOWLY.format(call="api.query_private('Balance')"),
        _nothing,
    ),
    "ccxt": (
        "import ccxt, time\napi = ccxt.kraken({'apiKey': KEY, 'secret': SECRET})\n"
        "api.urls['api'] = {'public': URL, 'private': URL}\n" + _SLOWLY.format(call="api.private_post_balance()"),
        _nothing,
    ),
    "ccxt async": (
        "import asyncio, ccxt.async_support as ccxt\nasync def main():\n"
        "    api = ccxt.kraken({'apiKey': KEY, 'secret': SECRET})\n"
        "    api.urls['api'] = {'public': URL, 'private': URL}\n"
        "    for _ in range(5):\n        await api.private_post_balance()\n"
        "    await api.close()\nasyncio.run(main())\n",
        _nothing,
    ),
    "python-kraken-sdk": (
        "import time\nfrom kraken.spot import User\napi = User(key=KEY, secret=SECRET, url=URL)\n"
        + _SLOWLY.format(call="api.get_account_balance()"),
        _nothing,
    ),
    "eight threads with a lock": (
        _PLAIN + "lock = threading.Lock()\ndef call():\n    with lock:\n        time.sleep(0.002)\n"
        "        return api.query_private('Balance')\ntogether(call, calls=3)\n",
        _nothing,
    ),
    "eight threads with install": (
        _PLAIN + "from kraken_doctor import install, open_store\ninstall(api, store=open_store('memory://'))\n"
        "together(lambda: api.query_private('Balance'), calls=3)\n",
        _nothing,
    ),
    "a lost answer, and a fresh nonce": (
        _RAW + "for _ in range(4):\n    try:\n        requests.post(**signed('Balance', now()))\n"
        "    except requests.ConnectionError:\n        requests.post(**signed('Balance', now()))\n",
        _answer_is_lost,
    ),
    "errors of another kind": (
        _PLAIN + "for name in ('AddOrder', 'CancelOrder', 'Nonesuch', 'Balance'):\n"
        "    api.query_private(name); time.sleep(0.002)\n",
        _nothing,
    ),
}  # fmt: skip
