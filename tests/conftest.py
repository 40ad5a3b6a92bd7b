"""What every test has: a clean environment, loopback alone, and an exchange that it can ask for."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from tests.client.listener import Listener, listening
from tests.schema import document

# How long one example takes says how busy the machine is; benchmarks/ is where time is measured.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_AFFECT_OUTPUT = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")
_AFFECT_PATH = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip


def pytest_configure() -> None:
    """A suite started with ``&`` or ``nohup`` has Ctrl-C ignored, and its children would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What needs POSIX says why, and is skipped elsewhere."""
    for name, here in (("posix", os.name == "posix"), ("linux", sys.platform == "linux")):
        if not here and (mark := item.get_closest_marker(name)):
            pytest.skip(f"needs {name}: {mark.args[0]}")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the developer's own decides a test, and no file of theirs is written."""
    for name in os.environ:
        if name.startswith("KRAKEN") or name.upper() in (*_AFFECT_OUTPUT, *_AFFECT_PATH):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture(autouse=True)
def loopback_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would leave this host fails instead."""
    connect, sendto = socket.socket.connect, socket.socket.sendto

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_foreign(self, address)
        connect(self, address)

    def guarded_sendto(self: socket.socket, data: bytes, *arguments: Any) -> int:
        _refuse_foreign(self, arguments[-1])
        return sendto(self, data, *arguments)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "sendto", guarded_sendto)


def _refuse_foreign(connection: socket.socket, address: Any) -> None:
    if connection.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
        raise AssertionError(f"a test tried to reach {address[0]}")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


@pytest.fixture
def key() -> Key:
    """One healthy key with some money."""
    api_key, secret = demo_credentials("test")
    return Key(name="test", api_key=api_key, secret=secret, balances={"ZUSD": "100.0000", "USDT": "50.00000000"})


@pytest.fixture
def exchange(key: Key) -> Exchange:
    """An exchange that knows `key`."""
    return Exchange([key])


@pytest.fixture
def server(exchange: Exchange) -> Iterator[SandboxServer]:
    """The exchange on the wire."""
    with SandboxServer(exchange) as serving:
        yield serving


Run = Callable[..., "Finished"]


class Finished:
    """How one invocation of the command line ended."""

    def __init__(self, status: int, stdout: str, stderr: str) -> None:
        self.status, self.stdout, self.stderr = status, stdout, stderr


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process: ``doctor("check", "--sandbox")``."""
    from kraken_doctor.cli.main import run

    def invoke(*arguments: str) -> Finished:
        capsys.readouterr()
        status = run(arguments)
        captured = capsys.readouterr()
        if "json" in arguments and captured.out:
            document(captured.out)  # whatever else a test looks at: it is what the schema says
        return Finished(status, captured.out, captured.err)

    return invoke


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server that keeps what it is told."""
    with listening() as serving:
        yield serving
