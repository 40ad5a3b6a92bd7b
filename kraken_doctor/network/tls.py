"""TLS with one host: the handshake, and what a certificate says that was not accepted."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kraken_doctor.errors import TransportError
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.network.failures import transport_error

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME; Python's ssl takes it and has no name for it."""

_NAMES_SHOWN = 6


class Certificate(NamedTuple):
    """What a certificate says."""

    issuer: str
    """Organisation, or common name, of who signed it."""
    subject: str
    names: tuple[str, ...]
    """The hosts it is for."""
    begins: int | None
    """When it becomes valid, in seconds since 1970."""
    ends: int | None
    self_signed: bool = False

    @property
    def not_before(self) -> str:
        """``2026-11-23T00:00:00Z``; empty if it is not known."""
        return _iso(self.begins)

    @property
    def not_after(self) -> str:
        """Return the same of its end."""
        return _iso(self.ends)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Certificate:
        """From what ``SSLSocket.getpeercert`` returns."""
        return cls(
            issuer=_name(fields.get("issuer", ())),
            subject=_name(fields.get("subject", ())),
            names=tuple(str(name) for _, name in fields.get("subjectAltName", ())[:_NAMES_SHOWN]),
            begins=_moment(fields.get("notBefore")),
            ends=_moment(fields.get("notAfter")),
            self_signed=bool(fields) and fields.get("issuer") == fields.get("subject"),
        )


class TlsFacts(NamedTuple):
    """A finished handshake."""

    version: str
    certificate: Certificate
    seconds: float


def handshake(connection: socket.socket, host: str, context: ssl.SSLContext, timeout_s: float) -> TlsFacts:
    """
    TLS on *connection*, which is closed afterwards.

    Raises:
        TransportError: ``tls-expired``, ``tls-hostname``, ``tls-untrusted``, ``tls-failed``, ``connection-reset`` or,
            when the other end is silent, ``read-timeout``.
    """
    began = time.monotonic()
    try:
        # The limit holds for the handshake as a whole: the ssl module counts it down over its steps.
        version, fields, _ = _shake_hands(connection, host, context, timeout_s)
    except TimeoutError as exc:
        raise TransportError("read-timeout", f"no TLS handshake in {timeout_s:.3g} s") from exc
    except OSError as exc:  # before ValueError: a refused certificate is both
        raise transport_error(exc, "tls-failed") from exc
    except ValueError as exc:
        raise TransportError("tls-failed", str(exc)) from exc  # a name that can be in no certificate
    return TlsFacts(version.replace("TLSv", "TLS "), Certificate.of(fields), time.monotonic() - began)


def refused_certificate(
    connect: Callable[[], socket.socket], host: str, context: ssl.SSLContext, timeout_s: float
) -> tuple[Certificate | None, bool]:
    """
    Read the certificate that a handshake with *context* did not accept, in handshakes of their own.

    They end before any request: nothing is sent to whom is not trusted.

    Args:
        connect: Makes one more connection to the same place.
        host: Whose certificate it should be.
        context: Changed, and spent.
        timeout_s: For all of them together.

    Returns:
        The certificate (None if it can't be read), and whether its dates alone are what is wrong with it.
    """
    until = time.monotonic() + timeout_s

    def look(context: ssl.SSLContext) -> tuple[str, Mapping[str, Any], bytes]:
        return _shake_hands(connect(), host, context, max(0.01, until - time.monotonic()))

    # First with all but the time checked, then with all but time and name: what passes has a trusted issuer.
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    for named in (True, False):
        context.check_hostname = named
        with contextlib.suppress(OSError, TransportError, ValueError):
            return Certificate.of(look(context)[1]), named
    with contextlib.suppress(OSError, TransportError, ValueError):
        # Python parses a certificate only once it has accepted it. So it is fetched without verification, and then
        # taken as the one authority that vouches for itself.
        blind = _careless_context()
        blind.verify_mode = ssl.CERT_NONE
        self_vouched = _careless_context()
        self_vouched.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
        self_vouched.load_verify_locations(cadata=look(blind)[2])
        return Certificate.of(look(self_vouched)[1]), False
    return None, False


def _careless_context() -> ssl.SSLContext:
    """For looking, never for sending: old keys and digests are accepted too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _shake_hands(
    connection: socket.socket, host: str, context: ssl.SSLContext, timeout_s: float
) -> tuple[str, Mapping[str, Any], bytes]:
    """Version, certificate as far as it was accepted, and the same as bytes; the connection is closed."""
    with connection:
        connection.settimeout(timeout_s)
        with context.wrap_socket(connection, server_hostname=host) as tls:
            return tls.version() or "TLS", tls.getpeercert() or {}, tls.getpeercert(binary_form=True) or b""


def _name(parts: Any) -> str:
    names: dict[str, str] = {}
    for part in parts:
        names.update(dict(part))
    return names.get("organizationName") or names.get("commonName", "")


def _moment(text: str | None) -> int | None:
    """OpenSSL's ``Nov 23 00:00:00 2026 GMT``."""
    with contextlib.suppress(ValueError, OverflowError):
        return ssl.cert_time_to_seconds(text) if text else None
    return None


def _iso(unix_s: int | None) -> str:
    return "" if unix_s is None else utc_timestamp(unix_s * 10**9)
