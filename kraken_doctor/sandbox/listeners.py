"""
The ways on which an embedded exchange is reached, or not: real sockets on loopback, all closed with the stack.

Where its name has to be Kraken's, an authority of one run: its key is thrown away with the run, so that trusting it
costs nothing.
"""

import socket
import ssl
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.tables import load

Wire = Callable[[ExitStack, Exchange, str, int], str]
"""Serves an exchange at a host and a port, 0 for a free one, until the stack is closed; gives the URL."""

_CERTIFICATES = Path(__file__).with_name("certificates")

AUTHORITY = _CERTIFICATES / "authority.pem"
"""The certificate of the authority that signed all of the demonstration certificates."""


def plain(stack: ExitStack, exchange: Exchange, host: str, port: int) -> str:
    """HTTP, as it should be."""
    return stack.enter_context(SandboxServer(exchange, host=host, port=port)).url


def tls(certificate: str) -> Wire:
    """HTTPS with one of the demonstration certificates, for instance ``expired``."""

    def serve(stack: ExitStack, exchange: Exchange, host: str, port: int) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # to show a weak key is the server's part
        context.load_cert_chain(_CERTIFICATES / f"{certificate}.pem")
        return stack.enter_context(SandboxServer(exchange, host=host, port=port, tls=context)).url

    return serve


def served_as_kraken(exchange: Exchange, certificate: Path, key: Path, port: int) -> SandboxServer:
    """HTTPS on loopback with *certificate*, for programs that know the exchange by its name alone; to be entered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return SandboxServer(exchange, port=port, tls=context)


def not_tls(stack: ExitStack, exchange: Exchange, host: str, port: int) -> str:
    """Return a URL that promises TLS, and a server that speaks plain HTTP."""
    return plain(stack, exchange, host, port).replace("http:", "https:")


def unknown_host(*_: Any) -> str:
    """Return a name that no resolver has to be asked about: no label may be that long (RFC 1035, section 2.3.4)."""
    return f"https://{'no-such-host-' * 5}.invalid"


def closed_port_url(stack: ExitStack, *_: Any) -> str:
    """Return a port that refuses."""
    return f"http://127.0.0.1:{closed_port(stack)}"


def closed_port(stack: ExitStack) -> int:
    """Return a port that nobody listens on, and that nobody else gets meanwhile."""
    bound = stack.enter_context(socket.socket())
    bound.bind(("127.0.0.1", 0))
    return int(bound.getsockname()[1])


def nobody_answers(stack: ExitStack, *_: Any) -> str:
    """Return a port where a connection is neither accepted nor refused, as at the end of a dead route."""
    return f"http://127.0.0.1:{dead_port(stack)}"


def dead_port(stack: ExitStack, host: str = "127.0.0.1", port: int = 0) -> int:
    """Return a port of *host* that does not answer."""
    # A SYN for a listener whose queue is full is dropped; a queue for none is full with one.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener, first = (stack.enter_context(socket.socket(family)) for _ in range(2))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(0)
    first.connect(listener.getsockname())
    return int(listener.getsockname()[1])


_CONFIGURATION = str(_CERTIFICATES / "openssl.cnf")
_STEP_S = 20.0


def make_certificate(folder: Path) -> tuple[Path, Path, Path] | None:
    """
    Return the files of an authority, and of a certificate for Kraken's host and its key, made in *folder*.

    None where this system has no ``openssl``: Python itself can't make a certificate.
    """
    for step in load(__file__, "certificates.toml")["steps"]:
        command = ["openssl", *(_CONFIGURATION if word == "CONF" else word for word in step.split())]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_STEP_S)  # noqa: S603 - ours
        except (OSError, subprocess.SubprocessError):
            return None
    return folder / "ca.pem", folder / "server.pem", folder / "server.key"
