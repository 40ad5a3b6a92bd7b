"""What an NTP server's answer says, and why it may not be believed (RFC 5905, sections 7.3 and 7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Why *stats* must not be believed; None if nothing speaks against it."""
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
    Whether the answer is a kiss-o'-death that must be honoured (RFC 5905, section 7.4).

    Stratum 0 alone is none: chronyd has it, with no letters, as long as it is not synchronised; and other letters
    (``INIT``, ``STEP``) only tell why there is no time.
    """
    return bool(stats.stratum == 0) and _code(stats.ref_id) in (b"DENY", b"RSTR", b"RATE")


def _code(reference: int) -> bytes:
    return reference.to_bytes(4, "big")
