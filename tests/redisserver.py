"""A real Redis on loopback, that a test can stop, freeze and start again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import redis

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on this machine")


class RedisServer:
    """One server process; data is kept in *folder* only with ``persist``."""

    def __init__(self, folder: Path, *, persist: bool = False, options: tuple[str, ...] = ()) -> None:
        self.port = 65_535
        while self.port > 55_535:  # a node of a cluster listens 10,000 above it too
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
            "--appendonly", "yes" if persist else "no", "--appendfsync", "always", *options,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it, with more *options* than those of all times, and wait until it answers."""
        self._process = subprocess.Popen(
            [*self._command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while True:
            assert self._process.poll() is None, "redis-server ended at once"
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except ConnectionRefusedError:
                continue

    def kill(self) -> None:
        """As a power cut would."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def freeze(self) -> None:
        """From now on it answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It answers again."""
        self._signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """A connection to look at what is in it."""
        return redis.Redis(port=self.port, decode_responses=True)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self.kill()
