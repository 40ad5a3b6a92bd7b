"""
Refused calls, throughput and cost of nonces, side by side with the other clients, each on its own key, window 0.

    python -m benchmarks.nonce [--calls 4000] [--quick]

Hosts are network namespaces, and need root; without it that column is left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import costs
from kraken_doctor.sandbox.keys import demo_credentials
from tests.nonce.hosts import Hosts
from tests.redisserver import RedisServer

KEYS = 400
THREADS, PROCESSES, HOSTS = (1, 5, 16), (2, 4), 3
CLIENTS = {
    "krakenex 2.2.2": ("krakenex", ""),
    "krakenex + the seed's generator": ("seed", ""),
    "ccxt": ("ccxt", ""),
    "python-kraken-sdk": ("sdk", ""),
    "kraken-doctor, memory": ("ours", "memory"),
    "kraken-doctor, SQLite": ("ours", "sqlite"),
    "kraken-doctor, Redis": ("ours", "redis"),
}
PAIRS, PAIR_CALLS = 9, 1_000
DISTANT_S, DISTANT_CALLS = 0.02, 100
"""As far as an exchange is at the least: what a turn costs in earnest."""
_EXCHANGE = f"""
import dataclasses, sys
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
keys = []
for number in range({KEYS}):
    api_key, secret = demo_credentials(f"benchmark {{number}}")
    keys.append(Key(name=str(number), api_key=api_key, secret=secret, balances={{"ZUSD": "1.0000"}}))
class Distant(Exchange):
    def handle(self, request):
        return dataclasses.replace(super().handle(request), delay_s=float(sys.argv[1]))
with SandboxServer(Distant(keys)) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


class Field:
    """One exchange, one Redis, and keys that nobody has used yet."""

    def __init__(self, url: str, redis: RedisServer, gateway: str, folder: Path) -> None:
        self.url, self.redis, self.gateway, self.folder = url, redis, gateway, folder
        self._numbers = itertools.count()

    def keys(self) -> Iterator[tuple[str, str]]:
        """Keys that nobody has used yet."""
        return (demo_credentials(f"benchmark {number}") for number in self._numbers)

    def run(
        self, kind: str, store: str, *, threads: int, processes: int, calls: int, hosts: Hosts | None = None
    ) -> tuple[int, float]:
        """Refused calls, and calls a second, of so many bots on one fresh key."""
        key, secret = next(self.keys())
        urls = {"sqlite": f"sqlite:///{self.folder / 'nonce.db'}", "redis": self.redis.url, "memory": "memory://"}
        store_url = urls.get(store, "none")
        if hosts is not None:
            store_url = store_url.replace("127.0.0.1", self.gateway)
        share = calls // processes
        command = [
            sys.executable,
            "-m",
            "benchmarks.bots",
            kind,
            self.url,
            key,
            secret,
            store_url,
            str(threads),
            str(share),
        ]
        bots = [start(command, hosts, number) for number in range(processes)]
        for bot in bots:
            assert bot.stdout is not None
            assert bot.stdout.readline() == "ready\n"
        for bot in bots:
            assert bot.stdin is not None
            bot.stdin.write("go\n")
            bot.stdin.flush()
        results = [json.loads(bot.communicate()[0]) for bot in bots]
        return sum(result["refused"] for result in results), calls / max(result["seconds"] for result in results)


def start(command: list[str], hosts: Hosts | None, number: int) -> subprocess.Popen[str]:
    prefix = hosts.prefix(number) if hosts else []
    return subprocess.Popen([*prefix, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def field(hosts: Hosts | None, delay_s: float = 0.0) -> Iterator[Field]:
    """An exchange whose answers take *delay_s* more, and a Redis."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        command = [sys.executable, "-c", _EXCHANGE, str(delay_s)]
        exchange = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        assert exchange.stdout is not None
        assert exchange.stdin is not None
        stack.callback(exchange.stdin.close)
        url = exchange.stdout.readline().strip()
        options = ("--bind", "127.0.0.1", hosts.gateway, "--protected-mode", "no") if hosts else ()
        redis = stack.enter_context(RedisServer(folder, options=options))
        if hosts is not None:
            stack.enter_context(hosts.exchange_at(url))
        yield Field(url, redis, hosts.gateway if hosts else "", folder)


def refusals(ground: Field, hosts: Hosts | None, calls: int) -> None:
    """The table of refused calls."""
    columns = [f"{n} thread{'s' if n > 1 else ''}" for n in THREADS] + [f"{n} processes" for n in PROCESSES]
    columns += [f"{HOSTS} hosts"] if hosts else []
    print(f"\n## Refused of {calls} calls, one key, window 0\n")
    print("| client | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for name, (kind, store) in CLIENTS.items():
        cells = [ground.run(kind, store, threads=n, processes=1, calls=calls)[0] for n in THREADS]
        if store != "memory":
            cells += [ground.run(kind, store, threads=1, processes=n, calls=calls)[0] for n in PROCESSES]
        if hosts and store not in ("memory", "sqlite"):
            even = calls - calls % HOSTS
            cells.append(ground.run(kind, store, threads=1, processes=HOSTS, calls=even, hosts=hosts)[0])
        shown = [str(cell) for cell in cells] + ["n/a"] * (len(columns) - len(cells))
        print(f"| {name} | " + " | ".join(shown) + " |", flush=True)


def throughput(ground: Field, calls: int, where: str, pairs_made: int) -> None:
    """Ours with five threads against bare krakenex with one, in pairs."""
    print(f"\n## Calls a second at 5 threads against bare krakenex at 1, {where} (median of {pairs_made} pairs)\n")
    print("| client | calls/s | krakenex, 1 thread | ratio |\n|---|---|---|---|")
    for name, (kind, store) in CLIENTS.items():
        if kind not in ("ours", "seed"):
            continue
        pairs = []
        for _ in range(pairs_made):
            _, mine = ground.run(kind, store, threads=5, processes=1, calls=calls)
            _, bare = ground.run("krakenex", "", threads=1, processes=1, calls=calls)
            pairs.append((mine, bare))
        mine, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"| {name} | {mine:.0f} | {bare:.0f} | {ratio:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    chosen = parser.parse_args()
    share = 10 if chosen.quick else 1
    calls, pairs_made = chosen.calls // share, 2 if chosen.quick else PAIRS
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    with ExitStack() as stack:
        hosts = stack.enter_context(Hosts(HOSTS)) if os.geteuid() == 0 else None
        ground = stack.enter_context(field(hosts))
        part: Callable[[], None]
        for part in (
            lambda: refusals(ground, hosts, calls),
            lambda: throughput(ground, PAIR_CALLS // share, "the exchange on loopback", pairs_made),
            lambda: throughput(stack.enter_context(field(None, DISTANT_S)), DISTANT_CALLS, "20 ms away", pairs_made),
            lambda: costs.added(ground.url, ground.redis.url, ground.keys(), 2_000 // share),
            lambda: costs.table(ground.redis.url, costs.MILLION // share),
        ):
            part()


if __name__ == "__main__":
    main()
