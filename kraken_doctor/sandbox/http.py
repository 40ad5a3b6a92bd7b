"""The exchange on the wire: HTTP/1.1 on loopback, a thread a connection."""

import contextlib
import ipaddress
import re
import socket
import socketserver
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.messages import Request

_MAX_BODY_BYTES = 1 << 20
"""Kraken's largest documented call, a batch of 15 orders, is a few kilobytes."""

_IDLE_S = 60.0
"""A connection that says nothing for so long is closed, so that forgotten ones don't pile up."""


def loopback_address(host: str) -> str:
    """
    *host* as an address of this machine's loopback.

    Raises:
        ConfigurationError: It is none: demo keys and injected faults are for this host alone.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ConfigurationError(f"sandbox host {host[:60]!r}: it binds to loopback alone; use 127.0.0.1 or ::1")
    return str(address)


class SandboxServer:
    """
    Serves an exchange until it is closed.

    Args:
        exchange: Who answers.
        host: A loopback address.
        port: 0 for a free one.
        tls: Speak HTTPS with this server context.

    Raises:
        ConfigurationError: *host* is not loopback, or the port can't be bound.
    """

    def __init__(
        self, exchange: Exchange, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        address = loopback_address(host)
        self.exchange = exchange
        self._ended = threading.Event()
        handler = type("Handler", (_Handler,), {"exchange": exchange, "ended": self._ended})
        try:
            self._server = _Server((address, port), handler)
        except OSError as exc:
            raise ConfigurationError(f"sandbox can't listen on {address} port {port}: {exc.strerror}") from exc
        self._server.tls = tls
        name = f"[{address}]" if ":" in address else address
        self.url = f"{'https' if tls else 'http'}://{name}:{self._server.server_address[1]}"
        # How often it looks for its end, in seconds: by default half of one, for which every run would wait.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    # Not HTTPServer, which asks the resolver for the host's name: that may take seconds.
    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # where it would let two servers have one port
    request_queue_size = 1024  # a load test opens its connections at once
    tls: ssl.SSLContext | None = None

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        if self.tls is not None:
            # The handshake belongs here: in `get_request` one slow client would hold up all others.
            request.settimeout(_IDLE_S)
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except OSError:
                request.close()
                return
        self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are their own business."""

    def close_connections(self) -> None:
        for connection in list(self._open):
            # Shut down, not closed: the thread that reads from it wakes up, and closes it itself.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    exchange: Exchange
    ended: threading.Event
    """Ends the waits of slow answers."""
    protocol_version = "HTTP/1.1"
    server_version = "kraken-doctor-sandbox"
    sys_version = ""
    timeout = _IDLE_S
    # One write a response, sent at once: headers and body apart would wait 40 ms for each other's ACK.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            # The rest of the body is still to come, and would be read as the next request.
            self.send_error(413)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        peer = str(self.client_address[0])
        path, _, query = self.path.partition("?")
        response = self.exchange.handle(Request(self.command, path, headers, body, peer, query))
        if response.delay_s:
            self.ended.wait(response.delay_s)
        if response.reset:
            self._reset()
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body) if response.length is None else response.length))
        self.end_headers()
        self.wfile.write(response.body)
        # It announced another length than it had: what follows could not be told from the rest.
        if response.length is not None:
            self.close_connection = True

    do_GET = do_POST  # noqa: N815 - the base class's name

    def _body(self) -> bytes | None:
        """Return the body, of known length or in chunks (RFC 9112, section 7.1); None if it is too long, or broken."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = self.headers.get("Content-Length", "0")
            valid = length.isdigit() and int(length) <= _MAX_BODY_BYTES
            return self.rfile.read(int(length)) if valid else None
        body = b""
        while True:
            size = self.rfile.readline(80).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,6}", size) or len(body) + int(size, 16) > _MAX_BODY_BYTES:
                return None
            if int(size, 16) == 0:
                while self.rfile.readline(1000).strip():
                    """A trailer."""
                return body
            body += self.rfile.read(int(size, 16))
            self.rfile.readline(2)

    def _reset(self) -> None:
        # Linger 0: the peer gets RST, not an orderly end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.close_connection = True
        self.connection.close()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the ``Date`` header, by the exchange's clock."""
        if not self.exchange.tells_time:
            return ""
        return super().date_time_string(self.exchange.now() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Silent: the caller's terminal is not a server log."""
