"""The registry of client libraries: a new one is one file, and everything that knows clients knows it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kraken_doctor import install, open_store
from kraken_doctor.client import adapters
from kraken_doctor.inject.launch import with_hook
from kraken_doctor.inject.target import examine, keeps_one_in_flight
from kraken_doctor.model.call import CallRecord
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.client.kinds import KINDS, NOBODY, SECRET, Kind, named


@pytest.fixture
def foo(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Any]]:
    """The library foo, whose adapter lies among the others."""
    folder = Path(__file__).parent / "newclient"
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(folder)])
    adapters.adapters.cache_clear()
    adapters.adapters()
    yield sys.modules["kraken_doctor.client.adapters.foo"].Foo
    del sys.modules["kraken_doctor.client.adapters.foo"]
    adapters.adapters.cache_clear()


def test_one_adapter_a_library() -> None:
    """Found by the registry, in the order of their modules."""
    assert [adapter.name for adapter in adapters.adapters()] == ["ccxt", "python-kraken-sdk", "krakenex.API"]


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_every_client_has_exactly_one(kind: Kind) -> None:
    """By its hooks: no object is claimed by two."""

    async def claim() -> None:
        client = kind.make(NOBODY, SECRET, "http://127.0.0.1:9")
        claimed = [adapter for adapter in adapters.adapters() if adapter.matches(client)]
        assert claimed == [adapters.find_adapter(client)]
        assert claimed[0].unsupported(client) == ""
        await kind.close(client)

    asyncio.run(claim())


def test_a_new_library_is_installed(foo: type[Any], server: SandboxServer, key: Key) -> None:
    """With one file: calls of five threads are serialized, none is refused, each is recorded."""
    client, records = foo(key.api_key, key.secret, server.url), list[CallRecord]()
    assert install(client, store=open_store("memory://"), metrics=False, observers=(records.append,))
    workers = [threading.Thread(target=lambda: [client.post("Balance") for _ in range(10)]) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (key.accepted, key.refused) == (50, 0)
    assert {(record.endpoint, record.unit, record.outcome) for record in records} == {("Balance", "ms", "ok")}


def test_a_new_library_is_a_target(foo: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file is all that ``nonce --target`` needs."""
    module = ModuleType("held")
    module.bot = foo("", "", "http://127.0.0.1:9")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "held", module)
    facts = examine("held:bot")
    assert (facts["kind"], facts["unit"], facts["in_order"]) == ("foo", "ms", False)
    assert not facts["tests"]["tick"][0], "it repeats within a millisecond"
    installed = foo("", "", "http://127.0.0.1:9")
    install(installed, store=open_store("memory://"))
    assert keeps_one_in_flight(installed) is True


def test_a_new_library_is_known_to_the_hook(foo: type[Any]) -> None:
    """The same file is all that ``run`` and ``sandbox`` need: the hook looks out for its module, finds its class."""
    assert "foolib" in with_hook({}, "run", {})["KRAKEN_DOCTOR_HOOK_CLIENTS"].split(",")
    module = ModuleType("foolib")
    module.Foo = foo  # type: ignore[attr-defined]
    [(cls, adapter)] = adapters.classes_in(module)
    assert (cls, adapter.library, adapter.url) == (foo, "foo", "base")
    assert callable(vars(adapter.first_call(foo("", "", "")))["post"])
