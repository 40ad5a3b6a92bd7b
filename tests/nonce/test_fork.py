"""A forked child is a process of its own: it waits for its parent's turn, and gets one when that is given back."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import ccxt
import krakenex
import pytest
import requests
from kraken.spot import SpotClient
from urllib3.connection import HTTPConnection

from kraken_doctor import KrakenClient, install
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.nonce.stores.sqlite import SQLiteStore
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.client.kinds import BLOCKING, Kind, named
from tests.nonce.test_sqlite_store import in_fork
from tests.redisserver import RedisServer, needs_redis

pytestmark = pytest.mark.slow

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


@pytest.mark.posix("fork")
def test_sqlite(tmp_path: Path) -> None:
    """It does not believe in the turn that it inherited, nor wait for one that nobody will give back to it."""
    assert turns(f"sqlite:///{tmp_path / 'nonce.db'}") == ["parent 1", "child 2"]


@pytest.mark.redis
@needs_redis
def test_redis(tmp_path: Path) -> None:
    """The same; and two processes on one connection would read each other's answers."""
    with RedisServer(tmp_path) as redis:
        assert turns(redis.url) == ["parent 1", "child 2"]


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=[pytest.mark.redis, needs_redis])])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NonceStore]:
    """One of each kind."""
    with ExitStack() as stack:
        if request.param == "redis":
            url = stack.enter_context(RedisServer(tmp_path)).url
        else:
            url = f"sqlite:///{tmp_path}/nonce.db" if request.param == "sqlite" else "memory://"
        yield stack.enter_context(closing(open_store(url)))


def test_a_descendant_with_the_number_of_an_ancestor(store: NonceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is given again when its process is gone: who has it is not who had it."""
    monkeypatch.setattr(os, "getpid", lambda: 4711)

    def take() -> int:
        with store.turn("key", 0.1):
            return store.advance("key", 0)

    def state() -> object:
        return store._shared() if isinstance(store, SQLiteStore) else store._process.get()  # type: ignore[attr-defined]

    assert store.advance("key", 10) == 10
    if isinstance(store, MemoryStore):
        assert in_fork(take) == "NonceStoreError"
        assert store.advance("key", 0) == 11
        return
    parents = state()
    with store.turn("key", 5):
        assert in_fork(take) == "TurnTimeoutError"
        assert in_fork(lambda: state() is parents) == "False"
    assert in_fork(take) == "11"
    assert store.advance("key", 0) == 12


@pytest.mark.parametrize("kind", ["own", "krakenex", "ccxt", "sdk"])
def test_a_child_does_not_use_its_parents_connection(
    server: SandboxServer, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Two processes on one connection would read each other's answers: of TLS, not even that."""
    store = open_store(f"sqlite:///{tmp_path}/nonce.db")
    if kind == "own":
        client = KrakenClient(key.api_key, key.secret, url=server.url, store=store)
    elif kind == "krakenex":
        client = krakenex.API(key.api_key, key.secret)
        client.uri = server.url
    elif kind == "ccxt":
        client = ccxt.kraken({"apiKey": key.api_key, "secret": key.secret})
        client.urls["api"] = {"private": server.url, "public": server.url}
    else:
        client = SpotClient(key=key.api_key, secret=key.secret, url=server.url)
    if kind != "own":
        assert install(client, store=store)
    calls: dict[str, Callable[[], Any]] = {
        "own": lambda: client.call("Balance"),
        "krakenex": lambda: client.query_private("Balance"),
        "ccxt": lambda: client.privatePostBalance({}),
        "sdk": lambda: client.request("POST", "/0/private/Balance"),
    }
    call = calls[kind]
    sockets: list[tuple[str, int]] = []
    opened = HTTPConnection.connect

    def connect(self: HTTPConnection) -> None:
        opened(self)
        sockets.append(self.sock.getsockname())

    monkeypatch.setattr(HTTPConnection, "connect", connect)
    call()
    assert len(sockets) == 1
    assert in_fork(lambda: call() and len(sockets)) == "2"
    call()
    assert len(sockets) == 1, "the parent keeps its own"
    store.close()


def _with_another_session(client: Any) -> Any:
    setattr(client, next(name for name in vars(client) if name.endswith("session")), requests.Session())
    return client


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client)), _with_another_session]
)
@pytest.mark.parametrize("kind", [kind for kind in BLOCKING if kind.name != "pykrakenapi"], ids=named)
def test_nor_one_of_a_session_that_came_later(
    server: SandboxServer, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, way: Any
) -> None:
    """A copy has one of its own, the SDK a new one every five minutes, and a caller may exchange it."""
    store = open_store(f"sqlite:///{tmp_path}/nonce.db")
    client = way(kind.installed(key.api_key, key.secret, server.url, store=store))
    opened = HTTPConnection.connect
    sockets: list[object] = []

    def connect(self: HTTPConnection) -> None:
        opened(self)
        sockets.append(self.sock)

    monkeypatch.setattr(HTTPConnection, "connect", connect)
    kind.call(client)
    assert in_fork(lambda: kind.call(client) and len(sockets)) == "2"
    kind.call(client)
    assert len(sockets) == 1, "the parent keeps its own"
    store.close()
