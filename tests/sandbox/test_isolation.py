"""The place that nothing leaves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_doctor.sandbox import isolation

pytestmark = pytest.mark.skipif(not isolation.available(), reason="no network namespaces here")

_LISTEN = """
import socket, sys
from kraken_doctor.sandbox import isolation
isolation.enter()
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_socket_of_this_network_is_found(tmp_path: Path) -> None:
    """Wherever it is, from the kernel's own list."""
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(tmp_path)  # a socket's path has at most 107 bytes
        listening.bind(str(path := tmp_path / "s"))
        listening.listen()
        assert str(path) in isolation.unix_sockets()


@pytest.mark.skipif(not os.access("/run", os.W_OK), reason="/run is closed to this user")
def test_a_socket_of_another_network_is_found() -> None:
    """As a container has it: the kernel's list is of this namespace, and docker.sock is in the host's."""
    path = f"/run/kraken-doctor-{os.getpid()}.sock"
    with subprocess.Popen(
        [sys.executable, "-c", _LISTEN, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == b"ready\n"
            assert path in isolation.unix_sockets()
        finally:
            other.communicate(b"")
            Path(path).unlink()
