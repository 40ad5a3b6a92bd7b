"""What one nonce costs, against a peer in the same run; and whether a million of them leave something behind."""

from __future__ import annotations

import functools
import random
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import krakenex
import redis

from kraken_doctor import KrakenClient, NonceGenerator, RetryPolicy, open_store

ROUNDS = 15
MILLION = 1_000_000


def microseconds(call: Callable[[], object], calls: int) -> float:
    """One call, over so many of them."""
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls * 1e6


def compare(ours: Callable[[], object], peer: Callable[[], object], calls: int) -> tuple[float, float, float]:
    """Medians of both, and the median of the ratios, round by round."""
    pairs = [(microseconds(ours, calls), microseconds(peer, calls)) for _ in range(ROUNDS)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return mine, other, statistics.median(a / b for a, b in pairs)


def seed_generator() -> Callable[[], str]:
    """The generator that this project began with."""
    lock, last = threading.Lock(), [0]

    def nonce() -> str:
        with lock:
            current = int(time.time() * 1_000_000)
            if current <= last[0]:
                current = last[0] + 1
            last[0] = current
            return str(current)

    return nonce


def table(redis_url: str, many: int) -> None:
    print("\n## Cost of one nonce\n")
    print("| store | ours | peer | ratio | limit |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        memory = NonceGenerator("cost", store=open_store("memory://"))
        mine, other, ratio = compare(memory.next, seed_generator(), 50_000)
        print(f"| memory | {mine:.2f} µs | the seed's generator, {other:.2f} µs | {ratio:.2f} | 1.50 |")
        sqlite = NonceGenerator("cost", store=open_store(f"sqlite:///{Path(folder) / 'nonce.db'}"))
        sqlite.next()
        mine, other, ratio = compare(sqlite.next, memory.next, 2_000)
        print(f"| SQLite | {mine:.1f} µs | memory, {other:.2f} µs | {ratio:.0f} | 40 µs |")
        in_redis = NonceGenerator("cost", store=open_store(redis_url))
        in_redis.next()
        with redis.Redis.from_url(redis_url, decode_responses=True) as client:
            mine, other, ratio = compare(in_redis.next, client.ping, 1_000)
        print(f"| Redis | {mine:.0f} µs | PING, {other:.0f} µs | {ratio:.2f} | 1.50 |")
        print(f"\n## Memory over {many} nonces\n\n| store | peak before | peak after |\n|---|---|---|")
        for name, generator in (("memory", memory), ("SQLite", sqlite)):
            before = peak_mib()
            for _ in range(many):
                generator.next()
            print(f"| {name} | {before:.1f} MiB | {peak_mib():.1f} MiB |", flush=True)


def added(url: str, redis_url: str, keys: Iterator[tuple[str, str]], calls: int) -> None:
    """What a call costs more than one of krakenex with unique nonces: medians, the clients called in turn."""
    print(f"\n## Added to a call of bare krakenex with unique nonces, on loopback (medians of {calls})\n")
    print("| client | a call | added | limit |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, redis.Redis.from_url(redis_url) as client:
        bare = krakenex.API(*next(keys))
        bare.uri, bare._nonce = url, seed_generator()  # noqa: SLF001 - its hook
        stores = {"memory": "memory://", "SQLite": f"sqlite:///{Path(folder) / 'nonce.db'}", "Redis": redis_url}
        apis: dict[str, Any] = {"krakenex": bare}
        for name, store in stores.items():
            apis[name] = KrakenClient(*next(keys), url=url, store=open_store(store), retry=RetryPolicy.none())
        connection = client.connection_pool.get_connection()

        def ping() -> None:
            connection.send_command("PING")
            connection.read_response()

        asked = {name: functools.partial(api.query_private, "Balance") for name, api in apis.items()} | {"PING": ping}
        taken: dict[str, list[float]] = {name: [] for name in asked}
        for number in range(calls + 50):
            for name in random.sample(list(asked), len(asked)):  # who comes after whom makes tens of microseconds
                took = microseconds(asked[name], 1)
                if number >= 50:  # connections, tables and scripts are there
                    taken[name].append(took)
        middle = {name: statistics.median(values) for name, values in taken.items()}
    limits = {"memory": "15 µs", "SQLite": "80 µs", "Redis": f"3 PINGs of {middle['PING']:.0f} µs"}
    for name in apis:
        more = middle[name] - middle["krakenex"]
        pings = f" = {more / middle['PING']:.1f} PINGs" if name == "Redis" else ""
        print(f"| {name} | {middle[name]:.0f} µs | {more:+.0f} µs{pings} | {limits.get(name, '')} |")


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
