"""From names to addresses, in bounded time."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from kraken_doctor.resolve import resolve


def test_an_address_needs_no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked nothing, and no thread is made for it."""
    threads = threading.active_count()
    (address,) = resolve("127.0.0.1", 80, 1)
    assert (address.family, address.sockaddr, address.host) == (socket.AF_INET, ("127.0.0.1", 80), "127.0.0.1")
    (six,) = resolve("::1", 80, 1)
    assert six.host == "::1"
    assert threading.active_count() == threads


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't be interrupted; whoever asked goes on, with the resolver's own kind of error."""
    release = threading.Event()
    real = socket.getaddrinfo

    def hang(host: str, *arguments: object, **options: object) -> object:
        if not options.get("flags"):
            release.wait()
        return real(host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    with pytest.raises(socket.gaierror, match=r"no answer from the resolver in 0\.2 s"):
        resolve("slow.example", 443, 0.2)
    release.set()
    assert time.monotonic() - began < 10, "the limit, not the resolver, ended it"


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "..", "\ud800"])
def test_what_can_be_no_name_does_not_resolve(name: str) -> None:
    """Python itself refuses to encode it; that is no other failure than an unknown name."""
    with pytest.raises(socket.gaierror):
        resolve(name, 443, 2)


def test_each_address_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolvers repeat them; the order is the system's."""
    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0))
    four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [six, four, six])
    assert [address.host for address in resolve("two.example", 1, 1)] == ["::1", "127.0.0.1"]
