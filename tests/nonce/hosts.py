"""Hosts made of network namespaces, joined by a bridge; made and taken down by whoever uses them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from types import TracebackType
from typing import Self

_SUBNET = "10.213.77"
"""Of RFC 1918, and unlikely to be anybody's; it exists inside this machine alone."""

# The exchange listens on loopback alone, as it should: a relay at each end carries a connection across.
_RELAY = """
import socket, sys, threading
listen, target = (address.rsplit(":", 1) for address in sys.argv[1:])
server = socket.create_server((listen[0], int(listen[1])))
print("ready", flush=True)
def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
while True:
    here, _ = server.accept()
    there = socket.create_connection((target[0], int(target[1])))
    for end in (here, there):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for pair in ((here, there), (there, here)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
"""


class Hosts:
    """
    So many hosts on one network, and this machine at its gateway.

    Raises:
        subprocess.CalledProcessError: The system does not allow it.
    """

    def __init__(self, count: int) -> None:
        self.gateway = f"{_SUBNET}.1"
        self._bridge = f"kd{os.getpid() % 100_000}"
        self._names = [f"{self._bridge}-{number}" for number in range(count)]
        self._relays: list[subprocess.Popen[str]] = []
        try:
            self._make()
        except subprocess.CalledProcessError:
            self._take_down()
            raise

    def _make(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.gateway}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for number, name in enumerate(self._names):
            near, far = f"{self._bridge}n{number}", f"{self._bridge}f{number}"
            _ip("netns", "add", name)
            _ip("link", "add", near, "type", "veth", "peer", "name", far)
            _ip("link", "set", far, "netns", name)
            _ip("link", "set", near, "master", self._bridge, "up")
            _ip("-n", name, "address", "add", f"{_SUBNET}.{number + 10}/24", "dev", far)
            _ip("-n", name, "link", "set", far, "up")
            _ip("-n", name, "link", "set", "lo", "up")

    @contextlib.contextmanager
    def exchange_at(self, url: str) -> Iterator[str]:
        """The exchange at *url*, a loopback address of this machine, at one URL on the loopback of every host."""
        port = urllib.parse.urlsplit(url).port
        self._relay([], f"{self.gateway}:{port}", f"127.0.0.1:{port}")
        for name in self._names:
            self._relay(["ip", "netns", "exec", name], f"127.0.0.1:{port}", f"{self.gateway}:{port}")
        yield f"http://127.0.0.1:{port}"

    def start(self, number: int, command: list[str]) -> subprocess.Popen[str]:
        """Run *command* on a host."""
        return subprocess.Popen(
            [*self.prefix(number), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def prefix(self, number: int) -> list[str]:
        """What before a command makes it run on a host."""
        return ["ip", "netns", "exec", self._names[number]]

    def _relay(self, prefix: list[str], listen: str, target: str) -> None:
        command = [*prefix, sys.executable, "-c", _RELAY, listen, target]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._relays.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    def _take_down(self) -> None:
        for relay in self._relays:
            relay.kill()
            relay.wait()
            if relay.stdout is not None:
                relay.stdout.close()
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True, check=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._take_down()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, check=True)
