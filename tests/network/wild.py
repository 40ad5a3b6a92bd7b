"""A server that misbehaves, and an address at which nobody answers: real sockets on loopback."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from kraken_doctor.sandbox import listeners

Behaviour = Callable[[socket.socket, threading.Event], None]
"""What is done with a connection until it ends, or the server does."""

_MIB = 1 << 20


class WildServer:
    """Accepts connections and gives each to *behaviour*, in a thread of its own; with *tls* after a handshake."""

    def __init__(
        self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._behaviour, self._tls = behaviour, tls
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        # An own connection wakes the thread from `accept`; closing the listener under it would not.
        socket.create_connection(self._listener.getsockname()[:2]).close()
        self._thread.join()
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._ended.is_set():
                connection.close()
                return
            threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        self._open.add(connection)
        with contextlib.suppress(OSError):
            if self._tls is not None:
                self._open.discard(connection)
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.add(connection)
            self._behaviour(connection, self._ended)
        self._open.discard(connection)
        connection.close()


def silent(connection: socket.socket, ended: threading.Event) -> None:
    """Accepts, and never says a word."""
    ended.wait()


def reset(connection: socket.socket, ended: threading.Event) -> None:
    """Hears the request, and cuts the connection."""
    connection.recv(1 << 16)
    _cut(connection)


def reset_at_once(connection: socket.socket, ended: threading.Event) -> None:
    """Cuts as soon as anything has come; under TLS that is the first message of the handshake."""
    connection.recv(1)
    _cut(connection)


def _cut(connection: socket.socket) -> None:
    # Linger 0: the peer gets RST, not an orderly end.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def drip(head: bytes, drop: bytes = b"x", every_s: float = 1.0) -> Behaviour:
    """Sends *head* at once, and then *drop* every second, for ever."""

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        connection.recv(1 << 16)
        connection.sendall(head)
        while not ended.wait(every_s):
            connection.sendall(drop)

    return behave


def flood(head: bytes, wave: bytes) -> Behaviour:
    """Sends *head*, and then *wave* as fast as it is taken, for ever."""

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        connection.recv(1 << 16)
        connection.sendall(head)
        while not ended.is_set():
            connection.sendall(wave)

    return behave


def says(answer: bytes) -> Behaviour:
    """Gives the same answer, whatever was asked, and hangs up."""

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        connection.recv(1 << 16)
        connection.sendall(answer)
        if not isinstance(connection, ssl.SSLSocket):
            # The rest of the request may still come: closed with that unread, the end of the answer would be lost.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass

    return behave


def page(status: str, body: str = "", **headers: str) -> Behaviour:
    """An HTTP answer; names of headers with underscores for dashes."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", body]
    return says("\r\n".join(lines).encode())


def bomb(mebibytes: int) -> Behaviour:
    """A small answer that unpacks to *mebibytes*."""
    # A gzip file may consist of several, one after the other.
    packed = gzip.compress(bytes(_MIB)) * mebibytes
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    return says(head + packed)


DRIP_HEADERS = drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")
DRIP_BODY = drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n", b" ")
ENDLESS_HEADERS = flood(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 512)
ENDLESS_LINE = flood(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a" * 65536)
ENDLESS_INTERIM = flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 512)
GIGABYTE = flood(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", b" " * 65536)
ENDLESS_CHUNKS = flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10\r\n                \r\n" * 512)
NOT_HTTP = says(b"SSH-2.0-OpenSSH_9.2p1\r\n")
TRUNCATED = says(b'HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{"error":[],')
HANG_UP = says(b"")


@contextlib.contextmanager
def dead_address(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """
    A port of *host* where a connection is neither accepted nor refused: as at the end of a dead route.
    """
    with contextlib.ExitStack() as stack:
        yield listeners.dead_port(stack, host, port)


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
