"""From a host's name to its addresses, in bounded time."""

import contextlib
import functools
import socket
from typing import Any, NamedTuple

from kraken_doctor import parallel


class Address(NamedTuple):
    """Where a connection may be tried."""

    family: int
    sockaddr: tuple[Any, ...]
    """As ``socket.connect`` takes it; for IPv6 with flow and scope, without which ``fe80::`` leads nowhere."""

    @property
    def host(self) -> str:
        """The address without its port."""
        return str(self.sockaddr[0])


def resolve(host: str, port: int, timeout_s: float, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[Address]:
    """
    Return the addresses of *host* for sockets of a *kind*, in the order in which the system would try them.

    The system's resolver may take half a minute to give up, and can't be interrupted; so it is left behind when
    *timeout_s* is over.

    Raises:
        socket.gaierror: No such name, no answer from the resolver, or none in time.
    """
    look_up = functools.partial(socket.getaddrinfo, host, port, type=kind)
    try:
        # An address needs no resolver, and so no thread.
        with contextlib.suppress(socket.gaierror):
            return _addresses(look_up(flags=socket.AI_NUMERICHOST))
        return _addresses(parallel.call_with_timeout(timeout_s, look_up))
    except TimeoutError as exc:
        raise socket.gaierror(socket.EAI_AGAIN, f"no answer from the resolver in {timeout_s:.3g} s") from exc
    except UnicodeError as exc:
        raise socket.gaierror(socket.EAI_NONAME, "this is not a valid host name") from exc


def _addresses(found: list[Any]) -> list[Address]:
    return list(dict.fromkeys(Address(entry[0], entry[4]) for entry in found))
