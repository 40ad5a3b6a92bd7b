"""NTP (RFC 5905): ntplib speaks it, and what ntplib takes on trust is checked here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_doctor.clock import Clock
from kraken_doctor.errors import ConfigurationError, TimeSourceError
from kraken_doctor.timesource.sample import TimeSample

if TYPE_CHECKING:
    import ntplib

DEFAULT_SERVERS = ("pool.ntp.org", "2.pool.ntp.org", "time.cloudflare.com", "time.google.com")
"""The public pool twice (its second zone has IPv6 too), and two large operators that don't share its fate."""

_MODE_SERVER = 4
_LEAP_ALARM = 3
_MAX_DISTANCE_S = 1.5
"""Root distance above which a server is not fit to set a clock by (RFC 5905, MAXDIST, plus one poll of drift)."""


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


def ask(server: str, clock: Clock, timeout_s: float) -> TimeSample:
    """
    One exchange with *server*.

    Raises:
        TimeSourceError: No answer in time, or one that must not be believed; the text says why.
    """
    import ntplib

    host, port = parse_server(server)
    before_s = clock.now_ns() / 1e9
    try:
        stats = ntplib.NTPClient().request(host, version=4, port=port, timeout=timeout_s)
    except (OSError, ntplib.NTPException) as exc:
        raise TimeSourceError(f"{server}: {exc}") from exc
    if problem := _unfit(stats, before_s, clock.now_ns() / 1e9):
        raise TimeSourceError(f"{server}: {problem}")
    bound_s = stats.delay / 2 + stats.root_delay / 2 + stats.root_dispersion
    return TimeSample(server, stats.offset, bound_s)


def _unfit(stats: ntplib.NTPStats, before_s: float, after_s: float) -> str | None:
    """Why *stats* must not be believed; None if nothing speaks against it."""
    # Float seconds since 1900 resolve to half a microsecond.
    if not before_s - 1e-5 <= stats.orig_time <= after_s + 1e-5:
        return "the answer is not to our question (origin timestamp)"
    if stats.mode != _MODE_SERVER:
        return f"the answer has mode {stats.mode}, not a server's"
    if stats.stratum == 0:
        code = stats.ref_id.to_bytes(4, "big").decode("ascii", "replace").strip("\0")
        return f"kiss-o'-death {code!r}: it asks not to be asked"
    if stats.leap == _LEAP_ALARM or stats.stratum > 15:
        return "the server itself is not synchronised"
    if stats.delay < 0 or stats.root_delay / 2 + stats.root_dispersion > _MAX_DISTANCE_S:
        return f"too far from its reference clock ({stats.root_delay / 2 + stats.root_dispersion:.1f} s)"
    return None
