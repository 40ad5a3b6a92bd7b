"""
One bot in a process of its own: says "ready", waits for a line, makes its calls, says how it went.

    python -m benchmarks.bots KIND URL KEY SECRET STORE THREADS CALLS
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

Call = Callable[[], bool]
"""Makes a private call; whether it was refused."""


def krakenex_bot(url: str, key: str, secret: str, store: str) -> Call:
    """krakenex as it is."""
    import krakenex

    api = krakenex.API(key, secret)
    api.uri = url
    return lambda: bool(api.query_private("Balance")["error"])


def seed_bot(url: str, key: str, secret: str, store: str) -> Call:
    """krakenex with the microsecond, locked, strictly increasing generator that this project began with."""
    import krakenex

    lock, last = threading.Lock(), [int(time.time() * 1_000_000)]

    def nonce() -> str:
        with lock:
            last[0] = max(int(time.time() * 1_000_000), last[0] + 1)
            return str(last[0])

    api = krakenex.API(key, secret)
    api.uri = url
    api._nonce = nonce  # noqa: SLF001
    return lambda: bool(api.query_private("Balance")["error"])


def ccxt_bot(url: str, key: str, secret: str, store: str) -> Call:
    """ccxt.kraken as it is, without its rate limiter."""
    import ccxt

    # Trusts what REQUESTS_CA_BUNDLE names, like the other bots.
    options = {"apiKey": key, "secret": secret, "enableRateLimit": False, "requests_trust_env": True}
    exchange = ccxt.kraken(options)
    exchange.urls["api"]["private"] = url
    return lambda: refused_by(exchange.private_post_balance, ccxt.InvalidNonce)


def sdk_bot(url: str, key: str, secret: str, store: str) -> Call:
    """python-kraken-sdk as it is."""
    from kraken.exceptions import KrakenInvalidNonceError
    from kraken.spot import User

    user = User(key=key, secret=secret, url=url)
    return lambda: refused_by(user.get_account_balance, KrakenInvalidNonceError)


def our_bot(url: str, key: str, secret: str, store: str) -> Call:
    """KrakenClient, without retries: a refusal must be seen."""
    from kraken_doctor import KrakenClient, RetryPolicy, open_store

    client = KrakenClient(key, secret, url=url, store=open_store(store), retry=RetryPolicy.none(), metrics=False)
    return lambda: bool(client.query_private("Balance")["error"])


def refused_by(call: Callable[[], Any], kind: type[Exception]) -> bool:
    try:
        call()
    except kind:
        return True
    return False


BOTS = {"krakenex": krakenex_bot, "seed": seed_bot, "ccxt": ccxt_bot, "sdk": sdk_bot, "ours": our_bot}


def main(kind: str, url: str, key: str, secret: str, store: str, threads: str, calls: str) -> None:
    call = BOTS[kind](url, key, secret, store)
    refused = [0] * int(threads)

    def work(number: int) -> None:
        for _ in range(int(calls) // int(threads)):
            refused[number] += call()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(int(threads))]
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps({"seconds": time.perf_counter() - began, "refused": sum(refused)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
