"""Which step on the way failed, from what the system said."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
import trustme

from kraken_doctor.network.answer import as_transport_error
from kraken_doctor.network.dial import dial
from kraken_doctor.network.failures import failure_kind
from kraken_doctor.network.tls import handshake
from kraken_doctor.resolve import Address, resolve
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def tls_server(exchange: Exchange, name: str, **validity: object) -> Iterator[tuple[SandboxServer, trustme.CA]]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **validity).configure_cert(context)  # type: ignore[arg-type]
    with SandboxServer(exchange, tls=context) as server:
        yield server, authority


def kind_of(url: str, **options: object) -> str:
    with pytest.raises(requests.RequestException) as caught:
        requests.get(url, timeout=2, **options)  # type: ignore[arg-type]
    return as_transport_error(caught.value).kind


def test_refused() -> None:
    """Nothing listens there; requests hides it two exceptions deep."""
    assert kind_of(f"http://127.0.0.1:{closed_port()}/") == "connection-refused"


def test_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver's own exception, through urllib3 and requests."""

    def fail(*arguments: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert kind_of("http://nonesuch.example/") == "dns-failed"
    with pytest.raises(socket.gaierror, match="Name or service not known"):
        resolve("nonesuch.example", 443, 2)


def test_untrusted_and_wrong_name(exchange: Exchange) -> None:
    """An issuer that nobody knows; a known one for another host."""
    with tls_server(exchange, "127.0.0.1") as (server, _):
        assert kind_of(server.url) == "tls-untrusted"
    with tls_server(exchange, "other.example") as (server, authority), authority.cert_pem.tempfile() as bundle:
        assert kind_of(server.url, verify=bundle) == "tls-hostname"


def test_no_tls_at_the_other_end(server: SandboxServer) -> None:
    """An HTTP server where HTTPS was expected."""
    assert kind_of(server.url.replace("http://", "https://")) == "tls-failed"


def test_a_proxy_that_is_not_there(server: SandboxServer) -> None:
    """Blamed, not the exchange."""
    proxies = {"http": f"http://127.0.0.1:{closed_port()}"}
    assert kind_of(server.url, proxies=proxies) == "proxy-failed"


def test_silence(exchange: Exchange) -> None:
    """Connected, and no word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert kind_of(f"http://127.0.0.1:{listener.getsockname()[1]}/") == "read-timeout"


def test_not_a_network_failure() -> None:
    """What is something else is not called one."""
    assert failure_kind(ValueError("nonsense")) is None


def test_the_steps_below_http(exchange: Exchange) -> None:
    """Name, TCP, TLS: each with its evidence."""
    with tls_server(exchange, "127.0.0.1") as (server, authority):
        port = int(server.url.rpartition(":")[2])
        addresses = resolve("127.0.0.1", port, 2)
        assert [address.host for address in addresses] == ["127.0.0.1"]
        context = ssl.create_default_context()
        authority.configure_trust(context)
        facts = handshake(dial(addresses, 2).connection, "127.0.0.1", context, 2)
    assert facts.version == "TLS 1.3"
    assert facts.certificate.issuer.startswith("trustme")


def test_a_second_address_is_tried(server: SandboxServer) -> None:
    """As browsers do: the first that connects wins."""
    port = int(server.url.rpartition(":")[2])
    connected = dial([Address(socket.AF_INET6, ("::1", port)), Address(socket.AF_INET, ("127.0.0.1", port))], 2)
    connected.connection.close()
    assert connected.host == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        dial([Address(socket.AF_INET, ("127.0.0.1", closed_port()))], 2)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (2, "tls-untrusted"), (18, "tls-untrusted"), (19, "tls-untrusted"), (20, "tls-untrusted"),
        (9, "tls-expired"), (10, "tls-expired"), (62, "tls-hostname"), (64, "tls-hostname"),
        (7, "tls-failed"), (23, "tls-failed"), (24, "tls-failed"), (25, "tls-failed"), (26, "tls-failed"),
        (34, "tls-failed"), (47, "tls-failed"), (66, "tls-failed"), (67, "tls-failed"), (68, "tls-failed"),
        (92, "tls-failed"),
    ],
)  # fmt: skip
def test_what_a_certificate_is_refused_for(code: int, kind: str) -> None:
    """By OpenSSL's number: only an issuer that is not trusted is called so, and not a weak key or another purpose."""
    refused = ssl.SSLCertVerificationError("refused")
    refused.verify_code, refused.verify_message = code, "why"
    assert failure_kind(refused) == kind
