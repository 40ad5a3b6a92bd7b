"""
A command in a host of its own: with another resolver, or other names, than this host has.

    unshare -rmn python -m tests.network.namespace --resolver silent --took seconds.txt -- COMMAND ...
    unshare -rm python -m tests.network.namespace --hosts FILE --took seconds.txt -- COMMAND ...

The namespaces are what ``unshare`` makes: root in there is nobody outside, and with ``-n`` there is no network but
loopback.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.network.nameserver import Nameserver


def available() -> bool:
    """Whether this system lets us."""
    command = ["unshare", "-rmn", "sh", "-c", "ip link set lo up && mount --bind /etc/hosts /etc/hosts"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


def with_resolver(manner: str, took: Path) -> list[str]:
    """What to put before a command, for a host whose resolver is of *manner*; its seconds go to *took*."""
    return ["unshare", "-rmn", *_ourselves(took), "--resolver", manner, "--"]


def with_hosts(hosts: Path, took: Path) -> list[str]:
    """The same for a host that has *hosts* as ``/etc/hosts``, and this one's network."""
    return ["unshare", "-rm", *_ourselves(took), "--hosts", str(hosts), "--"]


def asked_file(took: Path) -> Path:
    """Is there once the resolver has been asked."""
    return took.with_suffix(".asked")


def _ourselves(took: Path) -> list[str]:
    return [sys.executable, "-m", "tests.network.namespace", "--took", str(took)]


def _mount(text: str, target: str) -> None:
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(text)
    subprocess.run(["mount", "--bind", file.name, target], check=True)
    Path(file.name).unlink()


def main() -> int:
    """Set the scene, run the command, keep its time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--resolver")
    parser.add_argument("--hosts", type=Path)
    parser.add_argument("--took", type=Path, required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.resolver:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        # Longer than any limit of a test, so that it is the limit that is seen to work.
        _mount("nameserver 127.0.0.1\noptions timeout:30 attempts:2\n", "/etc/resolv.conf")
        Nameserver(options.resolver, asked_file(options.took))
    if options.hosts:
        _mount(options.hosts.read_text(), "/etc/hosts")
    _mount("hosts: files dns\n", "/etc/nsswitch.conf")
    # Ctrl-C reaches both; it is for the command to end.
    signal.signal(signal.SIGINT, lambda *_: None)
    began = time.monotonic()
    status = subprocess.run(options.command, check=False).returncode
    options.took.write_text(str(time.monotonic() - began))
    return status


if __name__ == "__main__":
    sys.exit(main())
