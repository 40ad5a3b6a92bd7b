"""Which step on the way failed: operating-system and TLS exceptions to cause ids."""

import http.client
import socket
import ssl
from collections.abc import Iterator

from kraken_doctor.descriptors import SHORTAGE, exhausted
from kraken_doctor.errors import HostLimitError, TransportError

# X509_V_ERR_*, see https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED, _HOSTNAME_MISMATCH, _IP_MISMATCH = 9, 10, 62, 64
_UNTRUSTED = (2, 18, 19, 20, 21, 27, 28, 33)
"""No issuer that is trusted, or none at all. All others are a flaw of a certificate: key too weak, purpose, revoked."""


def failure_kind(exc: BaseException) -> str | None:
    """
    Return the cause id of the failure at the bottom of *exc*; None if no network failure is in it.

    HTTP libraries wrap the operating system's exception two or three deep, and their own types don't
    tell a refused connection from an unknown name. What the system said does.
    """
    for inner in layers(exc):
        if isinstance(inner, ssl.SSLCertVerificationError):
            return _certificate_kind(inner.verify_code)
        for failing, kind in _KINDS.items():
            if isinstance(inner, failing):
                return kind
    return None


def transport_error(exc: BaseException, default: str) -> TransportError:
    """
    Return *exc* as a `TransportError`; *default* names the cause when the exception doesn't.

    Raises:
        HostLimitError: It was this process that could not open a connection; no step of the way has failed.
    """
    if any(map(exhausted, layers(exc))):
        raise HostLimitError(SHORTAGE) from exc
    return TransportError(failure_kind(exc) or default, root_message(exc))


def root_message(exc: BaseException) -> str:
    """Return the message of the innermost exception: the outer ones repeat it with addresses of objects around it."""
    innermost = list(layers(exc))[-1]
    return _words(innermost) or _words(exc)


_KINDS: dict[type[BaseException], str] = {
    socket.gaierror: "dns-failed",
    ConnectionRefusedError: "connection-refused",
    ConnectionResetError: "connection-reset",  # http.client.RemoteDisconnected is one
    ConnectionAbortedError: "connection-reset",
    BrokenPipeError: "connection-reset",
    ssl.SSLEOFError: "connection-reset",
    ssl.SSLZeroReturnError: "connection-reset",
    ssl.SSLError: "tls-failed",  # of the others
    # Bytes came, and they are no HTTP, or less of it than was announced.
    http.client.HTTPException: "response-invalid",
}


def _certificate_kind(verify_code: int) -> str:
    if verify_code in (_EXPIRED, _NOT_YET_VALID):
        return "tls-expired"
    if verify_code in (_HOSTNAME_MISMATCH, _IP_MISMATCH):
        return "tls-hostname"
    return "tls-untrusted" if verify_code in _UNTRUSTED else "tls-failed"


def _words(exc: BaseException) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return exc.verify_message or str(exc)
    if isinstance(exc, ssl.SSLError) and exc.reason:
        # "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)": the middle says it.
        return f"TLS: {exc.reason.replace('_', ' ').lower()}"
    return exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)


def layers(exc: BaseException) -> Iterator[BaseException]:
    """Yield *exc* and all that it wraps, outermost first, each once."""
    seen: set[int] = set()
    pending: list[object] = [exc]
    while pending:
        inner = pending.pop()
        if not isinstance(inner, BaseException) or id(inner) in seen:
            continue
        seen.add(id(inner))
        yield inner
        # urllib3 keeps the cause in `reason`, requests and http.client in `args`.
        pending += [inner.__context__, inner.__cause__, *inner.args, getattr(inner, "reason", None)]
