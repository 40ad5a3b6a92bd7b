"""Several hosts, for real: network namespaces, one Redis, one exchange, a process on each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.nonce.hosts import Hosts
from tests.redisserver import RedisServer, needs_redis

pytestmark = pytest.mark.slow

CALLS = 150

BOT = """
import sys
from kraken_doctor import KrakenClient, RetryPolicy, open_store
url, key, secret, store, calls = sys.argv[1:]
client = KrakenClient(key, secret, url=url, store=open_store(store), retry=RetryPolicy.none())
refused = sum(bool(client.query_private("Balance")["error"]) for _ in range(int(calls)))
print(refused)
"""


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need root and iproute2")
    try:
        made = Hosts(3)
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"network namespaces can't be made here: {exc}")
    with made:
        yield made


@pytest.mark.redis
@needs_redis
def test_three_hosts_take_turns(hosts: Hosts, key: Key, tmp_path: Path) -> None:
    """One key, window 0, a process on each of three hosts: none refused, and each has had its calls."""
    options = ("--bind", "127.0.0.1", hosts.gateway, "--protected-mode", "no")
    with SandboxServer(Exchange([key])) as exchange, RedisServer(tmp_path, options=options) as redis:
        store = f"redis://{hosts.gateway}:{redis.port}/0"
        with hosts.exchange_at(exchange.url) as url:
            running = [
                hosts.start(number, [sys.executable, "-c", BOT, url, key.api_key, key.secret, store, str(CALLS)])
                for number in range(3)
            ]
            said = [process.communicate(timeout=100) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert [int(stdout) for stdout, _ in said] == [0, 0, 0]
    assert (key.accepted, key.refused) == (3 * CALLS, 0)


def test_the_hosts_are_apart(hosts: Hosts, tmp_path: Path) -> None:
    """What the test above rests on: one host's loopback is not another's."""
    with SandboxServer(Exchange()) as exchange:
        code = f"import urllib.request; urllib.request.urlopen('{exchange.url}/0/public/Time', timeout=2)"
        process = hosts.start(0, [sys.executable, "-c", code])
        _, stderr = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "refused" in stderr
