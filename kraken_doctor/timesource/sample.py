"""
An offset with its error bound, and what several of them agree on.

The exchange is a clock too: coarse, since its times are whole seconds, but there whenever the API is.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import NamedTuple

_RESOLUTION_S = 1.0
"""Kraken's ``unixtime`` and the HTTP ``Date`` header drop the fraction."""


class TimeSample(NamedTuple):
    """
    One source's word on this host's clock.

    *offset* is reference minus local clock, NTP's sign: positive when this host is behind.
    """

    source: str
    offset_s: float
    bound_s: float
    """The true offset is within this of `offset_s`, if the source is right."""

    @classmethod
    def between(cls, source: str, low_s: float, high_s: float) -> TimeSample:
        """The sample that says: the offset is not below *low_s* and not above *high_s*."""
        return cls(source, (low_s + high_s) / 2, (high_s - low_s) / 2)

    @property
    def low_s(self) -> float:
        """The least that the offset can be."""
        return self.offset_s - self.bound_s

    @property
    def high_s(self) -> float:
        """The most that the offset can be."""
        return self.offset_s + self.bound_s


def from_unixtime(unixtime: float, sent_ns: int, received_ns: int, source: str = "exchange") -> TimeSample:
    """
    A whole second that the exchange named between *sent_ns* and *received_ns* of the local clock.

    At that moment the exchange's clock was in [unixtime, unixtime + 1), the local one anywhere between sending and
    receiving; the interval holds every difference of the two.
    """
    return TimeSample.between(source, unixtime - received_ns / 1e9, unixtime + _RESOLUTION_S - sent_ns / 1e9)


def from_date_header(date: str, sent_ns: int, received_ns: int) -> TimeSample | None:
    """The same from an HTTP ``Date`` header; None if it is no date."""
    try:
        unixtime = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return from_unixtime(unixtime, sent_ns, received_ns, "exchange (HTTP Date)")


class Consensus(NamedTuple):
    """What a majority of sources agrees on."""

    sample: TimeSample
    agreeing: tuple[str, ...]
    falsetickers: tuple[str, ...]
    """Sources whose interval misses the one that the majority shares."""


def marzullo(samples: Sequence[TimeSample], name: str = "ntp") -> Consensus | None:
    """
    The smallest interval that lies inside the most samples (Marzullo; RFC 5905, section 11.2.1).

    Returns:
        None without a majority: two clocks that contradict each other prove nothing about a third.
    """
    edges = sorted([(s.low_s, -1) for s in samples] + [(s.high_s, 1) for s in samples])
    best, low, high, depth = 0, 0.0, 0.0, 0
    for index, (position, kind) in enumerate(edges):
        depth -= kind
        if depth > best:
            # An interval that has just begun ends at the next edge, whichever that is.
            best, low, high = depth, position, edges[index + 1][0]
    if 2 * best <= len(samples):
        return None
    agreeing = [s for s in samples if s.low_s <= low and s.high_s >= high]
    return Consensus(
        TimeSample.between(name, low, high),
        tuple(s.source for s in agreeing),
        tuple(s.source for s in samples if s not in agreeing),
    )
