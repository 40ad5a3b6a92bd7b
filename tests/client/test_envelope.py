"""An answer is one only if it has the API's envelope: for the client's own calls, and for what a record says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import ccxt
import ccxt.async_support
import krakenex
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kraken.spot import SpotAsyncClient, SpotClient

from kraken_doctor import KrakenClient, RetryPolicy, install, open_store
from kraken_doctor.client.transport import outcome_of_answer
from kraken_doctor.errors import KrakenError, TransportError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Response

NO_ENVELOPE: tuple[object, ...] = (
    {"message": "Forbidden"}, {}, [], None, "text", 7, True, {"error": "text", "result": {}}, {"error": [1]},
    {"error": [1], "result": {}}, {"error": None}, {"error": None, "result": {}}, {"error": {}, "result": {}},
    {"result": {}}, {"error": [""]}, {"error": ["EAPI:Invalid nonce", 1]}, {"error": [], "result": []},
    {"error": [], "result": "text"}, {"error": [], "result": 1}, {"error": ["WFoo:Bar"], "result": "text"},
)  # fmt: skip
"""Of `Balance`; all of them JSON with status 200."""

NONCE = "EAPI:Invalid nonce"

Call = Callable[[], object]


@pytest.fixture
def records() -> list[CallRecord]:
    """What the client of a test has recorded."""
    return []


@pytest.fixture
def answers(server: SandboxServer) -> list[bytes]:
    """What private calls are answered with, the first first; then the exchange answers by itself."""
    bodies: list[bytes] = []

    def intercept(request: Any) -> Response | None:
        if "/private/" not in request.path or not bodies:
            return None
        return Response(bodies.pop(0), headers={"Content-Type": "application/json"})

    server.exchange.interceptors.append(intercept)
    return bodies


class Subclass(krakenex.API):  # type: ignore[misc] # krakenex has no types
    """A bot's own way of sending."""

    def _query(self, urlpath: str, data: Any, headers: Any = None, timeout: Any = None) -> Any:
        return super()._query(urlpath, data, headers, timeout)


def balance_of_ccxt(server: SandboxServer, key: Key, module: Any, options: Any) -> Any:
    exchange = module.kraken({"apiKey": key.api_key, "secret": key.secret, "enableRateLimit": False})
    exchange.urls["api"]["private"] = exchange.urls["api"]["public"] = server.url
    install(exchange, **options)
    return exchange


def in_loop(client: Callable[[], Any], call: Callable[[Any], Any]) -> Call:
    async def run() -> object:
        made = client()
        try:
            return await call(made)
        finally:
            await made.close()

    return lambda: asyncio.run(run())


KINDS = (
    "client",
    "krakenex",
    "subclass",
    "ccxt",
    "ccxt-async",
    "sdk",
    "sdk-async",
    "sdk-raw",
    "sdk-async-raw",
    "sdk-plain",
)


@pytest.fixture(params=KINDS)
def balance(
    request: pytest.FixtureRequest, server: SandboxServer, key: Key, records: list[CallRecord]
) -> Iterator[Call]:
    """One client's way of asking for the balance; it may raise what it likes."""
    options: Any = {
        "store": open_store("memory://"), "observers": (records.append,), "retry": RetryPolicy.none(), "audit": False,
    }  # fmt: skip
    kind = request.param
    raw = kind.endswith("-raw")
    if kind in ("krakenex", "subclass"):
        api = (Subclass if kind == "subclass" else krakenex.API)(key.api_key, key.secret)
        api.uri = server.url
        install(api, **options)
        yield lambda: api.query_private("Balance")
        api.close()
    elif kind == "ccxt":
        exchange = balance_of_ccxt(server, key, ccxt, options)
        yield exchange.private_post_balance
    elif kind == "ccxt-async":
        yield in_loop(
            lambda: balance_of_ccxt(server, key, ccxt.async_support, options), lambda made: made.private_post_balance()
        )
    elif kind.startswith("sdk-async"):

        def made() -> Any:
            client = SpotAsyncClient(key=key.api_key, secret=key.secret, url=server.url)
            install(client, **options)
            return client

        yield in_loop(made, lambda client: client.request("POST", "/0/private/Balance", return_raw=raw))
    elif kind.startswith("sdk"):
        # Without exceptions of its own it hands on whatever came.
        user = SpotClient(key=key.api_key, secret=key.secret, url=server.url, use_custom_exceptions=kind != "sdk-plain")
        install(user, **options)
        yield lambda: user.request("POST", "/0/private/Balance", return_raw=raw)
    else:
        with KrakenClient(key.api_key, key.secret, url=server.url, **options) as client:
            yield lambda: client.call("Balance")


def outcomes(balance: Call, answers: list[bytes], records: list[CallRecord], *bodies: object) -> list[str]:
    """What is recorded of calls that are answered with *bodies*."""
    answers[:] = [json.dumps(body).encode() for body in bodies]
    for _ in bodies:
        with contextlib.suppress(Exception):  # what a client makes of it is its own affair
            balance()
    found = [record.outcome for record in records]
    records.clear()
    return found


@pytest.mark.slow
def test_only_an_envelope_is_accepted(balance: Call, answers: list[bytes], records: list[CallRecord]) -> None:
    """Whatever client asked, its record says "ok" of nothing else; and the next call is judged by itself."""
    found = outcomes(balance, answers, records, *NO_ENVELOPE)
    assert len(found) == len(NO_ENVELOPE)
    for body, outcome in zip(NO_ENVELOPE, found, strict=True):
        assert outcome != "ok", body
        # ccxt stumbles over some of them by itself, and says in its own words that it did.
        assert outcome == "response-invalid" or outcome.endswith("Error") or ":" in outcome, (body, outcome)
    balance()
    assert [record.outcome for record in records] == ["ok"]


@pytest.mark.parametrize("body", [b"<html>", b'{"error":[],"result":{}}'])
def test_an_answer_with_another_status_is_none(
    balance: Call, server: SandboxServer, records: list[CallRecord], body: bytes
) -> None:
    """Whatever is in this line, but whether the client raises or hands it on."""
    server.exchange.interceptors.append(lambda request: Response(body, 502) if "/private/" in request.path else None)
    with contextlib.suppress(Exception):
        balance()
    assert [record.outcome in ("ok", "not-sent") for record in records] == [False]


def test_what_is_one_is_accepted(balance: Call, answers: list[bytes], records: list[CallRecord]) -> None:
    """With a result, with a warning beside it; and an empty account's, which has none."""
    bodies: tuple[object, ...] = ({"error": [], "result": {}}, {"error": [], "result": {"ZUSD": "1"}}, {"error": []})
    assert outcomes(balance, answers, records, *bodies) == ["ok"] * 3


def test_of_several_strings_all_are_recorded(balance: Call, answers: list[bytes], records: list[CallRecord]) -> None:
    """The known one decides, wherever it stands."""
    (outcome,) = outcomes(balance, answers, records, {"error": ["EFoo:Bar", NONCE]})
    assert outcome == f"EFoo:Bar, {NONCE}"


@pytest.mark.parametrize("body", NO_ENVELOPE, ids=json.dumps)
def test_the_client_says_what_it_is_not(server: SandboxServer, key: Key, answers: list[bytes], body: object) -> None:
    """A typed error that quotes nothing of it; what a bot gets of `query_private` stays krakenex's own answer."""
    answers += [json.dumps(body).encode()] * 2
    with KrakenClient(key.api_key, key.secret, url=server.url, store=open_store("memory://")) as client:
        with pytest.raises(TransportError) as caught:
            client.call("Balance")
        assert client.query_private("Balance") == body
    assert caught.value.kind == "response-invalid"


@pytest.mark.parametrize("endpoint", ["GetApiKeyInfo", "OpenOrders", "AddOrder", "WithdrawCancel"])
def test_no_result_is_for_an_empty_account_alone(
    server: SandboxServer, key: Key, answers: list[bytes], endpoint: str
) -> None:
    """Of any other endpoint it is no answer."""
    answers.append(b'{"error":[]}')
    with (
        KrakenClient(key.api_key, key.secret, url=server.url, store=open_store("memory://")) as client,
        pytest.raises(TransportError, match="response-invalid"),
    ):
        client.call(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "result"), [("DepositMethods", []), ("WithdrawCancel", True), ("Earn/Allocate", None), ("Balance", {})]
)
def test_results_of_other_types(
    server: SandboxServer, key: Key, answers: list[bytes], endpoint: str, result: object
) -> None:
    """Some endpoints are documented with a list, or with a truth value."""
    answers.append(json.dumps({"error": [], "result": result}).encode())
    with KrakenClient(key.api_key, key.secret, url=server.url, store=open_store("memory://")) as client:
        assert client.call(endpoint) == result


def test_warnings_stand_beside_a_result(
    server: SandboxServer, key: Key, answers: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """The call was accepted, and the log shows them."""
    records: list[CallRecord] = []
    answers.append(b'{"error":["WDatabase:No change"],"result":{"ZUSD":"1"}}')
    store = open_store("memory://")
    with KrakenClient(key.api_key, key.secret, url=server.url, store=store, observers=(records.append,)) as client:
        assert client.call("Balance") == {"ZUSD": "1"}
    assert [record.outcome for record in records] == ["ok"]
    assert "Balance: accepted, with WDatabase:No change" in caplog.messages


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(b"PK\x03\x04...", "ok"), (b"<html>", "response-invalid"), (b'{"error":["EAPI:Bad request"]}', "")],
)
def test_an_archive_is_an_answer_of_its_own(
    server: SandboxServer, key: Key, answers: list[bytes], body: bytes, outcome: str
) -> None:
    """RetrieveExport gives a zip: krakenex has no JSON for it, and the call was accepted all the same."""
    records: list[CallRecord] = []
    store = open_store("memory://")
    with KrakenClient(key.api_key, key.secret, url=server.url, store=store, observers=(records.append,)) as client:
        answers.append(body)
        if outcome == "ok":
            assert client.call("RetrieveExport") == body
        else:
            with pytest.raises((TransportError, KrakenError)):
                client.call("RetrieveExport")
    assert [record.outcome for record in records] == [outcome or "EAPI:Bad request"]
    assert outcome_of_answer(body, "RetrieveExport") == records[0].outcome, "as the client of another library has it"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "result", "x"]), inner),
    max_leaves=8,
)


@given(answer=JSON, endpoint=st.sampled_from(["Balance", "GetApiKeyInfo", "DepositMethods", "Nonesuch"]))
def test_any_json_is_judged(answer: object, endpoint: str) -> None:
    """As values and as bytes alike; "ok" only with a list of warnings at most, and a result or an empty account."""
    outcome = outcome_of_answer(answer, endpoint)
    if not isinstance(answer, str):
        assert outcome == outcome_of_answer(json.dumps(answer).encode(), endpoint)
    if outcome == "ok":
        assert isinstance(answer, dict)
        assert all(isinstance(error, str) and error.startswith("W") for error in answer["error"])
        assert "result" in answer or answer["error"] or endpoint == "Balance"
