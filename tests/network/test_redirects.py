"""No client takes a key to wherever a redirect leads: a second listener hears nothing."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Iterator
from typing import Any

import aiohttp
import ccxt
import krakenex
import pytest
import requests

from kraken_doctor import KrakenClient, install, open_store
from kraken_doctor.errors import TransportError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.network.sessions import refuse_redirects
from tests.client.kinds import (
    CCXT,
    CCXT_ASYNC,
    CCXT_PRO,
    CLIENT,
    KINDS,
    KRAKENEX,
    NOBODY,
    OWN,
    PYKRAKENAPI,
    SDK,
    SDK_ASYNC,
    SECRET,
    Kind,
    named,
)  # fmt: skip
from tests.client.listener import Listener, Reply, listening
from tests.conftest import Run

STATUSES = [301, 302, 303, 307, 308]

ERRORS: dict[str, type[Exception]] = {
    CCXT.name: ccxt.ExchangeError, CCXT_ASYNC.name: ccxt.ExchangeError, CCXT_PRO.name: ccxt.ExchangeError,
    SDK_ASYNC.name: aiohttp.ClientError, SDK.name: requests.RequestException,
    **{kind.name: requests.HTTPError for kind in (CLIENT, KRAKENEX, OWN, PYKRAKENAPI)},
}  # fmt: skip


@pytest.fixture
def elsewhere() -> Iterator[Listener]:
    """Where a redirect leads."""
    with listening() as serving:
        yield serving


def redirect(listener: Listener, elsewhere: Listener, status: int) -> None:
    listener.say({}, status, Location=f"{elsewhere.url}/0/private/Balance")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=named)
@pytest.mark.parametrize("status", STATUSES)
def test_a_private_call_is_not_sent_on(kind: Kind, status: int, listener: Listener, elsewhere: Listener) -> None:
    """Each kind says so with an error of its own; the first call and later ones, the copy's too."""
    records: list[CallRecord] = []

    async def inside() -> None:
        client = kind.installed(NOBODY, SECRET, listener.url, observers=(records.append,))
        for _ in range(2):
            redirect(listener, elsewhere, status)
            with pytest.raises(ERRORS[kind.name]) as caught:
                await kind.ask(client)
            assert NOBODY not in repr(caught.value) + str(caught.value)
        await kind.close(client)

    asyncio.run(inside())
    assert elsewhere.heard == []
    assert len(listener.heard) == 2
    assert not {"ok", "not-sent"} & {record.outcome for record in records}


@pytest.mark.parametrize("kind", [CCXT, CCXT_ASYNC, CCXT_PRO, SDK, SDK_ASYNC, OWN], ids=named)
def test_by_themselves_they_follow(kind: Kind, listener: Listener, elsewhere: Listener) -> None:
    """With the key, its signature and the body."""

    async def inside() -> None:
        client = kind.make(NOBODY, SECRET, listener.url)
        redirect(listener, elsewhere, 307)
        await kind.ask(client)
        await kind.close(client)

    asyncio.run(inside())
    (heard,) = elsewhere.heard
    assert heard.headers["api-key"] == NOBODY
    assert "nonce" in urllib.parse.parse_qs(heard.body)


def test_a_session_that_the_sdk_makes_anew(listener: Listener, elsewhere: Listener) -> None:
    """It does every five minutes."""

    async def inside() -> None:
        for kind in (SDK, SDK_ASYNC):
            client = kind.installed(NOBODY, SECRET, listener.url)
            client.MAX_SESSION_AGE = -1
            redirect(listener, elsewhere, 307)
            with pytest.raises(ERRORS[kind.name]):
                await kind.ask(client)
            await kind.close(client)

    asyncio.run(inside())
    assert elsewhere.heard == []


def test_a_session_that_somebody_exchanged(listener: Listener, elsewhere: Listener) -> None:
    """Between two calls."""
    for kind in (OWN, CCXT):
        client = kind.installed(NOBODY, SECRET, listener.url)
        kind.call(client)
        client.session = requests.Session()
        redirect(listener, elsewhere, 307)
        with pytest.raises(ERRORS[kind.name]):
            kind.call(client)
    assert elsewhere.heard == []


def test_a_hook_of_the_caller_s_changes_nothing(listener: Listener, elsewhere: Listener) -> None:
    """requests takes a request's hooks instead of the session's."""

    class Hooked(krakenex.API):  # type: ignore[misc]
        def _query(self, urlpath: str, data: Any, headers: Any = None, timeout: Any = None) -> Any:
            hooks = {"response": lambda response, **_: response}
            return self.session.post(self.uri + urlpath, data=data, headers=headers, hooks=hooks).json()

    api = Hooked(NOBODY, SECRET)
    api.uri = listener.url
    install(api, store=open_store("memory://"), metrics=False)
    redirect(listener, elsewhere, 307)
    with pytest.raises(requests.HTTPError, match="redirect"):
        api.query_private("Balance")
    assert elsewhere.heard == []
    api.close()


def test_what_carries_no_key_goes_where_it_is_sent(listener: Listener, elsewhere: Listener) -> None:
    """A session is its owner's, who may use it for more than this."""

    async def inside() -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                refuse_redirects(session)
            assert len(session.trace_configs) == 1
            redirect(listener, elsewhere, 307)
            async with session.get(f"{listener.url}/page") as answer:
                assert answer.status == 200

    with requests.Session() as session:
        refuse_redirects(session)
        redirect(listener, elsewhere, 307)
        assert session.get(f"{listener.url}/page", timeout=5).status_code == 200
    asyncio.run(inside())
    assert len(elsewhere.heard) == 2


@pytest.mark.parametrize("command", ["check", "balances"])
@pytest.mark.parametrize("status", STATUSES)
def test_the_doctor_s_own_session(
    command: str, status: int, listener: Listener, elsewhere: Listener, doctor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Private and public; no call of it is sent on."""
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", NOBODY * 3)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", SECRET)
    listener.replies += [Reply(status, b"{}", {"Location": f"{elsewhere.url}/0/private/Balance"})] * 40
    ended = doctor(command, "--api-url", listener.url, "--no-ntp", "--no-retry", "-o", "json")
    assert ended.status in (1, 3)
    assert any("/private/" in heard.path for heard in listener.heard) or command == "check"
    assert listener.heard
    assert elsewhere.heard == []


def test_the_typed_error_says_where_it_was_to_go(listener: Listener, elsewhere: Listener) -> None:
    """And nothing more of the URL."""
    client = KrakenClient(NOBODY, SECRET, url=listener.url, store=open_store("memory://"))
    for status in STATUSES:
        redirect(listener, elsewhere, status)
        with pytest.raises(TransportError, match=f"HTTP {status} .*redirected to {elsewhere.url}"):
            client.call("Balance")
    assert elsewhere.heard == []
    client.close()
