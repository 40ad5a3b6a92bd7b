"""Bots as they are: nothing of kraken-doctor in them. Each calls Balance, and says what was refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key

_HEAD = """
import os, sys, threading
KEY, SECRET, URL = (os.environ[name] for name in ("BOT_ID", "BOT_SIGNS_WITH", "BOT_URL"))
refused = []
def together(call, threads=8, calls=15):
    def work():
        for _ in range(calls):
            try:
                refused.append("Invalid nonce" in str(call()))
            except Exception as exc:
                refused.append("nonce" in str(exc).lower())
    workers = [threading.Thread(target=work) for _ in range(threads)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
"""
KRAKENEX = """
import krakenex
api = krakenex.API(KEY, SECRET)
api.uri = URL
together(lambda: api.query_private("Balance"))
"""
# A class of its own, made before its key is known, with the generator of the seed document put on it afterwards.
SUBCLASS = """
import itertools, time, krakenex
class Mine(krakenex.API):
    def __init__(self):
        super().__init__()
        self.uri = URL
api = Mine()
api.key, api.secret = KEY, SECRET
counter = itertools.count(time.time_ns() // 1000)
api._nonce = lambda: next(counter)
together(lambda: api.query_private("Balance"))
"""
CCXT = """
import ccxt
api = ccxt.kraken({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
api.urls["api"] = {"public": URL, "private": URL}
together(api.private_post_balance)
"""
CCXT_ASYNC = """
import asyncio, ccxt.{module} as ccxt
async def main():
    api = ccxt.kraken({{"apiKey": KEY, "secret": SECRET, "enableRateLimit": False}})
    api.urls["api"] = {{"public": URL, "private": URL}}
    async def work():
        for _ in range(15):
            try:
                await api.private_post_balance()
                refused.append(False)
            except ccxt.BaseError as exc:
                refused.append("nonce" in str(exc).lower())
    await asyncio.gather(*(work() for _ in range(8)))
    await api.close()
asyncio.run(main())
"""
SDK = """
from kraken.spot import User
api = User(key=KEY, secret=SECRET, url=URL)
together(api.get_account_balance)
"""
SDK_ASYNC = """
import asyncio
from kraken.spot import SpotAsyncClient
async def main():
    api = SpotAsyncClient(KEY, SECRET, url=URL)
    async def work():
        for _ in range(15):
            try:
                await api.request("POST", "/0/private/Balance")
                refused.append(False)
            except Exception as exc:
                refused.append("nonce" in str(exc).lower())
    await asyncio.gather(*(work() for _ in range(8)))
    await api.close()
asyncio.run(main())
"""
CHILDREN = """
import multiprocessing, krakenex
def child(results):
    api = krakenex.API(KEY, SECRET)
    api.uri = URL
    together(lambda: api.query_private("Balance"), threads=3)
    results.put(refused)
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    results = context.Queue()
    processes = [context.Process(target=child, args=(results,)) for _ in range(3)]
    [process.start() for process in processes]
    for _ in processes:
        refused += results.get()
    [process.join() for process in processes]
"""
BOTS = {
    "krakenex": KRAKENEX,
    "subclass": SUBCLASS,
    "ccxt": CCXT,
    "ccxt async": CCXT_ASYNC.format(module="async_support"),
    "ccxt pro": CCXT_ASYNC.format(module="pro"),
    "sdk": SDK,
    "sdk async": SDK_ASYNC,
    "fork": CHILDREN.format(method="fork"),
    "spawn": CHILDREN.format(method="spawn"),
}


def write(body: str, path: Path = Path("bot.py")) -> Path:
    """Make a program of *body*."""
    path.write_text(
        _HEAD + body + ('if __name__ == "__main__":\n    print("refused", sum(refused), "of", len(refused))\n')
    )
    return path


def environ(server: SandboxServer, key: Key) -> dict[str, str]:
    """What the bots need; their variables are not named like anything that a sandbox would replace."""
    return os.environ | {"BOT_ID": key.api_key, "BOT_SIGNS_WITH": key.secret, "BOT_URL": server.url}


def run(environ: dict[str, str], *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """``kraken-doctor run``, to its end."""
    command = [sys.executable, "-m", "kraken_doctor", "run", *options, "--", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)
