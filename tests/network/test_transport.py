"""The doctor's own calls: limits that hold, whatever the other end does."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import trustme

from kraken_doctor.client.kraken import KrakenClient
from kraken_doctor.client.retry import RetryPolicy
from kraken_doctor.clock import SystemClock
from kraken_doctor.network.answer import as_transport_error
from kraken_doctor.network.connection import BoundedConnection
from kraken_doctor.network.public import PublicApi
from kraken_doctor.network.transport import MAX_ANSWER_BYTES, AnswerTooLargeError, BoundedAdapter, latency, timing_of
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, answer
from tests.network import certificates, wild
from tests.network.proxies import Proxy
from tests.network.wild import Behaviour, WildServer

LIMIT_S = 0.4


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        adapter = BoundedAdapter()
        made.mount("http://", adapter)
        made.mount("https://", adapter)
        made.trust_env = False
        yield made


def failure(session: requests.Session, url: str, timeout_s: float = LIMIT_S, **options: object) -> tuple[str, float]:
    """The cause of a call that fails, and its seconds."""
    began = time.monotonic()
    with pytest.raises(requests.RequestException) as caught:
        session.get(f"{url}/0/public/Time", timeout=timeout_s, **options)  # type: ignore[arg-type]
    return as_transport_error(caught.value).kind, time.monotonic() - began


SLOW: dict[str, Behaviour] = {
    "silent": wild.silent,
    "headers": wild.drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", every_s=0.05),
    "status line": wild.drip(b"HTTP/1.1 2", b"0", every_s=0.05),
    "body": wild.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", every_s=0.05),
    "chunks": wild.drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", every_s=0.05),
    "body without length": wild.drip(b"HTTP/1.1 200 OK\r\n\r\n", every_s=0.05),
}


@pytest.mark.parametrize("behaviour", SLOW.values(), ids=list(SLOW))
def test_the_limit_is_for_the_whole_call(session: requests.Session, behaviour: Behaviour) -> None:
    """A byte now and then does not start it anew."""
    with WildServer(behaviour) as server:
        kind, seconds = failure(session, server.url)
    assert kind == "read-timeout"
    assert seconds < 10, "it would have gone on for ever"


@pytest.mark.parametrize("behaviour", [wild.silent, SLOW["headers"], SLOW["body"]], ids=["silent", "headers", "body"])
def test_the_limit_holds_over_tls_too(session: requests.Session, behaviour: Behaviour) -> None:
    """Where a read is of records, not of bytes."""
    authority = trustme.CA()
    with authority.cert_pem.tempfile() as bundle:
        with WildServer(behaviour, tls=certificates.server_context(authority)) as server:
            assert failure(session, server.url, verify=bundle)[0] == "read-timeout"
        with WildServer(behaviour) as server:  # in the handshake itself
            assert failure(session, server.url.replace("http", "https"), verify=bundle)[0] in (
                "read-timeout",
                "tls-failed",
            )


def _once(connection: socket.socket, ended: threading.Event) -> None:
    """Answers the first request, keeps the connection open, and is silent from then on."""
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    wild.silent(connection, ended)


def test_the_limit_holds_on_a_connection_that_is_used_again(session: requests.Session) -> None:
    """For each call anew, and as a whole."""
    with WildServer(_once) as server:
        assert session.get(f"{server.url}/0/public/Time", timeout=LIMIT_S).json() == {}
        assert failure(session, server.url)[0] == "read-timeout"


ENDLESS: dict[str, Behaviour] = {
    "headers": wild.ENDLESS_HEADERS,
    "header line": wild.ENDLESS_LINE,
    "interim answers": wild.ENDLESS_INTERIM,
    "gigabyte": wild.GIGABYTE,
    "chunks": wild.ENDLESS_CHUNKS,
    "gzip": wild.bomb(64),
    "no HTTP": wild.NOT_HTTP,
    "cut short": wild.TRUNCATED,
}


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ENDLESS.values(), ids=list(ENDLESS))
def test_what_does_not_end_is_not_read_to_its_end(session: requests.Session, behaviour: Behaviour) -> None:
    """Neither by time nor by memory: it is no answer of the API long before."""
    tracemalloc.start()
    try:
        with WildServer(behaviour) as server:
            kind, _ = failure(session, server.url, timeout_s=30)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kind == "response-invalid"
    assert peak < 24 << 20


def test_the_bound_itself(session: requests.Session, exchange: Exchange, server: SandboxServer) -> None:
    """To the byte; and unpacked."""
    sizes = iter([MAX_ANSWER_BYTES, MAX_ANSWER_BYTES + 1])
    exchange.interceptors.append(lambda request: Response(b" " * next(sizes)))
    assert len(session.get(f"{server.url}/0/public/Time", timeout=5).content) == MAX_ANSWER_BYTES
    with pytest.raises(AnswerTooLargeError, match=r"^the answer is larger than 1024 KiB$") as caught:
        session.get(f"{server.url}/0/public/Time", timeout=5)
    assert caught.value.response is not None
    assert as_transport_error(caught.value).kind == "response-invalid"


def test_the_bound_on_the_wire(session: requests.Session) -> None:
    """Of what comes before the answer, say; and in words."""
    with (
        WildServer(wild.ENDLESS_INTERIM) as server,
        pytest.raises(requests.RequestException, match="the answer is longer than 1088 KiB"),
    ):
        session.get(server.url, timeout=30)


def test_small_packets_are_not_held_back(server: SandboxServer) -> None:
    """urllib3's option for its connections holds for ours."""
    connection = BoundedConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
    connection.connect()
    assert connection.sock is not None
    assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.close()


def test_an_open_connection_is_used_again_with_a_whole_limit(session: requests.Session, server: SandboxServer) -> None:
    """The time of the call before does not count, however long ago it was."""
    url = f"{server.url}/0/public/Time"
    first = timing_of(session.get(url, timeout=LIMIT_S))
    deadline = time.monotonic() + 2 * LIMIT_S
    while time.monotonic() < deadline:
        second = timing_of(session.get(url, timeout=LIMIT_S))
    assert first is not None
    assert second is not None
    assert first.connect_s is not None
    assert (second.connect_s, second.tls_s) == (None, None)


def test_a_dead_address_is_a_connection_that_timed_out(session: requests.Session) -> None:
    """Nobody was reached, so nothing was sent."""
    with wild.dead_address() as port:
        assert failure(session, f"http://127.0.0.1:{port}")[0] == "connection-timeout"
    assert failure(session, f"http://127.0.0.1:{wild.closed_port()}")[0] == "connection-refused"


def test_through_a_proxy(session: requests.Session, exchange: Exchange) -> None:
    """CONNECT for TLS, the whole URL without; and the limits are the same."""
    authority, proxy = trustme.CA(), Proxy(login="daivon:sesame")
    with (
        authority.cert_pem.tempfile() as bundle,
        WildServer(proxy) as between,
        SandboxServer(exchange, tls=certificates.server_context(authority)) as server,
        SandboxServer(exchange) as plain,
    ):
        proxies = dict.fromkeys(("http", "https"), f"http://daivon:sesame@127.0.0.1:{between.port}")
        for url in (server.url, plain.url):
            response = session.get(f"{url}/0/public/Time", timeout=5, proxies=proxies, verify=bundle)
            assert response.json()["error"] == []
        with WildServer(SLOW["body"], tls=certificates.server_context(authority)) as slow:
            assert failure(session, slow.url, proxies=proxies, verify=bundle)[0] == "read-timeout"
    assert proxy.asked[0].startswith("CONNECT 127.0.0.1:")
    assert proxy.asked[1].startswith("GET http://127.0.0.1:")


@pytest.mark.parametrize(
    "behaviour", [wild.silent, wild.drip(b"HTTP/1.1 2", b"0", every_s=0.05)], ids=["silent", "drip"]
)
def test_a_proxy_that_never_opens_the_way(session: requests.Session, behaviour: Behaviour) -> None:
    """Within the limit too."""
    with WildServer(behaviour) as between:
        kind, seconds = failure(session, "https://127.0.0.1:9", proxies={"https": f"http://127.0.0.1:{between.port}"})
    assert kind in ("proxy-failed", "read-timeout")
    assert seconds < 10


def test_socks_without_its_library_is_the_proxys_failure(session: requests.Session) -> None:
    """requests says what is missing."""
    proxies = {"http": "socks5://127.0.0.1:9"}
    with pytest.raises(requests.RequestException) as caught:
        session.get("http://127.0.0.1:9/", proxies=proxies, timeout=1)
    failed = as_transport_error(caught.value)
    assert (failed.kind, "SOCKS" in failed.detail) == ("proxy-failed", True)


def test_streams_are_left_to_the_caller(session: requests.Session, server: SandboxServer) -> None:
    """Who asks for a stream reads it."""
    with session.get(f"{server.url}/0/public/Time", timeout=5, stream=True) as response:
        assert b"unixtime" in b"".join(response.iter_content(10))


def test_bots_may_read_larger_answers(server: SandboxServer, exchange: Exchange, key: Key) -> None:
    """The bound is the doctor's: some of what a bot asks for is larger."""

    def large(request: Request) -> Response | None:
        return answer(result={"trades": "x" * (3 << 20)}) if "Trades" in request.path else None

    exchange.interceptors.append(large)
    with KrakenClient(
        key.api_key, key.secret, url=server.url, store=open_store("memory://"), retry=RetryPolicy.none()
    ) as client:
        assert len(client.query_public("Trades")["result"]["trades"]) == 3 << 20


def test_latency_by_kind_of_call(session: requests.Session, server: SandboxServer) -> None:
    """Counted, with median and worst of each part; what was not measured is not there."""
    assert latency(session) == {}
    for path in ("/0/public/Time", "/0/public/Time", "/0/private/Balance"):
        session.get(server.url + path, timeout=5)
    found = latency(session)
    assert (found["public"]["samples"], found["private"]["samples"]) == (2, 1)
    assert 0 < found["public"]["first_byte_median_s"] <= found["public"]["total_worst_s"]
    assert "connect_median_s" in found["public"]
    assert "connect_median_s" not in found["private"], "it went over the same connection"
    assert "tls_median_s" not in found["public"]
    assert found["public"]["total_worst_s"] <= 5
    other = requests.Response()
    assert timing_of(other) is None
    other.timing = "soon"  # type: ignore[attr-defined]
    assert timing_of(other) is None


def test_a_session_of_another_kind_was_not_measured() -> None:
    """Its adapters keep no times."""
    with requests.Session() as plain:
        assert latency(plain) == {}


def test_the_parts_of_a_call_over_tls(session: requests.Session, exchange: Exchange) -> None:
    """Connecting, TLS, the first byte."""
    authority = trustme.CA()
    with (
        authority.cert_pem.tempfile() as bundle,
        SandboxServer(exchange, tls=certificates.server_context(authority)) as server,
    ):
        timing = timing_of(session.get(f"{server.url}/0/public/Time", timeout=5, verify=bundle))
    assert timing is not None
    assert timing.connect_s is not None
    assert timing.tls_s is not None
    assert min(timing.connect_s, timing.tls_s, timing.first_byte_s) > 0
    assert timing.until_sent_s + timing.first_byte_s <= timing.total_s


def test_no_limit_is_no_limit(session: requests.Session, server: SandboxServer) -> None:
    """None, and a pair of limits, mean what they mean to requests."""
    for timeout in (None, (1, 2)):
        assert session.get(f"{server.url}/0/public/Time", timeout=timeout).status_code == 200


class BusyAdapter(BoundedAdapter):
    """On a processor that has other things to do first."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        time.sleep(0.1)
        return super().send(request, *arguments, **options)


def test_the_exchange_told_its_time_between_sending_and_receiving(exchange: Exchange) -> None:
    """Whatever this host was busy with: else its clock would be found wrong by that much."""
    told_ns: list[int] = []

    def look(request: Request) -> None:
        told_ns.append(time.time_ns())

    exchange.interceptors.append(look)
    with SandboxServer(exchange) as server, requests.Session() as busy:
        busy.mount("http://", BusyAdapter())
        seen = PublicApi(server.url, busy, 5, SystemClock()).ask("Time")
    assert seen.sent_ns <= told_ns[0] <= seen.received_ns
