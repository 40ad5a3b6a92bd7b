"""A server that keeps what it is told, byte for byte, and answers what a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Heard(NamedTuple):
    """One request."""

    method: str
    path: str
    """With the query."""
    headers: dict[str, str]
    """Names in lower case."""
    body: str


class Reply(NamedTuple):
    """One answer."""

    status: int = 200
    body: bytes = b'{"error":[],"result":{"n":1}}'
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it


class Listener(ThreadingHTTPServer):
    """On loopback; the next answers first, then always the plain one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[Heard] = []
        self.replies: list[Reply] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    @property
    def last(self) -> Heard:
        return self.heard[-1]

    def say(self, result: object, status: int = 200, **headers: str) -> None:
        """Let the next answer carry *result*."""
        body = json.dumps({"error": [], "result": result}).encode()
        self.replies.append(Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()}))


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "a server", ""

    def version_string(self) -> str:
        return self.server_version

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.heard.append(Heard(self.command, self.path, headers, body))
        reply = self.server.replies.pop(0) if self.server.replies else Reply()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silence."""


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener that serves until the end of the block."""
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
