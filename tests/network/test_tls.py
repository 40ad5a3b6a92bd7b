"""The handshake, and what a certificate says that was not accepted."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable

import pytest
import trustme

from kraken_doctor.errors import TransportError
from kraken_doctor.network.tls import Certificate, handshake, refused_certificate
from tests.network import certificates
from tests.network.wild import Behaviour, WildServer, drip, reset_at_once, says, silent


def context_of(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def connect_to(server: WildServer) -> Callable[[], socket.socket]:
    return lambda: socket.create_connection(("127.0.0.1", server.port), timeout=5)


class Listening:
    """A behaviour that keeps what comes after the handshake."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def __call__(self, connection: socket.socket, ended: threading.Event) -> None:
        self.heard.append(connection.recv(65536))


CASES: list[tuple[str, Callable[[trustme.CA], ssl.SSLContext], str, bool]] = [
    ("expired", certificates.expired, "tls-expired", True),
    ("not yet valid", certificates.not_yet_valid, "tls-expired", True),
    ("for another host", lambda ca: certificates.server_context(ca, "other.example"), "tls-hostname", False),
    ("expired, for another host", lambda ca: certificates.expired(ca, "other.example"), "tls-hostname", False),
    (
        "by an unknown authority",
        lambda ca: certificates.server_context(trustme.CA(organization_name="Corporate Interception")),
        "tls-untrusted",
        False,
    ),
    (
        "expired, by an unknown authority",
        lambda ca: certificates.expired(trustme.CA(organization_name="Corporate Interception")),
        "tls-untrusted",
        False,
    ),
]


@pytest.mark.parametrize(("make", "kind", "dates_alone"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_refused_certificate_is_named_and_read(
    make: Callable[[trustme.CA], ssl.SSLContext], kind: str, dates_alone: bool
) -> None:
    """Who signed it, for whom, from when to when; and nothing is sent to whom is not trusted."""
    authority, listening = trustme.CA(), Listening()
    with WildServer(listening, tls=make(authority)) as server:
        with pytest.raises(TransportError) as caught:
            handshake(connect_to(server)(), "127.0.0.1", context_of(authority), 5)
        found, dates = refused_certificate(connect_to(server), "127.0.0.1", context_of(authority), 5)
    assert (caught.value.kind, dates) == (kind, dates_alone)
    assert found is not None
    expected = "Corporate Interception" if kind == "tls-untrusted" else "trustme"
    assert found.issuer.startswith(expected)
    assert found.names == (("other.example",) if "other" in str(found.names) else ("127.0.0.1",))
    assert found.not_before < found.not_after
    assert not found.self_signed
    assert not any(listening.heard), "a handshake, and not a byte more"


def test_a_certificate_that_signs_itself_is_told(tmp_path: object) -> None:
    """Its issuer is its subject."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # An authority shown as if it were a server.
    with authority.private_key_pem.tempfile() as key, authority.cert_pem.tempfile() as chain:
        context.load_cert_chain(chain, key)
    with WildServer(Listening(), tls=context) as server:
        found, _ = refused_certificate(connect_to(server), "127.0.0.1", ssl.create_default_context(), 5)
    assert found is not None
    assert found.self_signed


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (silent, "read-timeout"),
        (drip(b"\x16\x03\x03\x10\x00", b"\x02", every_s=0.05), "read-timeout"),
        (reset_at_once, "connection-reset"),
        (says(b""), "connection-reset"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls-failed"),
        (says(b"220 mail.example ESMTP\r\n"), "tls-failed"),
    ],
    ids=["silent", "dripping", "reset", "closed", "http", "smtp"],
)
def test_what_is_no_handshake(behaviour: Behaviour, kind: str) -> None:
    """Silence is no answer in time; other words are no TLS; a cut is a cut."""
    with WildServer(behaviour) as server:
        with pytest.raises(TransportError) as caught:
            handshake(connect_to(server)(), "127.0.0.1", ssl.create_default_context(), 0.4)
        found, dates = refused_certificate(connect_to(server), "127.0.0.1", ssl.create_default_context(), 0.4)
    assert caught.value.kind == kind
    assert (found, dates) == (None, False)


def test_no_common_cipher() -> None:
    """The server's own alert."""
    authority = trustme.CA()
    with (
        WildServer(silent, tls=certificates.no_common_cipher(authority)) as server,
        pytest.raises(TransportError) as caught,
    ):
        handshake(connect_to(server)(), "127.0.0.1", context_of(authority), 5)
    assert (caught.value.kind, caught.value.detail) == ("tls-failed", "TLS: sslv3 alert handshake failure")


def test_what_a_handshake_tells() -> None:
    """Version, certificate, time."""
    authority = trustme.CA()
    with WildServer(silent, tls=certificates.server_context(authority)) as server:
        facts = handshake(connect_to(server)(), "127.0.0.1", context_of(authority), 5)
    assert facts.version == "TLS 1.3"
    assert facts.certificate.names == ("127.0.0.1",)
    assert facts.seconds > 0


def test_a_certificate_without_anything_in_it() -> None:
    """Nothing is known, and nothing breaks."""
    empty = Certificate.of({})
    assert (empty.issuer, empty.names, empty.begins, empty.not_after, empty.self_signed) == ("", (), None, "", False)
    assert Certificate.of({"notBefore": "nonsense"}).not_before == ""
    assert Certificate.of({"notBefore": "Nov 23 00:00:00 2026 GMT"}).not_before == "2026-11-23T00:00:00Z"
