"""Connections of urllib3 with one time limit for a call as a whole, whose parts are measured."""

import functools
import http.client
import io
import socket
import time
from typing import Any, NamedTuple

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from kraken_doctor.network.dial import dial
from kraken_doctor.resolve import resolve

MAX_WIRE_BYTES = (1 << 20) + (1 << 16)
"""Of one answer as it comes, headers included. http.client bounds the line and the number of headers, and neither
how many interim answers (100 Continue) may come before the real one."""


_NO_LIMIT_S = 86_400.0
"""Where no timeout was given."""


class Timing(NamedTuple):
    """The parts of one call, in seconds; None where an open connection was used again."""

    connect_s: float | None
    """Name and TCP."""
    tls_s: float | None
    first_byte_s: float
    """From having sent the request."""
    total_s: float

    @property
    def until_sent_s(self) -> float:
        """From the beginning until there was a connection to send the request on."""
        return (self.connect_s or 0.0) + (self.tls_s or 0.0)


class BoundedConnection(HTTPConnection):
    """Let the timeout count down over connecting, request and answer, instead of starting anew with each packet."""

    _connect_until: float | None = None
    _until = _began = _sent = 0.0
    _connect_s: float | None = None
    _tls_s: float | None = None
    _first_byte_s = 0.0

    @property
    def timing(self) -> Timing:
        """Of the latest call; complete when its answer has been read."""
        return Timing(self._connect_s, self._tls_s, self._first_byte_s, time.monotonic() - self._began)

    def connect(self) -> None:
        # Of a proxied call urllib3 connects here first and sends afterwards: both are parts of the same call.
        self._began = time.monotonic()
        self._until = self._connect_until = self._began + (self.timeout or _NO_LIMIT_S)
        super().connect()
        connect_s = self._connect_s or 0.0
        self._tls_s = time.monotonic() - self._began - connect_s if isinstance(self, HTTPSConnection) else None

    def request(self, *arguments: Any, **options: Any) -> None:
        now = time.monotonic()
        self._until = now + (self.timeout or _NO_LIMIT_S)
        if self._connect_until is not None:
            # The first request on it: urllib3 gives a proxied call its whole time again once the tunnel stands.
            self._until = min(self._until, self._connect_until)
        else:
            self._began, self._connect_s, self._tls_s = now, None, None
        super().request(*arguments, **options)  # connects, where that is not done yet
        self._connect_until = None
        self._sent, self._first_byte_s = time.monotonic(), 0.0

    def close(self) -> None:
        super().close()
        self._connect_until = None

    @property
    def response_class(self) -> Any:  # type: ignore[override]
        """Return what reads an answer; http.client makes it with a socket, for a proxy's answer as for a server's."""
        return functools.partial(_BoundedResponse, connection=self)

    def left_s(self) -> float:
        """
        Return the seconds that the call has left.

        Raises:
            TimeoutError: None.
        """
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        return left_s

    def saw_byte(self) -> None:
        """Note that bytes have come: the first ones end the wait for an answer."""
        self._first_byte_s = self._first_byte_s or time.monotonic() - self._sent

    def _new_conn(self) -> socket.socket:
        """Resolve and connect, with the exceptions of urllib3's own method: requests distinguishes them."""
        try:
            addresses = resolve(self._dns_host, self.port, self.left_s())
            connection = dial(addresses, self.left_s()).connection
            connection.settimeout(self.left_s())
        except socket.gaierror as exc:
            raise NameResolutionError(self.host, self, exc) from exc
        except TimeoutError as exc:
            raise ConnectTimeoutError(self, f"no connection to {self.host} in time") from exc
        except OSError as exc:
            raise NewConnectionError(self, f"no connection to {self.host}: {exc}") from exc
        # urllib3's own: TCP_NODELAY, without which a small request waits for the acknowledgement of the one before.
        for option in self.socket_options or ():
            connection.setsockopt(*option)
        self._connect_s = time.monotonic() - self._began
        return connection


class BoundedTlsConnection(BoundedConnection, HTTPSConnection):
    """A `BoundedConnection` over TLS."""


class HttpPool(urllib3.HTTPConnectionPool):
    """A pool of `BoundedConnection`."""

    ConnectionCls = BoundedConnection


class HttpsPool(urllib3.HTTPSConnectionPool):
    """A pool of `BoundedTlsConnection`."""

    ConnectionCls = BoundedTlsConnection


class _BoundedResponse(http.client.HTTPResponse):
    """Read an answer through `_Countdown`."""

    def __init__(self, sock: Any, *arguments: Any, connection: BoundedConnection, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        # http.client opened its own reader, which knows only the socket's timeout: anew for every packet.
        self.fp.close()
        self.fp = io.BufferedReader(_Countdown(sock, connection))


class _Countdown(io.RawIOBase):
    """Read a socket; every read has only what is left of the call's time and bytes."""

    def __init__(self, sock: Any, connection: BoundedConnection) -> None:
        self._sock, self._connection = sock, connection
        # Through `makefile`, since a socket counts its files: it is closed for good when the last of them is.
        self._raw = sock.makefile("rb", buffering=0)
        self._left_bytes = MAX_WIRE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._connection.left_s())
        count: int | None = self._raw.readinto(buffer)
        if count:
            self._connection.saw_byte()
            self._left_bytes -= count
            if self._left_bytes < 0:
                raise http.client.HTTPException(f"the answer is longer than {MAX_WIRE_BYTES >> 10} KiB")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
