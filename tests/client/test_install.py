"""The generator on a krakenex object that somebody else built."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import krakenex
import pytest

from kraken_doctor import NonceHookError, RetryPolicy, install, open_store
from kraken_doctor.model.call import CallRecord
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key


@pytest.fixture
def api(key: Key, server: SandboxServer) -> Iterator[krakenex.API]:
    made = krakenex.API(key.api_key, key.secret)
    made.uri = server.url
    yield made
    made.close()


def hammer(api: Any, threads: int = 5, calls: int = 80) -> None:
    def work() -> None:
        for _ in range(calls):
            api.query_private("Balance")

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_installs_and_says_so(api: krakenex.API, key: Key, caplog: pytest.LogCaptureFixture) -> None:
    """The seed document's line, at its level; and the next call works."""
    with caplog.at_level(logging.DEBUG, logger="kraken_doctor"):
        assert install(api, store=open_store("memory://")) is True
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("DEBUG", "✅ Custom nonce generator installed")
    ]
    assert api.query_private("Balance")["error"] == []
    assert len(str(key.mark)) == 16


@pytest.mark.slow
def test_no_nonce_is_refused_under_threads(api: krakenex.API, key: Key) -> None:
    """400 calls, five threads, one key, window 0."""
    install(api, store=open_store("memory://"), retry=RetryPolicy.none())
    hammer(api)
    assert (key.accepted, key.refused) == (400, 0)


def test_krakenex_alone_loses_calls(api: krakenex.API, key: Key) -> None:
    """The exchange of these tests is a strict judge: without the cure the illness is there."""
    hammer(api)
    assert key.refused > 0


@pytest.mark.slow
def test_unique_nonces_without_order_lose_calls(api: krakenex.API, key: Key) -> None:
    """What the fix of the seed document does: perfect nonces that overtake each other."""
    install(api, store=open_store("memory://"), retry=RetryPolicy.none(), in_order=False)
    hammer(api)
    assert key.accepted > 0
    assert key.refused > 0


def test_only_this_object_changes(api: krakenex.API) -> None:
    """The class, and every other object of it, stay as they are."""
    before = krakenex.API.query_private, krakenex.API._nonce, krakenex.API._query
    install(api, store=open_store("memory://"))
    assert (krakenex.API.query_private, krakenex.API._nonce, krakenex.API._query) == before
    assert api._nonce() < api._nonce()


class Hookless:
    """What another krakenex might look like."""

    def query_private(self, method: str) -> None: ...


def test_without_the_hook_it_is_not_installed(caplog: pytest.LogCaptureFixture) -> None:
    """False and an ERROR that names what is missing; or an exception, if that is wanted."""
    api = Hookless()
    assert install(api, store=open_store("memory://")) is False
    record = caplog.records[-1]
    assert record.levelname == "ERROR"
    place = f"{__name__}.Hookless"
    assert record.message == f"❌ Failed to override nonce generator: no _nonce, _sign, _query in {place}"
    assert "query_private" not in vars(api)
    with pytest.raises(NonceHookError, match=r"^the nonce generator can't be installed: no _nonce, _sign, _query in "):
        install(api, store=open_store("memory://"), strict=True)


def test_a_subclass_keeps_its_own_way_of_sending(key: Key, server: SandboxServer) -> None:
    """Somebody who overrode `_query` had a reason, say a rate limit."""
    sent: list[str] = []

    class Polite(krakenex.API):  # type: ignore[misc]
        def _query(self, urlpath: str, data: Any, headers: Any = None, timeout: Any = None) -> Any:
            sent.append(urlpath)
            return super()._query(urlpath, data, headers, timeout)

    api = Polite(key.api_key, key.secret)
    api.uri = server.url
    install(api, store=open_store("memory://"))
    assert api.query_private("Balance")["error"] == []
    assert sent == ["/0/private/Balance"]
    api.close()


def test_has_a_default_timeout(api: krakenex.API, server: SandboxServer) -> None:
    """For public calls as well."""
    seen: list[Any] = []
    get = api.session.get

    def spy(*arguments: Any, **options: Any) -> Any:
        seen.append(options["timeout"])
        return get(*arguments, **options)

    api.session.get = spy
    install(api, store=open_store("memory://"), timeout=3.5)
    api.query_public("Time")
    api.query_public("Time", timeout=1)
    assert seen == [3.5, 1]


def test_observers_see_every_nonce(api: krakenex.API) -> None:
    """The same hook as the client's."""
    records: list[CallRecord] = []
    install(api, store=open_store("memory://"), observers=(records.append,))
    api.query_private("Balance")
    assert [record.outcome for record in records] == ["ok"]
