"""The client on the wire: order, retries, traps, typed errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import krakenex
import pytest
import requests

from kraken_doctor import KrakenClient, RetryPolicy, open_store
from kraken_doctor.client.options import CallKeywords
from kraken_doctor.errors import (
    ConfigurationError,
    KrakenInvalidKey,
    KrakenInvalidNonce,
    KrakenInvalidSignature,
    KrakenPermissionDenied,
    KrakenUnrecognised,
    NonceStoreError,
    TransportError,
)
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, refusal
from tests.clocks import ManualClock


class Bench:
    """A client, its exchange, and what passed between them."""

    def __init__(self, key: Key, server: SandboxServer) -> None:
        self.key, self.server = key, server
        self.exchange = server.exchange
        self.clock = ManualClock()
        self.records: list[CallRecord] = []
        self._clients: list[KrakenClient] = []

    def client(self, **options: Any) -> KrakenClient:
        defaults: CallKeywords = {
            "store": open_store("memory://"),
            "clock": self.clock,
            "observers": (self.records.append,),
        }
        self._clients.append(
            KrakenClient(self.key.api_key, self.key.secret, url=self.server.url, **{**defaults, **options})
        )
        return self._clients[-1]

    def answer_first(self, *responses: Response) -> None:
        """The next private calls get these, and the exchange never sees them."""
        waiting = list(responses)

        def intercept(request: Request) -> Response | None:
            return waiting.pop(0) if waiting and "/private/" in request.path else None

        self.exchange.interceptors.append(intercept)

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture
def bench(key: Key, server: SandboxServer) -> Iterator[Bench]:
    made = Bench(key, server)
    yield made
    made.close()


def test_is_a_krakenex_api(bench: Bench) -> None:
    """Usable wherever one is expected, with krakenex's own answers."""
    client = bench.client()
    assert isinstance(client, krakenex.API)
    assert client.query_private("Balance") == {"error": [], "result": {"ZUSD": "100.0000", "USDT": "50.00000000"}}
    assert client.query_public("Time")["error"] == []
    assert client.call("Balance") == {"ZUSD": "100.0000", "USDT": "50.00000000"}
    assert client.query_private("Nonesuch") == {"error": ["EGeneral:Unknown method"]}


@pytest.mark.parametrize("unit", NonceUnit)
def test_counts_in_the_unit_it_was_given(bench: Bench, unit: NonceUnit) -> None:
    """The exchange's mark afterwards is the clock in that unit."""
    bench.client(unit=unit).call("Balance")
    assert bench.key.mark == unit.floor(bench.clock.wall_ns)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["memory://", "sqlite:///nonce.db"])
def test_no_nonce_is_refused_under_threads(bench: Bench, store: str) -> None:
    """400 calls, five threads, one key, window 0: none refused."""
    client = bench.client(store=open_store(store), retry=RetryPolicy.none())

    def work() -> None:
        for _ in range(80):
            client.query_private("Balance")

    workers = [threading.Thread(target=work) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (bench.key.accepted, bench.key.refused) == (400, 0)


def test_one_request_is_in_flight_at_a_time(bench: Bench) -> None:
    """The exchange never meets a second request of the key before it has answered the first."""
    inside, most = [0], [0]
    lock = threading.Lock()
    handle = bench.exchange.handle

    def counting(request: Request) -> Response:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        response = handle(request)
        with lock:
            inside[0] -= 1
        return response

    bench.exchange.handle = counting  # type: ignore[method-assign]
    client = bench.client()
    workers = [threading.Thread(target=client.query_private, args=("Balance",)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most[0] == 1


def test_a_refused_nonce_is_retried_with_a_fresh_one(bench: Bench) -> None:
    """Refused before execution, so even an order may go again: after 5 s, then 10."""
    bench.answer_first(refusal("EAPI:Invalid nonce"), refusal("EAPI:Invalid nonce"))
    bench.client().query_private("AddOrder", {"pair": "XBTUSD"})
    assert bench.clock.slept_s == [5, 10]
    assert len({record.nonce for record in bench.records}) == 3


def test_gives_up_after_the_last_wait(bench: Bench) -> None:
    """5, 10, 20, 40 s; then the refusal is the answer."""
    bench.answer_first(*[refusal("EAPI:Invalid nonce")] * 9)
    answer = bench.client().query_private("Balance")
    assert answer == {"error": ["EAPI:Invalid nonce"]}
    assert bench.clock.slept_s == [5, 10, 20, 40]


@pytest.mark.parametrize(
    "error",
    [
        "EAPI:Invalid key",
        "EAPI:Invalid signature",
        "EGeneral:Permission denied",
        "EGeneral:Temporary lockout",
        "EFoo:Bar",
    ],
)
def test_what_a_retry_makes_worse_is_never_retried(bench: Bench, error: str) -> None:
    """One call, and no wait."""
    bench.answer_first(refusal(error))
    assert bench.client().query_private("Balance") == {"error": [error]}
    assert bench.clock.slept_s == []
    assert len(bench.records) == 1


@pytest.mark.parametrize(("endpoint", "attempts"), [("Balance", 2), ("AddOrder", 1), ("Withdraw", 1)])
def test_what_may_have_been_executed_is_asked_again_only_when_it_changes_nothing(
    bench: Bench, endpoint: str, attempts: int
) -> None:
    """A 5xx says nothing about the request: reads go again, orders never."""
    bench.answer_first(Response(b"<html>", 502))
    client = bench.client()
    if attempts == 1:
        with pytest.raises(requests.HTTPError):
            client.query_private(endpoint)
    else:
        client.query_private(endpoint)
    assert len(bench.records) == attempts
    assert bench.records[0].outcome == "edge-error"


@pytest.mark.parametrize(("endpoint", "attempts"), [("Balance", 2), ("AddOrder", 1)])
def test_an_exchange_that_is_not_there_is_asked_again_only_to_read(bench: Bench, endpoint: str, attempts: int) -> None:
    """Its own word for it, in an answer."""
    bench.answer_first(refusal("EService:Unavailable", "EGeneral:Internal error"))
    bench.client().query_private(endpoint)
    assert len(bench.records) == attempts
    assert bench.records[0].outcome == "EService:Unavailable, EGeneral:Internal error"


def test_a_timeout_is_the_default_and_not_for_ever(bench: Bench) -> None:
    """krakenex waits for ever; here an exchange that is silent costs the timeout."""
    bench.answer_first(Response(b"", delay_s=2))
    client = bench.client(timeout=0.1, retry=RetryPolicy.none())
    with pytest.raises(requests.Timeout):
        client.query_private("Balance")
    assert bench.records[0].outcome == "read-timeout"


def test_the_callers_dict_stays_as_it_was(bench: Bench) -> None:
    """krakenex leaves its nonce in it."""
    data = {"trades": True}
    bench.client().query_private("OpenOrders", data)
    assert data == {"trades": True}


@pytest.mark.parametrize("value", [["A", "B"], None, True, "ü", 7, [], ("x",)])
def test_the_exchange_accepts_the_signature_for_every_kind_of_value(bench: Bench, value: object) -> None:
    """Lists and None are what krakenex signs wrongly."""
    assert bench.client().query_private("OpenOrders", {"value": value})["error"] == []


def test_redirects_are_not_followed(bench: Bench) -> None:
    """The key's headers go to the exchange and nowhere else."""
    bench.answer_first(Response(b"", 302, {"Location": f"{bench.server.url}/0/private/Elsewhere"}))
    with pytest.raises(requests.HTTPError, match="302"):
        bench.client(retry=RetryPolicy.none()).query_private("Balance")
    assert not any("Elsewhere" in request for request in bench.exchange.requests)


def test_each_thread_has_its_own_response(bench: Bench) -> None:
    """krakenex keeps one for all, and reads it back for its own answer."""
    client = bench.client()
    client.query_public("Time")
    mine = client.response
    other = threading.Thread(target=client.query_public, args=("SystemStatus",))
    other.start()
    other.join()
    assert client.response is mine


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("EAPI:Invalid nonce", KrakenInvalidNonce),
        ("EAPI:Invalid key", KrakenInvalidKey),
        ("EAPI:Invalid signature", KrakenInvalidSignature),
        ("EGeneral:Permission denied", KrakenPermissionDenied),
        ("EFoo:Never heard of", KrakenUnrecognised),
    ],
)
def test_call_raises_typed_errors(bench: Bench, error: str, kind: type[Exception]) -> None:
    """The API's strings as types, with the text kept."""
    bench.answer_first(refusal(error))
    with pytest.raises(kind) as caught:
        bench.client(retry=RetryPolicy.none()).call("Balance")
    assert str(caught.value) == error


def test_call_names_the_step_that_failed(bench: Bench) -> None:
    """HTML, JSON of another shape, a cut connection: each its own cause."""
    client = bench.client(retry=RetryPolicy.none())
    bench.answer_first(Response(b"<html>"), Response(b"[1]"), Response(b"", reset=True), Response(b"", 403))
    kinds = []
    for _ in range(4):
        with pytest.raises(TransportError) as caught:
            client.call("Balance")
        kinds.append(caught.value.kind)
    assert kinds == ["response-invalid", "response-invalid", "connection-reset", "edge-blocked"]


def test_a_one_time_password_is_sent_when_there_is_one(bench: Bench) -> None:
    """A key with two-factor authentication wants it in every call."""
    bench.key.otp = "s3cret-otp"
    assert bench.client(otp="s3cret-otp").query_private("Balance")["error"] == []
    assert bench.client(retry=RetryPolicy.none()).query_private("Balance")["error"] == ["EAPI:Invalid signature"]


def test_without_a_durable_mark_nothing_is_sent(bench: Bench) -> None:
    """No store, no nonce, no request."""

    class Broken(MemoryStore):
        def advance(self, key_id: str, floor: int, is_possible: Any = None) -> int:
            raise NonceStoreError("disk full")

    with pytest.raises(NonceStoreError):
        bench.client(store=Broken()).query_private("Balance")
    assert bench.exchange.requests == []


def test_without_key_or_secret_nothing_is_sent(bench: Bench) -> None:
    """As krakenex, but with a type."""
    for key, secret in (("", ""), (bench.key.api_key, ""), ("", bench.key.secret)):
        with (
            KrakenClient(key, secret, url=bench.server.url, store=open_store("memory://")) as client,
            pytest.raises(ValueError, match=r"^Either key or secret is not set! \(Use `load_key\(\)`\.\)$"),
        ):
            client.query_private("Balance")
    assert bench.exchange.requests == []


def test_a_key_loaded_later_has_its_own_mark(bench: Bench, tmp_path: Any) -> None:
    """`load_key` is krakenex's; the generator follows the key."""
    path = tmp_path / "kraken.key"
    path.write_text(f"{bench.key.api_key}\n{bench.key.secret}\n")
    with KrakenClient(url=bench.server.url, store=open_store("memory://")) as client:
        client.load_key(path)
        assert client.query_private("Balance")["error"] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://api.kraken.com",
        "ftp://127.0.0.1",
        "api.kraken.com",
        "https://",
        "https://user:pw@api.kraken.com",
        "http://127.0.0.1:99999",
    ],
)
def test_an_unusable_url_is_refused_before_anything_is_sent(url: str) -> None:
    """In the clear only to this host; and no login, which is not repeated either."""
    with pytest.raises(ConfigurationError) as caught:
        KrakenClient("key", "secret", url=url)
    assert "pw" not in str(caught.value)


def test_logs_carry_no_secret(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, through a retry, from every logger of the package."""
    bench.answer_first(refusal("EAPI:Invalid nonce", "EFoo:Bar"))
    with caplog.at_level(logging.DEBUG, logger="kraken_doctor"):
        bench.client().query_private("Balance")
    assert caplog.messages == ["Balance: EAPI:Invalid nonce, EFoo:Bar; retrying in 5 s with a fresh nonce"]
    assert bench.key.api_key not in caplog.text
    assert bench.key.secret not in caplog.text


def test_the_nonce_hook_gives_the_generators_nonces(bench: Bench) -> None:
    """For callers that sign by themselves."""
    client = bench.client()
    first, second = client._nonce(), client._nonce()
    assert second == first + 1


def test_records_tell_what_became_of_each_nonce(bench: Bench) -> None:
    """Nonce, endpoint, outcome; nothing secret."""
    client = bench.client()
    client.query_private("Balance")
    client.query_private("Nonesuch")
    assert [record.outcome for record in bench.records] == ["ok", "EGeneral:Unknown method"]
    assert bench.records[0].endpoint == "Balance"
    assert bench.records[0].nonce < bench.records[1].nonce == bench.key.mark
    assert bench.key.api_key not in repr(bench.records)


def test_exchange_reports_show_the_window_is_zero(bench: Bench, exchange: Exchange) -> None:
    """What the tests above say holds without any forgiveness on the exchange's side."""
    assert bench.key.window == 0
    assert exchange.keys[bench.key.api_key] is bench.key
