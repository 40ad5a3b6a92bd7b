"""Name resolution, TCP and TLS to one host, each with its own evidence and time."""

from __future__ import annotations

import socket
import ssl
import time
from typing import NamedTuple

from kraken_doctor.errors import TransportError
from kraken_doctor.network.failures import transport_error


class TlsFacts(NamedTuple):
    """A finished handshake."""

    version: str
    issuer: str
    """Organisation or common name of who signed the certificate."""
    not_after: str
    seconds: float


def resolve(host: str, port: int) -> tuple[list[str], float]:
    """
    The addresses of *host* and the seconds that it took.

    Raises:
        TransportError: ``dns-failed``.
    """
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise transport_error(exc, "dns-failed") from exc
    return list(dict.fromkeys(str(entry[4][0]) for entry in found)), time.monotonic() - began


def connect(addresses: list[str], port: int, timeout_s: float) -> tuple[socket.socket, float]:
    """
    A TCP connection to the first address that accepts one, and the seconds until then.

    Raises:
        TransportError: ``connection-refused``, ``connection-timeout`` or ``connection-reset``.
    """
    began = time.monotonic()
    failure: TransportError | None = None
    for address in addresses:
        left_s = timeout_s - (time.monotonic() - began)
        if left_s <= 0:
            break
        try:
            return socket.create_connection((address, port), timeout=left_s), time.monotonic() - began
        except TimeoutError as exc:
            failure = transport_error(exc, "connection-timeout")
        except OSError as exc:
            # No route, network down: nobody at the other end said anything.
            failure = transport_error(exc, "connection-timeout")
    raise failure or TransportError("connection-timeout", f"no connection in {timeout_s:g} s")


def handshake(connection: socket.socket, host: str, context: ssl.SSLContext, timeout_s: float) -> TlsFacts:
    """
    TLS on *connection*, which is closed afterwards.

    Raises:
        TransportError: ``tls-expired``, ``tls-hostname``, ``tls-untrusted`` or ``tls-failed``.
    """
    began = time.monotonic()
    connection.settimeout(timeout_s)
    try:
        with context.wrap_socket(connection, server_hostname=host) as tls:
            certificate = tls.getpeercert() or {}
            version = tls.version() or "TLS"
    except OSError as exc:
        raise transport_error(exc, "tls-failed") from exc
    finally:
        connection.close()
    return TlsFacts(
        version=version.replace("TLSv", "TLS "),
        issuer=_issuer(certificate),
        not_after=str(certificate.get("notAfter", "")),
        seconds=time.monotonic() - began,
    )


def _issuer(certificate: object) -> str:
    names: dict[str, str] = {}
    if isinstance(certificate, dict):
        for part in certificate.get("issuer", ()):
            names.update(dict(part))
    return names.get("organizationName") or names.get("commonName", "")
