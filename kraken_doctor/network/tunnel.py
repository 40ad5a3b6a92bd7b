"""A tunnel through an HTTP proxy (CONNECT, RFC 9110, section 9.3.6)."""

from __future__ import annotations

import base64
import re
import socket
import time

from kraken_doctor.errors import AnswerSeen, TransportError
from kraken_doctor.network.failures import transport_error
from kraken_doctor.redact import shortened

_HEAD_LIMIT_BYTES = 1 << 16
"""No proxy has that much to say before it lets through."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ?([^\r\n]*)\r?\n")


def open_tunnel(connection: socket.socket, host: str, port: int, timeout_s: float, login: str | None = None) -> None:
    """
    Ask the proxy at the other end of *connection* for a tunnel to *host*.

    Args:
        connection: Afterwards it leads there.
        host: Name or address.
        port: Of the host.
        timeout_s: For the whole exchange with the proxy.
        login: ``user:password``, for a proxy that wants one.

    Raises:
        TransportError: ``proxy-failed``, with what the proxy answered.
    """
    until = time.monotonic() + timeout_s
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if login is not None:
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    try:
        connection.settimeout(timeout_s)
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        head = _head(connection, until)
    except TimeoutError as exc:
        raise TransportError("proxy-failed", f"no answer to CONNECT {target} in {timeout_s:.3g} s") from exc
    except OSError as exc:
        raise TransportError("proxy-failed", transport_error(exc, "proxy-failed").detail) from exc
    said = _STATUS_LINE.match(head)
    if said is None or len(head) > _HEAD_LIMIT_BYTES:
        raise TransportError("proxy-failed", f"its answer to CONNECT {target} is not HTTP")
    status, reason = int(said[1]), shortened(said[2].decode("latin-1"))
    if not 200 <= status < 300:
        detail = f"it answered {status} {reason}".rstrip() + f" to CONNECT {target}"
        raise TransportError("proxy-failed", detail, AnswerSeen(proxy_status=status))


def _head(connection: socket.socket, until: float) -> bytes:
    """All up to the empty line: a server of TLS does not speak first, so nothing of its words can be in it."""
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        received = connection.recv(4096)
        head += received
        if not received or len(head) > _HEAD_LIMIT_BYTES:
            break
    return head
