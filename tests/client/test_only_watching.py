"""What only watches (audit, metrics, observers, logging) can't change what a call returns or raises."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kraken_doctor import KrakenClient, RetryPolicy, install, open_store
from kraken_doctor.client import observers
from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import refusal
from tests.client.kinds import CLIENT, KINDS, KRAKENEX, Kind, named

every_kind = pytest.mark.parametrize("kind", KINDS, ids=named)


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise LookupError("even this")


ERRORS: list[Exception] = [
    NonceStoreError("full"), OSError("gone"), ValueError("odd"), MemoryError(), LookupError(), requests.ReadTimeout(),
    RecursionError(), StopIteration(), UnprintableError(),
]  # fmt: skip


class Failing(MemoryStore):
    """Its audit log fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def record(self, record: CallRecord) -> None:
        raise self.error


def answers(kind: Kind, server: SandboxServer, key: Key, **options: Any) -> list[Any]:
    """What one accepted call gives, and how one refused call ends."""

    async def inside() -> list[Any]:
        client = kind.installed(key.api_key, key.secret, server.url, **options)
        seen = [await kind.ask(client)]
        refusals = [refusal("EGeneral:Permission denied")]
        server.exchange.interceptors.append(lambda request: refusals.pop() if refusals else None)
        try:
            seen.append(await kind.ask(client))
        except Exception as exc:  # noqa: BLE001 - each kind has its own
            seen.append((type(exc), str(exc)))
        await kind.close(client)
        return [str(answer) for answer in seen]

    return asyncio.run(inside())


@pytest.fixture
def plain(kind: Kind, server: SandboxServer, key: Key) -> list[Any]:
    """The same without anybody who watches."""
    return answers(kind, server, key, audit=False)


@pytest.mark.slow
@every_kind
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_audit_log_or_an_observer_that_fails(
    kind: Kind, error: Exception, plain: list[Any], server: SandboxServer, key: Key, caplog: pytest.LogCaptureFixture
) -> None:
    """In any way: said once, and the call ends as it would have. One observer's error is not another's."""
    seen: list[CallRecord] = []

    def fail(_record: CallRecord) -> None:
        raise error

    key.mark, accepted = -1, key.accepted
    observers = (fail, seen.append, fail)
    assert answers(kind, server, key, store=Failing(error), observers=observers) == plain
    assert key.accepted == accepted + 1, "executed once"
    assert [record.outcome for record in seen] == ["ok", "EGeneral:Permission denied"]
    warnings = [record for record in caplog.records if record.name.startswith("kraken_doctor")]
    if not isinstance(error, UnprintableError):
        told = sorted(record.getMessage().partition(": ")[0] for record in warnings)
        assert told == ["an observer failed", "an observer failed", "the audit log can't be written"]


class Loud(logging.Handler):
    """Raises at each line, as a handler does that has no `handleError`."""

    def handle(self, record: logging.LogRecord) -> bool:
        raise OSError("the disk of the logs is full")


@pytest.fixture
def loud() -> Iterator[None]:
    handler, log = Loud(level=logging.DEBUG), logging.getLogger("kraken_doctor")
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.DEBUG)
    yield
    log.removeHandler(handler)
    log.setLevel(level)


@every_kind
def test_a_handler_of_the_log_that_raises(
    kind: Kind, plain: list[Any], server: SandboxServer, key: Key, loud: None
) -> None:
    """When it is installed, and when something is to be said of a call."""
    key.mark = -1
    assert answers(kind, server, key, store=Failing(OSError())) == plain
    assert install(object()) is False


@pytest.mark.parametrize("kind", [CLIENT, KRAKENEX], ids=named)
def test_and_when_a_call_is_made_again(kind: Kind, server: SandboxServer, key: Key, loud: None) -> None:
    """After a refusal that may pass."""
    refusals = [refusal("EAPI:Invalid nonce")]
    server.exchange.interceptors.append(lambda request: refusals.pop() if refusals else None)
    client = kind.installed(key.api_key, key.secret, server.url, retry=RetryPolicy(0.001, 1))
    assert client.query_private("Balance")["error"] == []
    assert refusals == []


@every_kind
def test_metrics_that_fail(
    kind: Kind, plain: list[Any], server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While they count a call."""
    from kraken_doctor.client import metrics

    def fail(_record: CallRecord) -> None:
        raise ValueError("no such label")

    observers.metrics_observer.cache_clear()
    monkeypatch.setattr(metrics, "observe", fail)
    key.mark = -1
    assert answers(kind, server, key, metrics=True) == plain
    observers.metrics_observer.cache_clear()


BOT = """
import sys, logging
logging.basicConfig(level=logging.WARNING)
{before}
from kraken_doctor import KrakenClient, RetryPolicy, open_store
for _ in range(2):
    client = KrakenClient(sys.argv[1], sys.argv[2], url=sys.argv[3], store=open_store("memory://"))
    for _ in range(2):
        print(client.call("Balance")["ZUSD"])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("import os; os.environ['PROMETHEUS_MULTIPROC_DIR'] = '/no/such/folder'", "a call is missing from the metrics"),
        ("import prometheus_client as p; p.Gauge('kraken_doctor_mark_lead_seconds', '')", "no metrics"),
        ("import prometheus_client as p; p.Counter('kraken_doctor_nonces_issued', '')", "no metrics"),
        ("import sys, types; sys.modules['prometheus_client'] = types.ModuleType('prometheus_client')", ""),
    ],
)
def test_metrics_that_can_not_be_had(before: str, said: str, server: SandboxServer, key: Key) -> None:
    """A folder that is missing, names that are taken, another package of that name: said once, and no more."""
    code = BOT.format(before=before)
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, key.api_key, key.secret, server.url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.stdout.split() == ["100.0000"] * 4, ended.stderr
    assert key.accepted == 4
    assert ended.stderr.count("WARNING") == bool(said), ended.stderr
    assert said in ended.stderr


def test_an_order_is_not_placed_twice(server: SandboxServer, key: Key, tmp_path: Path) -> None:
    """The bot that tries again after an exception: what it would have done to the user's money."""

    def fail(_record: CallRecord) -> None:
        raise ConnectionError("the collector does not answer")

    executed: list[str] = []
    server.exchange.interceptors.append(lambda request: executed.append(request.path))
    client = KrakenClient(key.api_key, key.secret, url=server.url, store=open_store("memory://"), observers=(fail,))
    for _attempt in range(2):
        try:
            client.query_private("AddOrder", {"pair": "XBTUSD"})
        except Exception:  # noqa: BLE001
            continue
        break
    assert executed == ["/0/private/AddOrder"]


def test_a_watcher_that_interrupts_is_heard(server: SandboxServer, key: Key) -> None:
    """Ctrl-C is not an error of the observer's: it is the user's wish."""

    def interrupted(_record: CallRecord) -> None:
        raise KeyboardInterrupt

    client = CLIENT.installed(key.api_key, key.secret, server.url, observers=(interrupted,))
    with pytest.raises(KeyboardInterrupt):
        client.call("Balance")


def test_threads_that_watch_for_the_first_time_at_once(server: SandboxServer, key: Key) -> None:
    """Each record reaches each observer once."""
    seen: list[CallRecord] = []
    client = CLIENT.installed(key.api_key, key.secret, server.url, observers=(seen.append,))
    call: Callable[[], Any] = lambda: client.call("Balance")  # noqa: E731
    workers = [threading.Thread(target=call) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len({record.nonce for record in seen}) == len(seen) == 8
