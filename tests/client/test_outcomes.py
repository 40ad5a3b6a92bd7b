"""What the audit says of a call that may have been executed: never that it was not sent."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
import requests

from kraken_doctor import open_store
from kraken_doctor.client.metrics import observe
from kraken_doctor.errors import NonceError
from kraken_doctor.model.call import CallRecord, from_line
from kraken_doctor.nonce.history import summarise
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request
from tests.client.kinds import ASYNC, CCXT, CLIENT, KINDS, KRAKENEX, NOBODY, OWN, PYKRAKENAPI, SDK, SECRET, Kind, named
from tests.client.listener import Listener
from tests.conftest import Run


class Boom(BaseException):
    """Neither an Exception nor anybody's own."""


INTERRUPTIONS: list[BaseException] = [KeyboardInterrupt(), SystemExit(), GeneratorExit(), Boom()]


@pytest.mark.parametrize("kind", [CLIENT, KRAKENEX, OWN, PYKRAKENAPI, CCXT, SDK], ids=named)
@pytest.mark.parametrize("interruption", [*INTERRUPTIONS, LookupError()], ids=lambda exc: type(exc).__name__)
def test_an_interruption_behind_the_answer(
    kind: Kind, interruption: BaseException, server: SandboxServer, key: Key
) -> None:
    """The exchange has executed it, and the caller gets something else than the answer."""
    records: list[CallRecord] = []
    client = kind.installed(key.api_key, key.secret, server.url, observers=(records.append,))
    session: requests.Session = client._SpotClient__session if kind is SDK else client.session
    send = session.send

    def interrupted(*arguments: Any, **named: Any) -> Any:
        send(*arguments, **named)
        raise interruption

    session.send = interrupted  # type: ignore[method-assign]
    with pytest.raises(type(interruption)):
        kind.call(client)
    assert key.accepted == 1
    expected = {"unknown"} if not isinstance(interruption, LookupError) else {"unknown", "LookupError"}
    assert {record.outcome for record in records} <= expected
    assert len(records) == 1


@pytest.mark.parametrize("kind", [CLIENT, KRAKENEX], ids=named)
@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), MemoryError()], ids=lambda exc: type(exc).__name__)
def test_an_interruption_while_the_answer_is_read(
    kind: Kind, interruption: BaseException, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn is free again then."""
    records: list[CallRecord] = []
    client = kind.installed(key.api_key, key.secret, server.url, observers=(records.append,))

    def fail(*_arguments: Any, **_named: Any) -> None:
        raise interruption

    with monkeypatch.context() as patch:
        patch.setattr(requests.Response, "json", fail)
        with pytest.raises(type(interruption)):
            kind.call(client)
    kind.call(client)
    assert [record.outcome for record in records] == ["unknown", "ok"]


@pytest.mark.parametrize("kind", ASYNC, ids=named)
@pytest.mark.parametrize("how", ["cancel", "wait_for"])
def test_a_task_that_is_cancelled_while_its_call_is_under_way(
    kind: Kind, how: str, server: SandboxServer, key: Key
) -> None:
    """The request is at the exchange; nobody waits for its answer."""
    records: list[CallRecord] = []
    arrived, go_on = threading.Event(), threading.Event()

    def hold(_request: Request) -> None:
        arrived.set()
        go_on.wait()

    async def inside() -> None:
        client = kind.installed(key.api_key, key.secret, server.url, observers=(records.append,))
        server.exchange.interceptors.append(hold)
        task = asyncio.ensure_future(kind.ask(client))
        await asyncio.to_thread(arrived.wait)
        if how == "cancel":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(task, 0)
        go_on.set()
        await kind.close(client)

    asyncio.run(inside())
    assert [record.outcome for record in records] == ["unknown"]


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_an_accepted_call_is_ok(kind: Kind, server: SandboxServer, key: Key) -> None:
    """As ever."""
    records: list[CallRecord] = []

    async def inside() -> None:
        client = kind.installed(key.api_key, key.secret, server.url, observers=(records.append,))
        await kind.ask(client)
        await kind.close(client)

    asyncio.run(inside())
    assert [record.outcome for record in records] == ["ok"]


def test_what_can_not_have_left_was_not_sent(listener: Listener) -> None:
    """Signing failed: the nonce is spent, and that is all."""
    records: list[CallRecord] = []
    client = KRAKENEX.installed(NOBODY, "a", listener.url, observers=(records.append,))
    with pytest.raises(ValueError, match="base64"):
        client.query_private("Balance")
    assert [record.outcome for record in records] == ["not-sent"]
    assert listener.heard == []


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_nor_did_what_was_withheld(kind: Kind, listener: Listener) -> None:
    """Its nonce was judged, and is spent; by whatever client."""
    records: list[CallRecord] = []

    def withhold(_nonce: int) -> None:
        raise NonceError("withheld")

    async def inside() -> None:
        client = kind.installed(
            NOBODY,
            SECRET,
            listener.url,
            observers=(records.append,),
            check_nonce=withhold,
            store=open_store("memory://"),
        )
        try:
            with pytest.raises(NonceError, match="withheld"):
                await kind.ask(client)
        finally:
            await kind.close(client)

    asyncio.run(inside())
    assert [record.outcome for record in records] == ["not-sent"]
    assert listener.heard == []


def test_who_reads_outcomes_knows_it(doctor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Log, sums, metrics and the command: no refusal, a failure, and a word of ours."""
    store = open_store(f"sqlite:///{tmp_path / 'nonce.db'}")
    record = CallRecord(
        at_ns=1_795_392_000_000_000_000, key_id="k" * 16, unit="ms", nonce=1_795_392_000_000, endpoint="AddOrder",
        outcome="unknown", latency_s=0.1, waited_s=0.0,
    )  # fmt: skip
    assert from_line(record.to_line()) == record
    assert not record.refused
    (summary,) = summarise([record])
    assert (summary.refused, summary.failed) == (0, 1)
    observe(record)
    from prometheus_client import REGISTRY

    labels = {"key_id": record.key_id, "endpoint": "AddOrder", "outcome": "unknown"}
    assert REGISTRY.get_sample_value("kraken_doctor_private_calls_total", labels) == 1
    store.advance(record.key_id, record.nonce)
    store.record(record)
    store.close()
    monkeypatch.setenv("KRAKEN_NONCE_STORE", f"sqlite:///{tmp_path / 'nonce.db'}")
    ended = doctor("audit", "-o", "json", "--outcome", "unknown")
    assert [entry["outcome"] for entry in json.loads(ended.stdout)["records"]] == ["unknown"]
    assert "unknown" in doctor("audit").stdout
