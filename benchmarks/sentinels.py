"""
Three Redis servers, three sentinels that watch them, and one address that leads to the primary.

The store takes an address (``redis://``), so whoever runs Sentinel puts one in front of it: HAProxy, a virtual IP that
``client-reconfig-script`` moves, a service of Kubernetes. Here it is a relay that asks the sentinels.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import redis

from tests.redisserver import RedisServer

NAME = "soak"
DOWN_AFTER_MS = 1_000
"""Shorter, and a busy machine is taken for a dead server."""

PATIENCE_S = 30.0


class Sentinels:
    """See above; made by `started`."""

    def __init__(self, servers: list[RedisServer], sentinel_ports: list[int]) -> None:
        self._servers, self._ports = servers, sentinel_ports
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._open: set[socket.socket] = set()
        self._primary = servers[0].port
        self.changes: list[float] = []
        """When another became the primary, on the monotonic clock; sentinels may decide on that by themselves."""
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._follow, daemon=True).start()

    @classmethod
    def started(cls, stack: ExitStack, base: Path) -> Sentinels | None:
        """All of them, until *stack* ends; None without a redis-server."""
        if not shutil.which("redis-server"):
            return None
        servers: list[RedisServer] = []
        for number in range(3):
            folder = base / f"redis-{number}"
            folder.mkdir()
            options = ("--replicaof", "127.0.0.1", str(servers[0].port)) if servers else ()
            server = stack.enter_context(RedisServer(folder, options=(*options, "--repl-diskless-sync-delay", "0")))
            servers.append(server)
        ports = [_sentinel(stack, base / f"sentinel-{number}", servers[0].port) for number in range(3)]
        found = cls(servers, ports)
        found._wait(lambda: found._says("num-slaves") == "2" and found._says("num-other-sentinels") == "2")
        return found

    def fail_over(self) -> None:
        """Kill the primary; come back when another has its place, and it is a replica of that."""
        before = self._primary
        (server,) = [server for server in self._servers if server.port == before]
        server.kill()
        self._wait(lambda: self._primary != before)
        # As a replica from the first moment on: it has no data, and a sentinel may still take it for the primary.
        server.start("--replicaof", "127.0.0.1", str(self._primary))
        self._wait(lambda: self._says("num-slaves") == "2" and "s_down" not in str(self._says("flags")))

    def _says(self, field: str) -> str | None:
        for port in self._ports:
            with suppress(redis.RedisError), redis.Redis(port=port, decode_responses=True, socket_timeout=1) as asked:
                return str(asked.sentinel_master(NAME).get(field))
        return None

    def _wait(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not until():
            if time.monotonic() > end:
                raise TimeoutError("the sentinels do not agree")
            time.sleep(0.02)

    def _follow(self) -> None:
        while True:
            with suppress(ValueError):
                now = int(self._says("port") or "")
                if now != self._primary:
                    self._primary = now
                    self.changes.append(time.monotonic())
                    for connection in list(self._open):
                        with suppress(OSError):
                            connection.shutdown(socket.SHUT_RDWR)
            time.sleep(0.02)

    def _accept(self) -> None:
        while True:
            here, _ = self._listener.accept()
            primary = self._primary
            try:
                there = socket.create_connection(("127.0.0.1", primary), timeout=5)
            except OSError:
                here.close()
                continue
            self._open |= {here, there}
            if primary != self._primary:  # `_follow` may not have seen these two, and an old primary may still live
                for end in (here, there):
                    self._open.discard(end)
                    end.close()
                continue
            for one, other in ((here, there), (there, here)):
                one.settimeout(None)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)


def _sentinel(stack: ExitStack, folder: Path, primary: int) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder.mkdir()
    settings = folder / "sentinel.conf"
    settings.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor {NAME} 127.0.0.1 {primary} 2\n"
        f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\nsentinel failover-timeout {NAME} 3000\n",
        encoding="utf-8",
    )
    command = ["redis-server", str(settings), "--sentinel"]
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    stack.callback(process.kill)
    return port
