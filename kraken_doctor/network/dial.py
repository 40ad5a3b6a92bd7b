"""
A TCP connection to one of several addresses, so that a dead one costs a moment and not the whole time.

As RFC 8305 ("Happy Eyeballs") has it: families in turn, the next address after a quarter of a second. Where the address
is a proxy's, a tunnel leads on from there (CONNECT, RFC 9110, section 9.3.6).
"""

import base64
import contextlib
import errno
import itertools
import os
import re
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from kraken_doctor.errors import AnswerSeen, TransportError
from kraken_doctor.network.failures import transport_error
from kraken_doctor.redact import shortened
from kraken_doctor.resolve import Address

NEXT_ADDRESS_S = 0.25
"""How long one address has before the next is tried beside it (RFC 8305, section 5)."""


class Attempt(NamedTuple):
    """An address that did not connect."""

    host: str
    seconds: float
    """Until it failed, or as long as it was waited for."""
    problem: str
    """The system's word, or ``no answer``."""


class Connected(NamedTuple):
    """The first address that answered, and what became of those that were tried before it."""

    connection: socket.socket
    host: str
    seconds: float
    """That this address took to answer."""
    failed: tuple[Attempt, ...] = ()


def dial(addresses: Sequence[Address], timeout_s: float, *, linger_s: float = 0.0) -> Connected:
    """
    Connect to the first of *addresses* that answers.

    Args:
        addresses: At least one, in the system's order.
        timeout_s: For all of them together.
        linger_s: How long to go on waiting for addresses that are silent when another has answered, to tell a
            dead one from a slow one.

    Raises:
        OSError: None connected: what the most telling one said, `TimeoutError` if all were silent.
    """
    with contextlib.closing(_Race(addresses, timeout_s)) as race:
        while race.winner is None:
            race.advance()
        race.linger(linger_s)
        return race.winner._replace(failed=tuple(race.failed))


class _Race:
    def __init__(self, addresses: Sequence[Address], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._began = self._next_at = time.monotonic()
        self._to_try = deque(_families_in_turn(addresses))
        self._pending: dict[socket.socket, tuple[Address, float]] = {}
        self._selector = selectors.DefaultSelector()
        self._errors: list[OSError] = []
        self.failed: list[Attempt] = []
        self.winner: Connected | None = None

    def close(self) -> None:
        for connection in self._pending:
            connection.close()
        self._selector.close()

    def advance(self) -> None:
        """One step: try the next address, or wait for those under way. Raises when nothing is left to wait for."""
        now = time.monotonic()
        left_s = self._began + self._timeout_s - now
        if left_s <= 0:
            raise TimeoutError(errno.ETIMEDOUT, f"no connection in {self._timeout_s:.3g} s")
        if self._to_try and (now >= self._next_at or not self._pending):
            self._try(self._to_try.popleft(), now)
        elif self._pending:
            self._settle(min(left_s, self._next_at - now) if self._to_try else left_s)
        else:
            raise max(self._errors, key=_telling)

    def linger(self, seconds: float) -> None:
        """Wait up to *seconds* for addresses that are still silent; then they count as failed."""
        until = min(time.monotonic() + seconds, self._began + self._timeout_s)
        while self._pending and (left_s := until - time.monotonic()) > 0:
            self._settle(left_s)
        # Waited for not at all, nothing is known of them.
        if seconds:
            for address, began in self._pending.values():
                self.failed.append(Attempt(address.host, time.monotonic() - began, "no answer"))

    def _try(self, address: Address, now: float) -> None:
        self._next_at = now + NEXT_ADDRESS_S
        connection = socket.socket(address.family, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(address.sockaddr)
        except BlockingIOError:
            pass
        except OSError as exc:
            connection.close()
            self._fail(address, now, exc)
            return
        self._pending[connection] = (address, now)
        self._selector.register(connection, selectors.EVENT_WRITE)

    def _settle(self, timeout_s: float) -> None:
        """Wait until one of those under way has connected or failed."""
        for key, _ in self._selector.select(timeout_s):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)  # noqa: S101 - nothing else is registered
            self._selector.unregister(connection)
            address, began = self._pending.pop(connection)
            code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0 and self.winner is None:
                self.winner = Connected(connection, address.host, time.monotonic() - began)
                continue
            connection.close()
            if code:
                self._fail(address, began, _error(code))

    def _fail(self, address: Address, began: float, error: OSError) -> None:
        self._errors.append(error)
        self.failed.append(Attempt(address.host, time.monotonic() - began, error.strerror or str(error)))


def _error(code: int) -> OSError:
    if sys.platform != "win32":
        return OSError(code, os.strerror(code))
    import ctypes

    return OSError(code, ctypes.FormatError(code))  # the C library there has no text for Winsock's numbers


def _families_in_turn(addresses: Sequence[Address]) -> list[Address]:
    """Return the system's order, but no family twice in a row while there is another."""
    families = dict.fromkeys(address.family for address in addresses)
    queues = [[address for address in addresses if address.family == family] for family in families]
    return [address for turn in itertools.zip_longest(*queues) for address in turn if address]


def _telling(error: OSError) -> int:
    """Rank *error*: a refusal is somebody's word; no route is only this host's."""
    if isinstance(error, ConnectionError):
        return 2
    return 1 if isinstance(error, TimeoutError) else 0


_HEAD_LIMIT_BYTES = 1 << 16
"""No proxy has that much to say before it lets through."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ?([^\r\n]*)\r?\n")


def open_tunnel(connection: socket.socket, host: str, port: int, timeout_s: float, login: str | None = None) -> None:
    """
    Ask the proxy at the other end of *connection* for a tunnel to *host*.

    Args:
        connection: Afterwards it leads there.
        host: Name or address.
        port: Of the host.
        timeout_s: For the whole exchange with the proxy.
        login: ``user:password``, for a proxy that wants one.

    Raises:
        TransportError: ``proxy-failed``, with what the proxy answered.
    """
    until = time.monotonic() + timeout_s
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if login is not None:
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    try:
        connection.settimeout(timeout_s)
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        head = _head(connection, until)
    except TimeoutError as exc:
        raise TransportError("proxy-failed", f"no answer to CONNECT {target} in {timeout_s:.3g} s") from exc
    except OSError as exc:
        raise TransportError("proxy-failed", transport_error(exc, "proxy-failed").detail) from exc
    said = _STATUS_LINE.match(head)
    if said is None or len(head) > _HEAD_LIMIT_BYTES:
        raise TransportError("proxy-failed", f"its answer to CONNECT {target} is not HTTP")
    status, reason = int(said[1]), shortened(said[2].decode("latin-1"))
    if not 200 <= status < 300:
        detail = f"it answered {status} {reason}".rstrip() + f" to CONNECT {target}"
        raise TransportError("proxy-failed", detail, AnswerSeen(proxy_status=status))


def _head(connection: socket.socket, until: float) -> bytes:
    """Return all up to the empty line: a server of TLS does not speak first, so nothing of its words can be in it."""
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        received = connection.recv(4096)
        head += received
        if not received or len(head) > _HEAD_LIMIT_BYTES:
            break
    return head
