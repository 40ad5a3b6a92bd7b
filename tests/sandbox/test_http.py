"""The wire: real sockets, loopback alone, and every way in which a connection can misbehave."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator

import pytest
import requests
import trustme

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer, loopback_address
from kraken_doctor.sandbox.keys import Key, signature
from kraken_doctor.sandbox.messages import Request, Response


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "192.168.1.1", "example.com", "", "127.0.0.1.example.com"]
)
def test_binds_to_nothing_but_loopback(exchange: Exchange, host: str) -> None:
    """Demo keys and faults are for this host."""
    with pytest.raises(ConfigurationError, match="loopback alone"):
        SandboxServer(exchange, host=host)


@pytest.mark.parametrize(("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1")])
def test_loopback_has_several_names(host: str, address: str) -> None:
    """All of them are this host."""
    assert loopback_address(host) == address


def test_serves_over_ipv6(exchange: Exchange) -> None:
    """The URL has the address in brackets."""
    with SandboxServer(exchange, host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert requests.get(f"{server.url}/0/public/Time", timeout=5).json()["error"] == []


def test_a_port_that_is_taken_is_a_clear_error(server: SandboxServer) -> None:
    """Naming the port, and without a traceback."""
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=f"port {port}"):
        SandboxServer(Exchange(), port=port)


def test_serves_tls(exchange: Exchange) -> None:
    """With a certificate that its issuer vouches for."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with SandboxServer(exchange, tls=context) as server, authority.cert_pem.tempfile() as bundle:
        assert requests.get(f"{server.url}/0/public/Time", timeout=5, verify=bundle).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{server.url}/0/public/Time", timeout=5)
        # A client that connects and says nothing holds nobody up.
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))):
            assert requests.get(f"{server.url}/0/public/Time", timeout=5, verify=bundle).status_code == 200


def test_keeps_connections_open(server: SandboxServer) -> None:
    """HTTP/1.1: one connection for many calls, as with the real exchange."""
    with requests.Session() as session:
        for _ in range(3):
            response = session.get(f"{server.url}/0/public/Time", timeout=5)
            assert response.headers["Content-Type"] == "application/json"
            assert "Date" in response.headers


def test_faults_reach_the_wire(server: SandboxServer, exchange: Exchange) -> None:
    """Cut connections, silence, half an answer, another status: what a response says is what the client meets."""
    responses = {
        "reset": Response(b"", reset=True),
        "short": Response(b'{"error":', length=5000),
        "page": Response(b"<html>", 503, {"Content-Type": "text/html"}),
        "slow": Response(b"{}", delay_s=0.05),
    }

    def by_name(request: Request) -> Response | None:
        return responses.get(request.path.rpartition("/")[2])

    exchange.interceptors.append(by_name)
    for name in ("reset", "short"):
        with pytest.raises(requests.RequestException):
            requests.get(f"{server.url}/0/public/{name}", timeout=5)
    assert requests.get(f"{server.url}/0/public/page", timeout=5).status_code == 503
    began = time.monotonic()
    assert requests.get(f"{server.url}/0/public/slow", timeout=5).json() == {}
    assert time.monotonic() - began >= 0.05


def test_a_body_too_large_is_refused(server: SandboxServer) -> None:
    """Nothing that Kraken takes is near a megabyte."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=5)
    connection.putrequest("POST", "/0/private/Balance")
    connection.putheader("Content-Length", "99999999")
    connection.endheaders()
    with connection.getresponse() as response:
        assert response.status == 413
    connection.close()


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    yield from (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("is_json", [False, True])
def test_a_body_in_chunks(server: SandboxServer, key: Key, size: int, is_json: bool) -> None:
    """Of a form and of JSON, in as many chunks as the client likes; the connection serves the next request too."""
    with requests.Session() as session:
        for nonce in (5, 6):
            body = json.dumps({"nonce": nonce}).encode() if is_json else f"nonce={nonce}".encode()
            path = "/0/private/Balance"
            headers = {
                "API-Key": key.api_key,
                "API-Sign": signature(key.secret_bytes, path, str(nonce), body),
                "Content-Type": "application/json" if is_json else "application/x-www-form-urlencoded",
            }
            answer = session.post(f"{server.url}{path}", data=_pieces(body, size), headers=headers, timeout=5)
            assert answer.request.headers["Transfer-Encoding"] == "chunked"
            assert answer.json()["error"] == []
    assert key.mark == 6


@pytest.mark.parametrize("sent", [b"zz\r\nnonce=5\r\n0\r\n\r\n", b"fffffff\r\n", b"-1\r\n", b"\r\n", b"100001\r\n"])
def test_chunks_that_are_none_are_refused(server: SandboxServer, sent: bytes) -> None:
    """Of no size, or of one too large."""
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 5) as link:
        link.sendall(b"POST /0/private/Balance HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + sent)
        assert link.makefile("rb").readline().startswith(b"HTTP/1.1 413 ")  # Python 3.13 has another phrase


def test_closing_cuts_open_connections(exchange: Exchange) -> None:
    """A client that waits is told at once."""
    with SandboxServer(exchange) as server:
        session = requests.Session()
        session.get(f"{server.url}/0/public/Time", timeout=5)
    with pytest.raises(requests.ConnectionError):
        session.get(f"{server.url}/0/public/Time", timeout=5)
    session.close()
