# mypy: disable-error-code="attr-defined"
# Only Linux has what is used here; where it is called, that is asked first.
"""From a namespace's loopback to this host's: the ports of a bot's own database, and no others."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator, Sequence

from kraken_doctor import child

_CHUNK_BYTES = 65536


@contextlib.contextmanager
def started(ports: Sequence[int]) -> Iterator[socket.socket]:
    """A process that stays in this network, and waits for `offer`; to be entered before the namespace is."""
    ours, theirs = socket.socketpair()
    program = "from kraken_doctor.sandbox.relay import main; main()"
    command = child.python(program, str(theirs.fileno()), *map(str, ports))
    with ours, child.started(command, pass_fds=(theirs.fileno(),)):
        theirs.close()
        yield ours


def offer(link: socket.socket, ports: Sequence[int]) -> None:
    """
    Have the other process of *link* serve *ports* of this namespace's loopback.

    Raises:
        OSError: One of them is taken.
    """
    if sys.platform == "win32":
        return  # it has no namespace to relay from
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", port))) for port in ports]
        socket.send_fds(link, [b"."], [listener.fileno() for listener in listeners])


def main() -> None:
    """Relay until whoever started this has gone."""
    if sys.platform == "win32":
        return
    link = socket.socket(fileno=int(sys.argv[1]))
    ports = [int(text) for text in sys.argv[2:]]
    _, descriptors, _, _ = socket.recv_fds(link, 1, len(ports))
    for descriptor, port in zip(descriptors, ports, strict=True):
        listener = socket.socket(fileno=descriptor)
        threading.Thread(target=_serve, args=(listener, port), daemon=True).start()
    link.recv(1)
    os._exit(0)


def _serve(listener: socket.socket, port: int) -> None:
    while True:
        inner, _ = listener.accept()
        try:
            outer = socket.create_connection(("127.0.0.1", port))
        except OSError:
            inner.close()
            continue
        for source, target in ((inner, outer), (outer, inner)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_WR if end is target else socket.SHUT_RD)
