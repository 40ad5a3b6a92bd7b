"""Against a real chronyd."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kraken_doctor.clock import SystemClock
from kraken_doctor.errors import TimeSourceError
from kraken_doctor.timesource.ntp import TimeServers
from tests.conftest import Run

CHRONYD = shutil.which("chronyd") or shutil.which("chronyd", path="/usr/sbin")
pytestmark = [pytest.mark.slow, pytest.mark.chrony, pytest.mark.skipif(CHRONYD is None, reason="no chronyd")]


@contextlib.contextmanager
def chronyd(folder: Path, *lines: str, host: str = "127.0.0.1") -> Iterator[str]:
    """A server on a free port; it touches no clock (-x) and reads no configuration but ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / f"chrony-{port}.conf"
    configuration.write_text(
        "\n".join([*lines, f"port {port}", f"bindaddress {host}", f"allow {host}", "cmdport 0", "bindcmdaddress /"])
        + f"\npidfile {folder}/{port}.pid\n"
    )
    assert CHRONYD is not None
    process = subprocess.Popen(
        [CHRONYD, "-x", "-d", "-U", "-f", str(configuration)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    name = f"[{host}]" if ":" in host else host
    try:
        _await_answer(process, f"{name}:{port}")
        yield f"{name}:{port}"
    finally:
        process.terminate()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _await_answer(process: subprocess.Popen[bytes], server: str) -> None:
    """Until it answers at all, right or wrong."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            TimeServers(SystemClock()).ask(server, 0.5)
        except TimeSourceError as exc:
            if "not synchronised" in str(exc):
                return
            if process.poll() is not None:
                assert process.stderr is not None
                pytest.fail(process.stderr.read().decode())
        else:
            return
    pytest.fail("chronyd does not answer")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_its_time_is_this_hosts(tmp_path: Path, host: str) -> None:
    """It reads the same clock: the offset is nothing, within a bound of milliseconds."""
    with chronyd(tmp_path, "local stratum 8", host=host) as server:
        sample = TimeServers(SystemClock()).ask(server, 2)
    assert sample.low_s <= 0 <= sample.high_s
    assert sample.bound_s < 0.1


def test_one_that_is_not_synchronised_says_so(tmp_path: Path) -> None:
    """Stratum 0 and no letters: no kiss-o'-death, so it may be asked again."""
    servers = TimeServers(SystemClock())
    with chronyd(tmp_path) as server:
        for _ in range(2):
            with pytest.raises(TimeSourceError, match="the server itself is not synchronised"):
                servers.ask(server, 2)


def test_several_of_them_agree(tmp_path: Path, doctor: Run) -> None:
    """The command, with a good majority and one that knows nothing."""
    with (
        chronyd(tmp_path, "local stratum 8") as one,
        chronyd(tmp_path, "local stratum 9", host="::1") as other,
        chronyd(tmp_path) as lost,
    ):
        servers = [argument for server in (one, other, lost) for argument in ("--ntp-server", server)]
        ended = doctor("clock", "--sandbox", *servers)
    assert ended.status == 0, ended.stdout
    assert "2 of 3 servers" in ended.stdout
    assert "the server itself is not synchronised" in " ".join(ended.stdout.split())
