"""A tunnel through a proxy: opened, or refused in the proxy's own words."""

from __future__ import annotations

import os
import socket

import pytest

from kraken_doctor.errors import TransportError
from kraken_doctor.network.dial import open_tunnel
from tests.network.proxies import Proxy
from tests.network.wild import NOT_HTTP, Behaviour, WildServer, closed_port, drip, flood, reset, says, silent


def through(server: WildServer, port: int, login: str | None = None, timeout_s: float = 2) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port))
    try:
        open_tunnel(connection, "127.0.0.1", port, timeout_s, login)
    except TransportError:
        connection.close()
        raise
    return connection


def test_it_leads_to_the_other_end() -> None:
    """What is sent arrives there, with the login that the proxy wants."""
    proxy = Proxy(login="daivon:sesame")
    with (
        WildServer(says(b"here I am")) as target,
        WildServer(proxy) as server,
        through(server, target.port, "daivon:sesame") as connection,
    ):
        connection.sendall(b"who?")
        assert connection.recv(100) == b"here I am"
    assert proxy.asked == [f"CONNECT 127.0.0.1:{target.port}"]


def test_addresses_of_ipv6_stand_in_brackets() -> None:
    """Else their last group would be the port."""
    proxy = Proxy(refusal="403 Forbidden")
    with (
        WildServer(proxy) as server,
        socket.create_connection(("127.0.0.1", server.port)) as connection,
        pytest.raises(TransportError),
    ):
        open_tunnel(connection, "::1", 443, 2)
    assert proxy.asked == ["CONNECT [::1]:443"]


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (Proxy(login="daivon:sesame"), "407 Proxy Authentication Required"),
        (Proxy(refusal="503 Service Unavailable"), "503 Service Unavailable"),
        (Proxy(), "502 Bad Gateway"),
        (silent, "no answer to CONNECT"),
        (drip(b"HTTP/1.1 2", b"0", every_s=0.05), "no answer to CONNECT"),
        (NOT_HTTP, "not HTTP"),
        (flood(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 64), "not HTTP"),
        (reset, "Connection reset by peer" if os.name == "posix" else "its answer to CONNECT"),
        (says(b""), "not HTTP"),
    ],
    ids=["407", "503", "502", "silent", "dripping", "ssh", "endless", "reset", "closed"],
)
def test_a_proxy_that_does_not_let_through(behaviour: Behaviour, said: str) -> None:
    """Its own fault, in its own words; and never longer than the limit."""
    with WildServer(behaviour) as server, pytest.raises(TransportError, match=said) as caught:
        through(server, closed_port(), timeout_s=0.4)
    assert caught.value.kind == "proxy-failed"
    status = said.partition(" ")[0]
    assert caught.value.seen.proxy_status == (int(status) if status.isdigit() else None)
