"""Time servers that must not be believed, and those that ask to be left alone."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ntplib
import pytest

from kraken_doctor.clock import SystemClock
from kraken_doctor.errors import TimeSourceError
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from kraken_doctor.timesource.ntp import TimeServers, offset_and_delay, rejection_reason
from tests.clocks import ManualClock

CLOCK = SystemClock()
Reply = Callable[[socket.socket, bytes, Any], None]


@contextmanager
def udp(reply: Reply) -> Iterator[str]:
    """A server that does *reply* with each question."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        address = listener.getsockname()

        def serve() -> None:
            while True:
                question, peer = listener.recvfrom(1024)
                if not question:
                    return
                reply(listener, question, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{address[1]}"
        listener.sendto(b"", address)
        thread.join()


def answer(question: bytes, *, ahead_s: float = 0.0) -> bytes:
    """A good server's answer, *ahead_s* ahead."""
    now = int((time.time() + ahead_s + 2_208_988_800) * 2**32)
    return struct.pack("!BBBbII4sQ8sQQ", 0x24, 2, 6, -20, 64, 64, b"TEST", now, question[40:48], now, now)


def test_a_question_tells_nothing_and_can_not_be_guessed() -> None:
    """Its transmit timestamp is random, and another each time; this host's time stays here."""
    questions: list[bytes] = []

    def keep(listener: socket.socket, question: bytes, peer: Any) -> None:
        questions.append(question)
        listener.sendto(answer(question), peer)

    with udp(keep) as server:
        for _ in range(2):
            TimeServers(CLOCK).ask(server, 2)
    assert all(question[0] == 0x23 for question in questions), "version 4, client"
    assert all(question[1:40] == bytes(39) for question in questions)
    assert questions[0][40:] != questions[1][40:]
    soon = struct.unpack("!I", questions[0][40:44])[0] - 2_208_988_800
    assert abs(soon - time.time()) > 1, "one in two thousand million that this is chance"


def test_answers_to_other_questions_are_passed_over() -> None:
    """However many come first: with another origin, too short, empty."""

    def crowd(listener: socket.socket, question: bytes, peer: Any) -> None:
        for wrong in (answer(bytes(48), ahead_s=3600), answer(question)[:40], b"\0", question):
            listener.sendto(wrong, peer)
        listener.sendto(answer(question), peer)

    with udp(crowd) as server:
        sample = TimeServers(CLOCK).ask(server, 2)
    assert abs(sample.offset_s) < 1


def test_a_flood_of_other_answers_does_not_outlast_the_limit() -> None:
    """Each of them would start a limit for the next packet anew."""

    def flood(listener: socket.socket, question: bytes, peer: Any) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until and not done.is_set():
            listener.sendto(answer(bytes(48)), peer)

    done = threading.Event()
    began = time.monotonic()
    with udp(flood) as server:
        with pytest.raises(TimeSourceError, match="no answer in"):
            TimeServers(CLOCK).ask(server, 0.3)
        done.set()
    assert time.monotonic() - began < 10


def test_a_reply_from_elsewhere_is_no_reply() -> None:
    """Another port of the same host, with everything else right: the kernel drops it."""

    def elsewhere(listener: socket.socket, question: bytes, peer: Any) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(answer(question, ahead_s=3600), peer)

    with udp(elsewhere) as server, pytest.raises(TimeSourceError, match="no answer in"):
        TimeServers(CLOCK).ask(server, 0.3)


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ({"mode": 5}, "mode 5"),
        ({"mode": 3}, "mode 3"),
        ({"stratum": 0, "reference": b"DENY"}, "kiss-o'-death 'DENY'"),
        ({"stratum": 0, "reference": b"INIT"}, "not synchronised"),
        ({"stratum": 0, "reference": bytes(4)}, "not synchronised"),
        ({"stratum": 16}, "not synchronised"),
        ({"leap": 3}, "not synchronised"),
        ({"root_s": 2.0}, "too far from its reference clock"),
    ],
)
def test_what_an_answer_may_say_against_itself(manner: dict[str, Any], why: str) -> None:
    """Mode, stratum, leap alarm, root distance."""
    with SandboxNtpServer(**manner) as server, pytest.raises(TimeSourceError, match=why):
        TimeServers(CLOCK).ask(server.address, 2)


def test_root_distance_is_part_of_the_bound() -> None:
    """What the server itself is not sure of, this host can't be."""
    with SandboxNtpServer(root_s=0.4) as server:
        assert 0.6 <= TimeServers(CLOCK).ask(server.address, 2).bound_s < 1


def test_who_asks_to_be_left_alone_is_left_alone() -> None:
    """For the rest of the run; another run may ask again."""
    with SandboxNtpServer(stratum=0, reference=b"RATE") as server:
        servers = TimeServers(CLOCK)
        for _ in range(3):
            with pytest.raises(TimeSourceError, match="asks clients to stop"):
                servers.ask(server.address, 2)
        assert server.asked == 1
        with pytest.raises(TimeSourceError):
            TimeServers(CLOCK).ask(server.address, 2)
        assert server.asked == 2


def names(monkeypatch: pytest.MonkeyPatch, **hosts: tuple[str, ...]) -> None:
    """Let each name lead to several addresses, given as ``address:port`` with the port of its server."""
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        if host not in hosts:
            return real(host, port, *arguments, **options)
        found = []
        for address in hosts[host]:
            at, _, own = address.rpartition(":")
            found += real(at.strip("[]"), int(own), *arguments, **options)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_ipv4_stands_in_for_a_dead_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are asked; the first answer counts, and nobody waits for the other."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as deaf, SandboxNtpServer() as server:
        deaf.bind(("::1", 0))
        names(monkeypatch, both=(f"[::1]:{deaf.getsockname()[1]}", server.address))
        began = time.monotonic()
        sample = TimeServers(CLOCK).ask("both", 20)
    assert sample.source == "both"
    assert time.monotonic() - began < 15


def test_ipv6_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """By address, and by a name that has nothing else."""
    with SandboxNtpServer(host="::1", offset_s=5) as server:
        names(monkeypatch, six=(server.address,))
        servers = TimeServers(CLOCK)
        assert servers.ask("six", 2).offset_s == pytest.approx(5, abs=0.5)
        assert TimeServers(CLOCK).ask(server.address, 2).offset_s == pytest.approx(5, abs=0.5)


def test_one_server_has_one_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names of a pool may lead to it; counted twice it would outvote an honest one."""
    with SandboxNtpServer() as server, SandboxNtpServer() as other:
        names(monkeypatch, pool=(server.address,), again=(server.address,), wide=(server.address, other.address))
        servers = TimeServers(CLOCK)
        assert servers.ask("pool", 2)
        with pytest.raises(TimeSourceError, match="again: the same server as pool"):
            servers.ask("again", 2)
        assert servers.ask("wide", 2), "the next address of that name is another server"
        assert servers.ask("pool", 2), "and it keeps its own, at every look"
        assert (server.asked, other.asked) == (2, 1)


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, or when the resolver hangs within the limit."""

    def unknown(*arguments: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TimeSourceError, match=r"nowhere\.example: Name or service not known"):
        TimeServers(CLOCK).ask("nowhere.example", 2)
    release = threading.Event()

    def hangs(*arguments: Any, flags: int = 0, **options: Any) -> Any:
        return unknown() if flags & socket.AI_NUMERICHOST else release.wait() and []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    with pytest.raises(TimeSourceError, match="no answer from the resolver in 0.2 s".replace(".", r"\.")):
        TimeServers(CLOCK).ask("slow.example", 0.2)
    release.set()


@pytest.mark.posix("ICMP errors of a UDP socket")
def test_a_closed_port_is_known_at_once() -> None:
    """The host says so; nobody waits two seconds for it."""
    with SandboxNtpServer() as server:
        address = server.address
    began = time.monotonic()
    with pytest.raises(TimeSourceError, match="Connection refused"):
        TimeServers(CLOCK).ask(address, 20)
    assert time.monotonic() - began < 15


def test_a_clock_that_is_set_during_the_question_spoils_nothing() -> None:
    """The wall clock is read once; what passes is counted by the monotonic one."""

    class Jumping(ManualClock):
        def now_ns(self) -> int:
            now = super().now_ns()
            self.wall_ns -= 3600 * 10**9
            return now

    with SandboxNtpServer(offset_s=0, clock=ManualClock()) as server:
        sample = TimeServers(Jumping()).ask(server.address, 2)
    assert abs(sample.offset_s) < 1


def stats(**fields: Any) -> ntplib.NTPStats:
    made = ntplib.NTPStats()
    good = {"mode": 4, "stratum": 2, "recv_timestamp": 4e9, "tx_timestamp": 4e9, "precision": -20}
    for name, value in {**good, **fields}.items():
        setattr(made, name, value)
    return made


def test_the_era_that_begins_in_2036() -> None:
    """Timestamps of 32 bits start again; they are taken for the time near this clock's."""
    sent_s = 2**32 - 2_208_988_800 + 100.0  # a hundred seconds into the next era
    offset_s, delay_s = offset_and_delay(stats(recv_timestamp=102.0, tx_timestamp=102.0), sent_s, 0.2)
    assert offset_s == pytest.approx(1.9)
    assert delay_s == pytest.approx(0.2)


def test_what_no_honest_answer_says() -> None:
    """No time at all; or to have worked for longer than the answer took."""
    assert "holds no time" in (rejection_reason(stats(tx_timestamp=0.0), 0.1) or "")
    assert "on the query than the answer took" in (rejection_reason(stats(), -0.5) or "")
    assert rejection_reason(stats(), -1e-6) is None, "two clocks that are read within a microsecond"
