"""One of several addresses: a dead one costs a moment, and is told from a slow one."""

from __future__ import annotations

import socket

import pytest

from kraken_doctor.network.dial import dial
from kraken_doctor.resolve import Address
from tests.network.wild import WildServer, closed_port, dead_address, silent


def four(port: int, host: str = "127.0.0.1") -> Address:
    return Address(socket.AF_INET, (host, port))


def six(port: int) -> Address:
    return Address(socket.AF_INET6, ("::1", port, 0, 0))


def test_a_dead_address_does_not_eat_the_time_of_the_next() -> None:
    """With all of ten seconds for both, the second answers in a fraction of one."""
    with dead_address("::1") as dead, WildServer(silent) as server:
        connected = dial([six(dead), four(server.port)], 10)
        connected.connection.close()
    assert (connected.host, connected.failed) == ("127.0.0.1", ())
    assert connected.seconds < 5


def test_a_dead_address_is_told_when_it_is_waited_for() -> None:
    """As long as was said, and not for longer than the whole limit."""
    with dead_address("::1") as dead, WildServer(silent) as server:
        connected = dial([six(dead), four(server.port)], 10, linger_s=0.5)
        connected.connection.close()
    (failed,) = connected.failed
    assert (failed.host, failed.problem) == ("::1", "no answer")
    assert failed.seconds >= 0.5


def test_what_answers_late_is_not_dead() -> None:
    """Both answer; the second is only closed."""
    with WildServer(silent, host="::1") as one, WildServer(silent) as other:
        connected = dial([six(one.port), four(other.port)], 5, linger_s=0.3)
        connected.connection.close()
    assert (connected.host, connected.failed) == ("::1", ())


def test_a_refusal_is_passed_over_at_once() -> None:
    """Somebody said no: there is nothing to wait for."""
    with WildServer(silent) as server:
        connected = dial([six(closed_port()), four(server.port)], 5)
        connected.connection.close()
    (failed,) = connected.failed
    assert failed.host == "::1"
    assert "refused" in failed.problem
    assert failed.seconds < 0.2


def test_families_take_turns() -> None:
    """Many dead addresses of one family don't hold up the other."""
    with dead_address("127.0.0.2") as dead, WildServer(silent, host="::1") as server:
        connected = dial([four(dead, "127.0.0.2")] * 8 + [six(server.port)], 10)
        connected.connection.close()
    assert connected.host == "::1"
    assert connected.seconds < 1.5, "eight quarters of a second came before it"


def test_silence_of_all_ends_in_time() -> None:
    """As a timeout, whatever the number of addresses."""
    with (
        dead_address() as one,
        dead_address("::1") as other,
        pytest.raises(TimeoutError, match=r"no connection in 0\.4 s"),
    ):
        dial([four(one), six(other)], 0.4)


def test_the_most_telling_failure_is_raised() -> None:
    """A refusal is somebody's word; no route is only this host's."""
    # Linux lets nobody connect to a broadcast address by TCP: that fails in this host, at once.
    broadcast = Address(socket.AF_INET, ("127.255.255.255", 9))
    with pytest.raises(ConnectionRefusedError):
        dial([broadcast, four(closed_port())], 2)


def test_no_socket_is_left_open() -> None:
    """Warnings are errors: a socket that the collector closes would fail this."""
    import gc

    with dead_address("::1") as dead, WildServer(silent) as server:
        dial([six(dead), four(server.port)], 5).connection.close()
    gc.collect()
