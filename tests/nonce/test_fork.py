"""A forked child is a process of its own: it waits for its parent's turn, and gets one when that is given back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.redisserver import RedisServer, needs_redis

_FORKS_IN_ITS_TURN = """
import os, sys
from kraken_doctor import open_store
store = open_store(sys.argv[1])
with store.turn("k", 5):
    child = os.fork()
    if not child:
        try:
            with store.turn("k", 20):
                print("child", store.advance("k", 1), flush=True)
        finally:
            os._exit(0)
    print("parent", store.advance("k", 1), flush=True)
os.waitpid(child, 0)
"""


def turns(url: str) -> list[str]:
    script = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _FORKS_IN_ITS_TURN, url]
    return subprocess.run(script, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def test_sqlite(tmp_path: Path) -> None:
    """It does not believe in the turn that it inherited, nor wait for one that nobody will give back to it."""
    assert turns(f"sqlite:///{tmp_path / 'nonce.db'}") == ["parent 1", "child 2"]


@pytest.mark.redis
@needs_redis
def test_redis(tmp_path: Path) -> None:
    """The same; and two processes on one connection would read each other's answers."""
    with RedisServer(tmp_path) as redis:
        assert turns(redis.url) == ["parent 1", "child 2"]
