"""`kill -9` at random points: no nonce twice, none below an earlier one, nobody blocked for longer than a lease."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kraken_doctor import parallel
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from tests.nonce.killed import LEASE_S
from tests.redisserver import RedisServer, needs_redis

KILLS, PROCESSES = 200, 4
KEYS = 4
"""Side by side on one store: a kill is mostly waited for, and who uses another key must not notice it."""

_BETWEEN_KILLS_S = 0.03
"""Longest pause between two kills: some ten calls, so that they fall into every part of one."""


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=[pytest.mark.redis, needs_redis])])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'nonce.db'}"
        return
    with RedisServer(tmp_path) as server:
        yield server.url


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_hundred_kills(store_url: str, tmp_path: Path) -> None:
    """Four processes on a key, window 0; each that is killed is replaced."""
    names = [f"killed-{number}" for number in range(KEYS)]
    for ended in parallel.start([partial(kill_users_of, name, store_url, tmp_path) for name in names], workers=KEYS):
        ended.result()


def kill_users_of(name: str, store_url: str, folder: Path) -> None:
    """Kill, and look at what was issued on the key *name*."""
    api_key, secret = demo_credentials(name)
    key = Key(name=name, api_key=api_key, secret=secret)
    log = folder / name
    chance = random.Random(name)  # the pauses repeat; where they hit does not
    with SandboxServer(Exchange([key])) as server:
        command = [sys.executable, "-m", "tests.nonce.killed", name, store_url, server.url, str(log)]
        root = Path(__file__).parents[2]

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL)

        running = [start() for _ in range(PROCESSES)]
        wait_for(log, calls=PROCESSES * 5)
        for _ in range(KILLS // KEYS):
            before = issued(log)
            time.sleep(chance.uniform(0, _BETWEEN_KILLS_S))
            victim = running.pop(chance.randrange(PROCESSES))
            victim.kill()
            victim.wait()
            running.append(start())
            # Not before somebody has gone on: else the next kill could hit only processes that wait.
            wait_for(log, calls=before + 1)
        for process in running:
            process.kill()
            process.wait()
    lines = log.read_text().splitlines()
    nonces = [int(line.split()[1]) for line in lines if line.startswith("issued")]
    assert len(nonces) > KILLS // KEYS
    assert len(set(nonces)) == len(nonces), "a nonce was issued twice"
    assert nonces == sorted(nonces), "a nonce was below an earlier one"
    assert not [line for line in lines if line.startswith("failed")]
    refused = [line for line in lines if line.startswith("answer") and "Invalid nonce" in line]
    assert refused == []
    longest_ms = max(int(line.split()[2]) for line in lines if line.startswith("issued"))
    # Others may be served before it: the bound is for the turn to come free, once for each of them.
    assert longest_ms < PROCESSES * (LEASE_S * 1000 + 2_000)


def issued(log: Path) -> int:
    return log.read_bytes().count(b"issued") if log.exists() else 0


def wait_for(log: Path, calls: int) -> None:
    """Until so many nonces were issued in all."""
    while issued(log) < calls:
        time.sleep(0.002)
