"""
NTP (RFC 5905): ntplib knows the packet, and what it takes on trust is checked here.

Its own ``NTPClient`` is not used: it asks the first address alone, waits anew for each packet that is not the answer,
and takes one from another port, or to another question, for it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from concurrent.futures import as_completed
from functools import partial
from typing import TYPE_CHECKING

from kraken_doctor import parallel
from kraken_doctor.clock import Clock
from kraken_doctor.errors import ConfigurationError, TimeSourceError
from kraken_doctor.resolve import Address, resolve
from kraken_doctor.timesource.sample import TimeSample

if TYPE_CHECKING:
    import ntplib

_MODE_SERVER = 4
_LEAP_ALARM = 3
_ERA_S = 2**32
_UNIX_IN_NTP_S = 2_208_988_800
"""Seconds from 1900, NTP's epoch, to 1970."""

_MAX_DISTANCE_S = 1.5
"""Root distance above which a server is not fit to set a clock by (RFC 5905, MAXDIST, plus one poll of drift)."""


def offset_and_delay(stats: ntplib.NTPStats, sent_s: float, elapsed_s: float) -> tuple[float, float]:
    """
    Offset (server minus local clock) and round trip, in seconds.

    Args:
        stats: The answer; its receive and transmit timestamps are used.
        sent_s: The local clock, in seconds since 1970, when the question was sent.
        elapsed_s: Until the answer came.
    """
    # Timestamps are 32 bits of seconds, and begin anew in 2036: of all that they may mean, the one near our own time.
    sent = sent_s + _UNIX_IN_NTP_S
    received = _near(stats.recv_timestamp, sent)
    transmitted = _near(stats.tx_timestamp, sent)
    offset_s = ((received - sent) + (transmitted - (sent + elapsed_s))) / 2
    return offset_s, elapsed_s - (transmitted - received)


def rejection_reason(stats: ntplib.NTPStats, delay_s: float) -> str | None:
    """Return why *stats* must not be believed; None if nothing speaks against it."""
    distance_s = stats.root_delay / 2 + stats.root_dispersion
    if stats.mode != _MODE_SERVER:
        return f"the answer has mode {stats.mode}, not a server's"
    if is_kiss_of_death(stats):
        return f"kiss-o'-death {_code(stats.ref_id).decode()!r}: it asks not to be asked"
    if stats.stratum == 0 or stats.leap == _LEAP_ALARM or stats.stratum > 15:
        return "the server itself is not synchronised"
    if not stats.tx_timestamp or not stats.recv_timestamp:
        return "the answer holds no time"
    # A little below zero is what the resolution of both clocks may give on a short way.
    if delay_s < -(2.0**stats.precision) - 1e-3:
        return "it claims to have held the question for longer than the answer took"
    if distance_s > _MAX_DISTANCE_S:
        return f"too far from its reference clock ({distance_s:.1f} s)"
    return None


def _near(timestamp_s: float, local_s: float) -> float:
    return timestamp_s + _ERA_S * round((local_s - timestamp_s) / _ERA_S)


def is_kiss_of_death(stats: ntplib.NTPStats) -> bool:
    """
    Return whether the answer is a kiss-o'-death that must be honoured (RFC 5905, section 7.4).

    Stratum 0 alone is none: chronyd has it, with no letters, as long as it is not synchronised; and other letters
    (``INIT``, ``STEP``) only tell why there is no time.
    """
    return bool(stats.stratum == 0) and _code(stats.ref_id) in (b"DENY", b"RSTR", b"RATE")


def _code(reference: int) -> bytes:
    return reference.to_bytes(4, "big")


DEFAULT_SERVERS = ("pool.ntp.org", "2.pool.ntp.org", "time.cloudflare.com", "time.google.com")
"""The public pool twice (its second zone has IPv6 too), and two large operators that don't share its fate."""

_DRIFT = 15e-6
"""How fast a free-running clock may go wrong, in seconds a second (RFC 5905, PHI)."""

_ORIGIN, _TRANSMIT = slice(24, 32), slice(40, 48)
_MAX_PACKET_BYTES = 1024


def parse_server(text: str) -> tuple[str, int]:
    """
    ``HOST``, ``HOST:PORT``, ``[IPV6]:PORT`` or ``IPV6`` as host and port.

    Raises:
        ConfigurationError: It is none of these.
    """
    host, port = text.strip(), "123"
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError(f"NTP server {text[:60]!r}: use HOST, HOST:PORT or [IPV6]:PORT")
    return host, int(port)


class TimeServers:
    """
    The time servers of one run.

    Remembers what must outlast a single question: who asked not to be asked again, and which server has which name,
    so that one that stands behind two names of a pool has one voice.

    Args:
        clock: The one to compare with.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._silenced: dict[Address, str] = {}
        self._names: dict[Address, str] = {}

    def ask(self, server: str, timeout_s: float) -> TimeSample:
        """
        Return what *server* says of this host's clock, over IPv4 or IPv6, whichever answers first.

        Args:
            server: See `parse_server`.
            timeout_s: For everything, its name's resolution included.

        Raises:
            TimeSourceError: No answer in time, or one that must not be believed; the text says why.
        """
        host, port = parse_server(server)
        until = self._clock.monotonic() + timeout_s
        try:
            addresses = self._choose(server, resolve(host, port, timeout_s, socket.SOCK_DGRAM))
        except OSError as exc:
            raise TimeSourceError(f"{server}: {exc.strerror or exc}") from exc
        left_s = until - self._clock.monotonic()
        if left_s <= 0:
            raise TimeSourceError(f"{server}: its name took {timeout_s:.3g} s to resolve")
        asking = parallel.start([partial(self._ask, server, a, left_s) for a in addresses], workers=len(addresses))
        problems: list[str] = []
        with contextlib.suppress(TimeoutError):
            for future in as_completed(asking, timeout=left_s):
                try:
                    return future.result()
                except TimeSourceError as exc:
                    problems.append(str(exc))
        said = "; ".join(dict.fromkeys(problems)) or f"no answer in {timeout_s:.2g} s"
        raise TimeSourceError(f"{server}: {said}")

    def _choose(self, server: str, found: list[Address]) -> list[Address]:
        """One address a family; none that another name has led to, and none that asked to be left alone."""
        chosen: dict[int, Address] = {}
        with self._guard:
            free = [address for address in found if self._names.get(address, server) == server]
            if not free:
                raise TimeSourceError(f"{server}: the same server as {self._names[found[0]]}")
            willing = [address for address in free if address not in self._silenced]
            if not willing:
                raise TimeSourceError(f"{server}: {self._silenced[free[0]]}")
            for address in willing:
                chosen.setdefault(address.family, address)
            self._names |= dict.fromkeys(chosen.values(), server)
        return list(chosen.values())

    def _ask(self, server: str, address: Address, timeout_s: float) -> TimeSample:
        import ntplib

        # A random transmit timestamp: it is only ever compared with what comes back, and nobody who did not see the
        # question can guess it. Our own time stays here.
        query = bytearray(ntplib.NTPPacket(version=4, mode=3).to_data())
        query[_TRANSMIT] = cookie = os.urandom(8)
        sent_ns, began = self._clock.now_ns(), self._clock.monotonic()
        try:
            with socket.socket(address.family, socket.SOCK_DGRAM) as channel:
                # Connected: the kernel drops what comes from elsewhere, and reports a port that is closed.
                channel.connect(address.sockaddr)
                channel.send(query)
                answer = self._answer(channel, cookie, began + timeout_s)
        except OSError as exc:
            raise TimeSourceError(exc.strerror or f"no answer in {timeout_s:.2g} s") from exc
        # By the monotonic clock, since the other may be set at any moment, and is the one in question.
        elapsed_s = self._clock.monotonic() - began
        stats = ntplib.NTPStats()
        stats.from_data(answer)
        return self._sample(server, address, stats, sent_ns / 1e9, elapsed_s)

    def _answer(self, channel: socket.socket, cookie: bytes, until: float) -> bytes:
        """Return the datagram that echoes *cookie*; others are not answers to this question, and are passed over."""
        while (left_s := until - self._clock.monotonic()) > 0:
            channel.settimeout(left_s)
            answer = channel.recv(_MAX_PACKET_BYTES)
            if answer[_ORIGIN] == cookie and len(answer) >= _TRANSMIT.stop:
                return answer
        raise TimeoutError

    def _sample(
        self, server: str, address: Address, stats: ntplib.NTPStats, sent_s: float, elapsed_s: float
    ) -> TimeSample:
        offset_s, delay_s = offset_and_delay(stats, sent_s, elapsed_s)
        if problem := rejection_reason(stats, delay_s):
            if is_kiss_of_death(stats):
                with self._guard:
                    self._silenced[address] = problem
            raise TimeSourceError(problem)
        # RFC 5905, sections 8 and 11.2: what the way there and back, the server's own distance from its reference, and
        # the reading of both clocks leave open.
        reading_s = 2.0**stats.precision + _DRIFT * elapsed_s
        bound_s = max(delay_s, 0.0) / 2 + stats.root_delay / 2 + stats.root_dispersion + reading_s
        return TimeSample(server, offset_s, bound_s)
