"""A proxy of our own: lets through, asks for a login, refuses, or answers in the exchange's place."""

from __future__ import annotations

import base64
import contextlib
import selectors
import socket
import ssl
import threading

from tests.network.wild import Behaviour

EXCHANGE = "exchange.test"
"""Where a `Proxy` finds what is served on 127.0.0.1."""


class Proxy:
    """
    An HTTP proxy for `WildServer`; keeps what it was asked.

    Args:
        login: ``user:password`` that it wants.
        refusal: The status line with which it refuses every CONNECT: ``503 Service Unavailable``.
        intercept: Speak TLS with the client by this context, instead of letting it through.
    """

    def __init__(
        self, *, login: str | None = None, refusal: str | None = None, intercept: ssl.SSLContext | None = None
    ) -> None:
        self._login = f"Basic {base64.b64encode(login.encode()).decode()}" if login else None
        self._refusal, self._intercept = refusal, intercept
        self.asked: list[str] = []
        """``CONNECT 127.0.0.1:443``, ``GET http://127.0.0.1:80/…``"""

    def __call__(self, client: socket.socket, ended: threading.Event) -> None:
        head = _head(client)
        method, target = head.split(" ")[:2]
        self.asked.append(f"{method} {target}")
        if self._login and f"proxy-authorization: {self._login.lower()}" not in head.lower():
            _answer(client, "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="proxy"\r\n')
        elif self._refusal:
            _answer(client, self._refusal)
        elif method == "CONNECT":
            self._connect(client, target, ended)
        else:
            self._forward(client, head, target, ended)

    def _connect(self, client: socket.socket, target: str, ended: threading.Event) -> None:
        if self._intercept is not None:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with contextlib.suppress(OSError), self._intercept.wrap_socket(client, server_side=True) as inside:
                inside.recv(1)
            return
        host, _, port = target.rpartition(":")
        try:
            upstream = socket.create_connection((_resolved(host.strip("[]")), int(port)), timeout=5)
        except OSError:
            _answer(client, "502 Bad Gateway")
            return
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        _pump(client, upstream, ended)

    @staticmethod
    def _forward(client: socket.socket, head: str, target: str, ended: threading.Event) -> None:
        host, _, path = target.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        try:
            upstream = socket.create_connection((name, int(port or 80)), timeout=5)
        except OSError:
            _answer(client, "502 Bad Gateway")
            return
        upstream.sendall(head.replace(target, f"/{path}", 1).encode("latin-1"))
        _pump(client, upstream, ended)


def _resolved(host: str) -> str:
    # A call to loopback goes by no proxy: behind one, the exchange needs a name that this host does not know.
    return "127.0.0.1" if host == EXCHANGE else host


def proxy(**options: object) -> Behaviour:
    """A `Proxy` as a behaviour."""
    return Proxy(**options)  # type: ignore[arg-type]


def _head(client: socket.socket) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        received = client.recv(4096)
        if not received:
            raise ConnectionResetError
        head += received
    return head.decode("latin-1")


def _answer(client: socket.socket, status: str, headers: str = "") -> None:
    client.sendall(f"HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())


def _pump(client: socket.socket, upstream: socket.socket, ended: threading.Event) -> None:
    """Both ways until one side ends."""
    with upstream, selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, upstream)
        selector.register(upstream, selectors.EVENT_READ, client)
        while not ended.is_set():
            for key, _ in selector.select(0.05):
                source, sink = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                data = source.recv(65536)
                if not data:
                    return
                sink.sendall(data)
