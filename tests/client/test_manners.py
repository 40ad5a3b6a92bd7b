"""How `install` behaves towards what it is given: the real clients of all makers, against the embedded exchange."""

from __future__ import annotations

import asyncio
import copy
import functools
import logging
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support
import kraken.futures
import krakenex
import pytest
import requests
from kraken.spot import SpotWSClient

from kraken_doctor import KrakenClient, NonceHookError, NonceUnit, RetryPolicy, install, key_id, open_store
from kraken_doctor.errors import NonceError, NonceStoreError, TurnHeldError, TurnLostError, TurnTimeoutError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from tests.client.kinds import (
    ASYNC,
    BLOCKING,
    CCXT,
    CCXT_ASYNC,
    CCXT_PRO,
    CLIENT,
    FOREIGN,
    KINDS,
    KRAKENEX,
    NOBODY,
    OWN,
    SDK,
    SDK_ASYNC,
    SECRET,
    Kind,
    named,
)  # fmt: skip
from tests.redisserver import RedisServer, needs_redis

every_kind = pytest.mark.parametrize("kind", KINDS, ids=named)


def ask(kind: Kind, client: Any) -> Any:
    """One call, in a loop of its own."""

    async def inside() -> Any:
        try:
            return await kind.ask(client)
        finally:
            await kind.close(client)

    return asyncio.run(inside())


# --- the unit


@pytest.mark.parametrize("kind", FOREIGN, ids=named)
@pytest.mark.parametrize("finer", [False, True])
def test_a_bot_of_another_maker_keeps_its_unit(
    kind: Kind, finer: bool, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has called before: in another unit each call would be refused, or it could never go back."""
    monkeypatch.setenv("KRAKEN_NONCE_UNIT", "s")

    async def inside() -> None:
        client = kind.make(key.api_key, key.secret, server.url)
        if finer:  # a nonce function of the program's own, as ccxt's users are told to write it
            if kind.unit is NonceUnit.MS:
                client.nonce = time.time_ns
            else:
                client.get_nonce = lambda: str(time.time_ns())
        await kind.ask(client)
        before = key.mark
        assert install(client, store=open_store("memory://"))
        for _ in range(3):
            await kind.ask(client)
        assert before < key.mark < before * 2
        await kind.close(client)

    asyncio.run(inside())
    assert (key.accepted, key.refused) == (4, 0)


@pytest.mark.parametrize("kind", FOREIGN, ids=named)
def test_a_unit_that_is_named_is_used(kind: Kind, server: SandboxServer, key: Key) -> None:
    """By whoever knows better."""

    async def inside() -> None:
        client = kind.installed(key.api_key, key.secret, server.url, unit=NonceUnit.NS)
        await kind.ask(client)
        await kind.close(client)

    asyncio.run(inside())
    assert len(str(key.mark)) == 19


@pytest.mark.parametrize("kind", [CLIENT, KRAKENEX, OWN], ids=named)
@pytest.mark.parametrize(("said", "digits"), [(None, 16), ("", 16), (" ", 16), ("ms", 13), (" NS ", 19)])
def test_the_variable_is_for_krakenex(
    kind: Kind, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, said: str | None, digits: int
) -> None:
    """Empty is unset; without it microseconds."""
    if said is not None:
        monkeypatch.setenv("KRAKEN_NONCE_UNIT", said)
    ask(kind, kind.installed(key.api_key, key.secret, server.url))
    assert len(str(key.mark)) == digits


class OwnNonce(krakenex.API):  # type: ignore[misc]
    """Counts by itself, as many bots do."""

    digits = 16

    def _nonce(self) -> int:
        return int(str(17953920001234567890)[: self.digits])


class Nanoseconds(OwnNonce):
    digits = 19


class Ticks(OwnNonce):
    digits = 18


class Milliseconds(OwnNonce):
    digits = 13


class Useless(OwnNonce):
    def _nonce(self) -> int:
        raise LookupError("not before Monday")


class Property(krakenex.API):  # type: ignore[misc]
    """What can't be assigned to."""

    @property
    def _nonce(self) -> Callable[[], int]:
        return lambda: 5


@pytest.mark.parametrize(
    ("made", "digits"),
    [(OwnNonce, 16), (Nanoseconds, 19), (Ticks, 18), (Milliseconds, 16), (Useless, 16), (Property, 16)],
)
def test_a_subclass_with_its_own_nonces_gets_ours(
    server: SandboxServer, key: Key, made: Any, digits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its own unit where that is finer: its key has accepted that. What is declared goes before."""
    api = KRAKENEX.make(key.api_key, key.secret, server.url)
    api.__class__ = made
    assert install(api, store=open_store("memory://"))
    first = api._nonce()
    assert api.query_private("Balance")["error"] == []
    assert key.mark > first
    assert len(str(key.mark)) == digits
    monkeypatch.setenv("KRAKEN_NONCE_UNIT", "ms")
    other = made(NOBODY, SECRET)
    install(other, store=open_store("memory://"))
    assert len(str(other._nonce())) == 13


def test_a_generator_that_was_put_on_the_object_is_replaced(server: SandboxServer, key: Key) -> None:
    """The way of the seed's document; what somebody put in the place of sending is used."""
    sent: list[str] = []
    api = KRAKENEX.make(key.api_key, key.secret, server.url)
    query = api._query

    def spy(urlpath: str, *arguments: Any, **named: Any) -> Any:
        sent.append(urlpath)
        return query(urlpath, *arguments, **named)

    api._nonce, api._query = (lambda: 5), spy
    for _ in range(2):
        assert install(api, store=open_store("memory://"))
        assert api.query_private("Balance")["error"] == []
        assert copy.copy(api).query_private("Balance")["error"] == []
    assert sent == ["/0/private/Balance"] * 4
    assert len(str(key.mark)) == 16


# --- twice is once


@every_kind
def test_twice_is_once(kind: Kind, server: SandboxServer, key: Key) -> None:
    """One nonce and one record a call; once more changes what it names, and nothing else."""
    records: list[CallRecord] = []

    async def inside() -> None:
        client = kind.installed(key.api_key, key.secret, server.url, observers=(records.append,), unit=NonceUnit.US)
        looks_like = type(client).__name__
        assert install(client)
        assert install(client)
        await kind.ask(client)
        assert (len(records), key.accepted, len(str(key.mark))) == (1, 1, 16)
        assert install(client, unit=NonceUnit.NS)
        await kind.ask(client)
        assert (len(records), key.accepted, len(str(key.mark))) == (2, 2, 19)
        assert type(client).__name__ == looks_like
        assert sum("doctor" in base.__module__ for base in type(client).__mro__) <= 2
        await kind.close(client)

    asyncio.run(inside())


def test_an_own_way_of_sending_stays_so_the_second_time(server: SandboxServer, key: Key) -> None:
    """And there is one layer of ours, not two."""
    sent: list[str] = []

    class Polite(krakenex.API):  # type: ignore[misc]
        def _query(self, urlpath: str, data: Any, headers: Any = None, timeout: Any = None) -> Any:
            sent.append(urlpath)
            return super()._query(urlpath, data, headers, timeout)

    api = Polite(key.api_key, key.secret)
    api.uri = server.url
    for _ in range(3):
        install(api, store=open_store("memory://"))
    assert api.query_private("Balance")["error"] == []
    assert sent == ["/0/private/Balance"]


# --- what is refused


class Frozen(krakenex.API):  # type: ignore[misc]
    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__class__":
            raise TypeError("it is frozen")
        super().__setattr__(name, value)


class Stubborn(krakenex.API):  # type: ignore[misc]
    """Gives its own method, whatever is before it."""

    def __getattribute__(self, name: str) -> Any:
        return (lambda: 5) if name == "_nonce" else super().__getattribute__(name)


class Renamed:
    """An SDK whose inside has changed."""

    def __init__(self) -> None:
        self._key = ""

    def request(self) -> None: ...

    def get_nonce(self) -> None: ...


SpotClient = type("SpotClient", (Renamed,), {})


def _dry_run(*_arguments: Any, **_named: Any) -> Any:
    return {"error": [], "result": "nothing was sent"}


class Dry(krakenex.API):  # type: ignore[misc]
    """Keeps orders from being sent."""

    query_private = _dry_run


class Careful(KrakenClient):
    def query_private(self, method: str, data: Any = None, timeout: float | None = None) -> Any:
        return _dry_run() if method == "AddOrder" else super().query_private(method, data, timeout)


def _dry_object() -> Any:
    api = krakenex.API(NOBODY, SECRET)
    api.query_private = _dry_run
    return api


def _pykrakenapi(api: Any) -> Any:
    return pytest.importorskip("pykrakenapi", exc_type=ImportError).KrakenAPI(api)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (ccxt.binance, "ccxt.binance.binance is not Kraken's spot exchange, which is ccxt.kraken"),
        (ccxt.krakenfutures, "ccxt.krakenfutures.krakenfutures is not Kraken's spot exchange"),
        (ccxt.async_support.krakenfutures, "is not Kraken's spot exchange"),
        (lambda: kraken.futures.User(NOBODY, SECRET), "kraken.futures.user.User is not a spot client"),
        (lambda: kraken.futures.FuturesAsyncClient(NOBODY, SECRET), "FuturesAsyncClient is not a spot client"),
        (lambda: _pykrakenapi(krakenex.API()), "only wraps a krakenex.API: pass that, its .api"),
        (lambda: krakenex.API, "API is a class: pass the object that your bot uses"),
        (SpotClient, "no _SpotClient__check_renew_session"),
        (lambda: Frozen(NOBODY, SECRET), "can't be extended: it is frozen"),
        (lambda: Stubborn(NOBODY, SECRET), "Stubborn._nonce can't be replaced"),
        (lambda: Dry(NOBODY, SECRET), "Dry has a query_private of its own: derive it from KrakenClient, to have both"),
        (_dry_object, "krakenex.api.API has a query_private of its own"),
        (object, "builtins.object is not a client of a supported library (ccxt, python-kraken-sdk, krakenex.API)"),
    ],
)
def test_what_is_refused(make: Callable[[], Any], reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """With its reason, and as it was before."""

    async def inside() -> None:
        client = make()
        kind, state = type(client), dict(getattr(client, "__dict__", {}))
        assert install(client, store=open_store("memory://")) is False
        assert caplog.records[-1].levelname == "ERROR"
        assert caplog.messages[-1].startswith("❌ Failed to override nonce generator: ")
        assert reason in caplog.messages[-1]
        with pytest.raises(NonceHookError, match=r"^the nonce generator can't be installed: ") as caught:
            install(client, store=open_store("memory://"), strict=True)
        assert reason in str(caught.value)
        assert type(client) is kind
        assert dict(getattr(client, "__dict__", {})) == state
        if asyncio.iscoroutinefunction(getattr(client, "close", None)):
            await client.close()

    asyncio.run(inside())


@pytest.mark.parametrize("way", ["subclass", "object", "class", "derived", "afterwards"])
def test_what_stands_in_the_place_of_a_call_stays_in_charge(
    way: str, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run whose method was replaced would place the order."""
    store = open_store("memory://")
    if way == "class":
        monkeypatch.setattr(
            krakenex.API, "query_private", functools.wraps(krakenex.API.query_private)(lambda *_: _dry_run())
        )
    if way == "derived":
        api: Any = Careful(key.api_key, key.secret, url=server.url, store=store)
        assert install(api)
        assert api.query_private("Balance")["error"] == []
    else:
        api = (Dry if way == "subclass" else krakenex.API)(key.api_key, key.secret)
        api.uri = server.url
        if way == "afterwards":
            assert install(api, store=store)
        if way in ("object", "afterwards"):
            api.query_private = _dry_run
        assert not install(api, store=store)
    assert api.query_private("AddOrder")["result"] == "nothing was sent"
    assert [path for path in server.exchange.requests if "AddOrder" in path] == []


def test_a_websocket_client_of_the_sdk_is_a_spot_client(server: SandboxServer, key: Key) -> None:
    """It asks for its token over HTTP."""

    async def inside() -> None:
        client = SpotWSClient(key=key.api_key, secret=key.secret, no_public=True)
        client.URL = server.url
        assert install(client, store=open_store("memory://"))
        await client.request("POST", "/0/private/Balance")
        await client.close()

    asyncio.run(inside())
    assert (key.accepted, len(str(key.mark))) == (1, 18)


# --- copies


def _pickled(client: Any, protocol: int) -> Any:
    return pickle.loads(pickle.dumps(client, protocol))


WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": functools.partial(_pickled, protocol=n) for n in range(6)},
}


# The asynchronous SDK's session can't be copied deeply, with or without us.
COPIED = [(kind, way) for kind in KINDS for way in WAYS if kind is not SDK_ASYNC or way == "copy"]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "way"), COPIED, ids=lambda value: getattr(value, "name", value))
def test_a_copy_with_another_key_uses_it(kind: Kind, way: str) -> None:
    """Its nonces, its turn, its signature; and the first goes on with its own."""
    records: list[CallRecord] = []
    one, two = (Key(name=name, api_key=k, secret=s) for name in ("one", "two") for k, s in (demo_credentials(name),))
    store = open_store("memory://")

    async def inside(url: str) -> None:
        client = kind.installed(one.api_key, one.secret, url, store=store, observers=(records.append,))
        if not kind.is_async:
            await kind.ask(client)
        other = WAYS[way](client)
        assert type(other).__name__ == type(client).__name__
        setattr(other, kind.key, two.api_key)
        setattr(other, {"_key": "_secret"}.get(kind.key, "secret"), two.secret)
        for _ in range(2):
            await kind.ask(other)
            await kind.ask(client)
        assert install(other)
        await kind.ask(other)
        for made in (client, other):
            await kind.close(made)
        assert (one.refused, two.refused, two.accepted) == (0, 0, 3)
        assert store.mark(key_id(one.api_key)) == one.mark
        assert store.mark(key_id(two.api_key)) == two.mark
        assert {record.key_id for record in records} >= {key_id(one.api_key)}

    with SandboxServer(Exchange([one, two])) as server:
        asyncio.run(inside(server.url))


class Selective(krakenex.API):  # type: ignore[misc]
    """Says by itself what is copied, and how."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name in ("key", "secret", "uri", "apiversion")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        self.__dict__.update(state)

    def __copy__(self) -> Any:
        made = type(self)(self.key, self.secret)
        made.uri = self.uri
        return made


class Reduced(krakenex.API):  # type: ignore[misc]
    def __reduce__(self) -> Any:
        return type(self), (self.key, self.secret), {"uri": self.uri}


@pytest.mark.parametrize("made", [Selective, Reduced])
@pytest.mark.parametrize("way", WAYS)
def test_classes_that_say_how_they_are_copied(server: SandboxServer, key: Key, made: Any, way: str) -> None:
    """The copy is in order too: in the same unit, on the same store."""
    store = open_store("memory://")
    api = made(key.api_key, key.secret)
    api.uri = server.url
    install(api, store=store, unit=NonceUnit.NS)
    for client in (WAYS[way](api), WAYS[way](WAYS[way](api)), api):
        assert client.query_private("Balance")["error"] == []
        assert store.mark(key_id(key.api_key)) == key.mark
    assert len(str(key.mark)) == 19


@pytest.mark.slow
@pytest.mark.parametrize("kind", BLOCKING, ids=named)
@pytest.mark.parametrize("way", ["copy", "deepcopy", "pickle 4"])
def test_a_copy_takes_turns_with_the_first(kind: Kind, way: str, server: SandboxServer, key: Key) -> None:
    """The same key in both, from six threads, with window 0."""
    client = kind.installed(key.api_key, key.secret, server.url)
    both = [client, WAYS[way](client)]

    def work(n: int) -> None:
        for _ in range(15):
            asyncio.run(kind.ask(both[n % 2]))

    workers = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (key.accepted, key.refused) == (90, 0)


CHILD = """
import pickle, sys
client = pickle.load(open(sys.argv[1], "rb"))
try:
    print(client.request("POST", "/0/private/Balance") if hasattr(client, "request") and hasattr(client, "_key")
          else client.private_post_balance() if hasattr(client, "apiKey") else client.query_private("Balance"))
except Exception as exc:
    print(type(exc).__mro__, exc)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", [CLIENT, KRAKENEX, CCXT, SDK], ids=named)
@pytest.mark.parametrize("url", ["sqlite:///nonce.db", "memory://"])
def test_a_pickled_client_in_another_process(
    kind: Kind, url: str, server: SandboxServer, key: Key, tmp_path: Path
) -> None:
    """On the same file it goes on where this one is; a mark in memory stays here, and there is no nonce without."""
    client = kind.installed(key.api_key, key.secret, server.url, store=open_store(url), unit=NonceUnit.S)
    for _ in range(3):
        asyncio.run(kind.ask(client))
    before = key.mark
    (tmp_path / "client").write_bytes(pickle.dumps(client))
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "client")], capture_output=True, text=True, check=True
    )
    if url == "memory://":
        assert "NonceStoreError" in ended.stdout
        assert "pickle" in ended.stdout
        assert key.mark == before
    else:
        assert "100.0000" in ended.stdout
        assert key.mark > before
    assert key.refused == 0


@pytest.mark.redis
@needs_redis
def test_a_pickled_client_on_redis(server: SandboxServer, key: Key, tmp_path: Path) -> None:
    """It finds the same marks and turns."""
    with RedisServer(tmp_path) as redis:
        store = open_store(redis.url)
        client = KRAKENEX.installed(key.api_key, key.secret, server.url, store=store)
        for made in (client, pickle.loads(pickle.dumps(client)), copy.deepcopy(client)):
            assert made.query_private("Balance")["error"] == []
            assert store.mark(key_id(key.api_key)) == key.mark
            made._kraken_doctor.options.store.close()
    assert (key.accepted, key.refused) == (3, 0)


def test_the_package_s_client_keeps_what_a_thread_received_to_itself(server: SandboxServer, key: Key) -> None:
    """A copy has received nothing yet."""
    client = CLIENT.installed(key.api_key, key.secret, server.url)
    client.call("Balance")
    for way in WAYS.values():
        other = way(client)
        assert other.response is None
        assert other.call("Balance") == client.call("Balance")


# --- a blocking client and an asynchronous one in one loop


@pytest.mark.slow
@pytest.mark.parametrize("blocking", BLOCKING, ids=named)
@pytest.mark.parametrize("running", ASYNC, ids=named)
@pytest.mark.parametrize("url", ["memory://", "sqlite:///nonce.db"])
def test_a_blocking_call_in_a_loop_does_not_wait_for_the_loop(
    blocking: Kind, running: Kind, url: str, server: SandboxServer, key: Key
) -> None:
    """It could not end while the thread waits: an error at once, and the other call ends as if nothing had been."""
    arrived, go_on = threading.Event(), threading.Event()

    def hold(_request: Any) -> None:
        arrived.set()
        go_on.wait()

    async def inside() -> None:
        store = open_store(url)
        # First, since a library that is not here skips the test, and an open session would fail the next one.
        other = blocking.installed(key.api_key, key.secret, server.url, store=store, turn_timeout=3600)
        client = running.installed(key.api_key, key.secret, server.url, store=store)
        server.exchange.interceptors.append(hold)
        calls = [asyncio.ensure_future(running.ask(client)) for _ in range(2)]
        await asyncio.to_thread(arrived.wait)
        with pytest.raises(TurnTimeoutError, match="in progress in this thread's event loop") as caught:
            blocking.call(other)
        assert isinstance(caught.value, blocking.network_error)
        in_a_thread = asyncio.create_task(asyncio.to_thread(blocking.call, other))
        go_on.set()
        await asyncio.gather(*calls, in_a_thread)
        blocking.call(other)
        await running.close(client)

    asyncio.run(inside())
    assert (key.accepted, key.refused) == (4, 0)


@pytest.mark.parametrize("kind", [OWN, *FOREIGN], ids=named)
@pytest.mark.parametrize("in_a_task", [False, True])
def test_a_call_inside_a_call_fails_at_once(kind: Kind, in_a_task: bool, server: SandboxServer, key: Key) -> None:
    """It would wait for its own end. Once, since it stays so; and the next call is as if nothing had been."""
    seen: list[str] = []

    async def inside() -> None:
        client = kind.make(key.api_key, key.secret, server.url)
        name = {"key": "_query", "apiKey": "fetch", "_key": "request"}[kind.key]
        inner = getattr(client, name)

        def nested(*arguments: Any, **named: Any) -> Any:
            seen.append(name)
            return kind.call(client) if len(seen) == 1 else inner(*arguments, **named)

        async def nested_in_loop(*arguments: Any, **named: Any) -> Any:
            seen.append(name)
            if len(seen) > 1:
                return await inner(*arguments, **named)
            return await (asyncio.create_task(kind.ask(client)) if in_a_task else kind.ask(client))

        setattr(client, name, nested_in_loop if kind.is_async else nested)
        assert install(client, store=open_store("memory://"), retry=RetryPolicy(base_s=0.0))
        with pytest.raises(TurnHeldError) as caught:
            await asyncio.wait_for(kind.ask(client), 30)
        assert isinstance(caught.value, kind.network_error)
        assert len(seen) == 1
        await kind.ask(client)
        await kind.close(client)

    asyncio.run(inside())
    assert (key.accepted, key.refused) == (1, 0)


def test_the_same_while_the_asynchronous_call_waits_for_its_turn(server: SandboxServer, key: Key) -> None:
    """The turn is another's now; when it comes it is the loop's, which has to go on then."""

    async def inside() -> None:
        store = open_store("memory://")
        client = CCXT_ASYNC.installed(key.api_key, key.secret, server.url, store=store)
        api = KRAKENEX.installed(key.api_key, key.secret, server.url, store=store, turn_timeout=3600)
        with store.turn(key_id(key.api_key), 1):
            waiting = asyncio.ensure_future(CCXT_ASYNC.ask(client))
            while not store._turns[key_id(key.api_key)]._waiting:  # type: ignore[attr-defined]
                await asyncio.sleep(0)
            with pytest.raises(TurnTimeoutError, match="event loop"):
                api.query_private("Balance")
        await waiting
        assert api.query_private("Balance")["error"] == []
        await CCXT_ASYNC.close(client)

    asyncio.run(inside())
    assert (key.accepted, key.refused) == (2, 0)


def test_without_order_nobody_waits(server: SandboxServer, key: Key) -> None:
    """Nor with another key."""

    async def inside() -> None:
        other = KRAKENEX.installed(NOBODY, SECRET, server.url)
        careless = KRAKENEX.installed(key.api_key, key.secret, server.url, in_order=False)
        client = CCXT_ASYNC.installed(key.api_key, key.secret, server.url)
        seen = []
        fetch = ccxt.async_support.kraken.fetch

        async def in_the_middle(*arguments: Any, **named: Any) -> Any:
            seen.append((other.query_private("Balance")["error"], careless.query_private("Balance")["error"]))
            return await fetch(client, *arguments, **named)

        client.fetch = in_the_middle
        install(client)
        with pytest.raises(ccxt.InvalidNonce):
            await CCXT_ASYNC.ask(client)  # milliseconds after microseconds
        assert seen == [(["EAPI:Invalid key"], [])]
        await CCXT_ASYNC.close(client)

    asyncio.run(inside())


def test_a_careless_asynchronous_call_keeps_nobody_waiting(server: SandboxServer, key: Key) -> None:
    """It has no turn: the blocking one gets it. What was put on the object need not be a coroutine function."""

    async def inside() -> None:
        store = open_store("memory://")
        client = SDK_ASYNC.make(key.api_key, key.secret, server.url)
        api = KRAKENEX.installed(key.api_key, key.secret, server.url, store=store, unit=NonceUnit.TEN_NS)
        request, seen = client.request, []

        def patched(*arguments: Any, **named: Any) -> Any:
            seen.append(api.query_private("Balance")["error"])
            return request(*arguments, **named)

        client.request = patched
        install(client, store=store, in_order=False)
        assert "ZUSD" in await SDK_ASYNC.ask(client)
        assert seen == [[]]
        await SDK_ASYNC.close(client)

    asyncio.run(inside())
    assert (key.accepted, key.refused) == (2, 0)


# --- errors that a bot knows


class Full(MemoryStore):
    def __init__(self, error: NonceError | None = None) -> None:
        super().__init__()
        self.error = error or NonceStoreError("the disk is full")

    def advance(self, key_id: str, floor: int, is_possible: object = None) -> int:
        raise self.error


@contextmanager
def refusing(kind: Kind, server: SandboxServer, key: Key, trouble: str) -> Iterator[tuple[Any, type[NonceError]]]:
    store = {"store": Full(), "lost": Full(TurnLostError("the lease ran out"))}.get(trouble, MemoryStore())
    client = kind.installed(key.api_key, key.secret, server.url, store=store, turn_timeout=0.01)
    if isinstance(store, Full):
        yield client, type(store.error)
    else:
        # Of another thread: this one would be told at once that it has it.
        held, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            with store.turn(key_id(key.api_key), 1):
                held.set()
                go_on.wait(60)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(60)
        yield client, TurnTimeoutError
        go_on.set()
        holder.join()


@every_kind
@pytest.mark.parametrize("trouble", ["store", "lost", "turn"])
def test_errors_of_turn_and_store_are_also_the_client_s_network_error(
    kind: Kind, trouble: str, server: SandboxServer, key: Key
) -> None:
    """A bot that goes on after the one goes on after the other; and nothing was sent."""

    async def inside() -> None:
        with refusing(kind, server, key, trouble) as (client, ours):
            with pytest.raises(ours) as caught:
                await kind.ask(client)
            await kind.close(client)
        exc = caught.value
        assert isinstance(exc, kind.network_error)
        assert type(exc).__name__ == ours.__name__
        assert isinstance(exc.__cause__, ours)
        assert str(exc) == str(exc.__cause__)
        again = pickle.loads(pickle.dumps(exc))
        assert (type(again), again.args, str(again)) == (type(exc), exc.args, str(exc))

    asyncio.run(inside())
    assert key.accepted + key.refused == 0


@pytest.mark.parametrize("kind", [KRAKENEX, CCXT, SDK], ids=named)
def test_so_are_those_of_a_nonce_alone(kind: Kind, server: SandboxServer, key: Key) -> None:
    """For whoever signs by himself. The end of the numbers does not pass, and is no network's."""
    client = kind.installed(key.api_key, key.secret, server.url, store=Full())
    hook = {"krakenex": "_nonce", "ccxt": "incrementing_nonce", "sdk": "get_nonce"}[kind.name]
    with pytest.raises(kind.network_error, match="the disk is full"):
        getattr(client, hook)()
    store = MemoryStore()
    store.advance(key_id(key.api_key), 2**64 - 1)
    install(client, store=store)
    with pytest.raises(NonceError) as caught:
        kind.call(client)
    assert not isinstance(caught.value, kind.network_error)


def test_typed_calls_raise_them_too(server: SandboxServer, key: Key) -> None:
    """`call` makes a TransportError of what is requests', and not of these."""
    with refusing(CLIENT, server, key, "turn") as (client, _), pytest.raises(TurnTimeoutError) as caught:
        client.call("Balance")
    assert isinstance(caught.value, requests.ConnectionError)


def test_ccxt_tries_again_what_it_is_told_to(server: SandboxServer, key: Key) -> None:
    """With its own option, as after any other network error."""
    failures = [NonceStoreError("busy"), NonceStoreError("busy")]

    class Busy(MemoryStore):
        def advance(self, key_id: str, floor: int, is_possible: object = None) -> int:
            if failures:
                raise failures.pop()
            return super().advance(key_id, floor)

    exchange = CCXT.installed(key.api_key, key.secret, server.url, store=Busy())
    exchange.options["maxRetriesOnFailure"] = 2
    assert exchange.fetch_balance()["USD"]["total"] == 100.0


# --- what a client shows of its last request


@pytest.mark.parametrize("kind", [CCXT, CCXT_ASYNC, CCXT_PRO], ids=named)
def test_ccxt_shows_what_it_sent(kind: Kind, server: SandboxServer, key: Key) -> None:
    """URL, body and headers of the request that was made; of one that was not, still those before."""
    records: list[CallRecord] = []

    async def inside() -> None:
        store = open_store("memory://")
        exchange = kind.installed(
            key.api_key, key.secret, server.url, store=store, observers=(records.append,), turn_timeout=0.01
        )
        exchange.fetchHistoryCacheSize = 5
        await kind.ask(exchange)
        shown = exchange.last_request_url, exchange.last_request_body, exchange.last_request_headers["API-Key"]
        assert shown == (f"{server.url}/0/private/Balance", f"nonce={records[0].nonce}", key.api_key)
        with store.turn(key_id(key.api_key), 1), pytest.raises(ccxt.NetworkError):
            await kind.ask(exchange)
        assert exchange.last_request_url == shown[0]
        assert exchange.last_request_body == shown[1]
        await kind.close(exchange)

    asyncio.run(inside())


def test_what_is_kept_of_a_call_can_be_pickled(server: SandboxServer, key: Key) -> None:
    """An exchange that keeps its requests keeps the signed ones, and no function of ours."""
    exchange = CCXT.installed(key.api_key, key.secret, server.url)
    exchange.fetchHistoryCacheSize = 5
    CCXT.call(exchange)
    again = pickle.loads(pickle.dumps(exchange))
    assert again.last_request_body == exchange.last_request_body


def test_the_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Once an installation, whichever client."""
    with caplog.at_level(logging.DEBUG, logger="kraken_doctor"):
        for kind in (KRAKENEX, CCXT, SDK):
            assert install(kind.make(NOBODY, SECRET, "http://127.0.0.1:1"), store=open_store("memory://"))
        assert install(KrakenClient(NOBODY, SECRET, store=open_store("memory://")))
    assert caplog.messages == ["✅ Custom nonce generator installed"] * 4
