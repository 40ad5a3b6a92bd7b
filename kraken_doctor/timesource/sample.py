"""
An offset with its error bound, what several of them agree on, and how it changes.

The exchange is a clock too: coarse, since its times are whole seconds, but there whenever the API is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from kraken_doctor.clock import Clock

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
        """Return the sample that says: the offset is not below *low_s* and not above *high_s*."""
        return cls(source, (low_s + high_s) / 2, (high_s - low_s) / 2)

    @property
    def low_s(self) -> float:
        """Return the least that the offset can be."""
        return self.offset_s - self.bound_s

    @property
    def high_s(self) -> float:
        """Return the most that the offset can be."""
        return self.offset_s + self.bound_s


def from_unixtime(unixtime: float, sent_ns: int, received_ns: int, source: str = "exchange") -> TimeSample:
    """
    Return a whole second that the exchange named between *sent_ns* and *received_ns* of the local clock.

    At that moment the exchange's clock was in [unixtime, unixtime + 1), the local one anywhere between sending and
    receiving; the interval holds every difference of the two.
    """
    return TimeSample.between(source, unixtime - received_ns / 1e9, unixtime + _RESOLUTION_S - sent_ns / 1e9)


def from_date_header(date: str, sent_ns: int, received_ns: int) -> TimeSample | None:
    """Return the same from an HTTP ``Date`` header; None if it is no date."""
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
    Return the smallest interval that lies inside the most samples (Marzullo; RFC 5905, section 11.2.1).

    Returns:
        None without a majority: two clocks that contradict each other prove nothing about a third.
    """
    # At one place a beginning (-1) comes before an end: intervals that only touch have that moment in common.
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
    falsetickers = tuple(s.source for s in samples if s not in agreeing)
    return Consensus(TimeSample.between(name, low, high), tuple(s.source for s in agreeing), falsetickers)


_LEAST_STEP_S = 0.005
"""Smaller than any step that was reported from containers (20 ms), larger than the noise of reading two clocks."""

_READINGS = 5


class ClockPair(NamedTuple):
    """Both clocks at one moment."""

    wall_ns: int
    monotonic_s: float
    doubt_s: float
    """How far apart the two were read, at most."""

    @classmethod
    def take(cls, clock: Clock) -> ClockPair:
        """The closest of a few: a process that is interrupted between two clocks would see a step where is none."""
        return min((cls._once(clock) for _ in range(_READINGS)), key=lambda reading: reading.doubt_s)

    @classmethod
    def _once(cls, clock: Clock) -> ClockPair:
        before = clock.monotonic()
        wall_ns = clock.now_ns()
        after = clock.monotonic()
        return cls(wall_ns, (before + after) / 2, after - before)


def step_between(first: ClockPair, second: ClockPair) -> float:
    """
    Return seconds by which the wall clock was set between two readings; 0 where it just ran.

    Both clocks are slewed alike, so the gentle corrections of a time service don't count; a host that slept shows as
    a step forward, since its monotonic clock stood still.
    """
    went_s = (second.wall_ns - first.wall_ns) / 1e9
    step_s = went_s - (second.monotonic_s - first.monotonic_s)
    return step_s if abs(step_s) > _LEAST_STEP_S + first.doubt_s + second.doubt_s else 0.0


class OffsetInterval(NamedTuple):
    """The offset at one moment."""

    monotonic_s: float
    low_s: float
    high_s: float
    """The true offset is between the two."""


def rate(looks: Sequence[OffsetInterval]) -> tuple[float, float] | None:
    """
    Return how fast the offset grows: the least and the most of it that agree with every look, in seconds a second.

    A straight line of slope m passes through all intervals exactly if, for each pair of looks, it neither starts
    below the one and ends above the other nor the reverse; so the pairs bound m.

    Args:
        looks: In order of time, with the clock's steps taken out.

    Returns:
        None for fewer than two, and where no steady rate explains them all.
    """
    least, most = -math.inf, math.inf
    for index, later in enumerate(looks):
        for earlier in looks[:index]:
            seconds = later.monotonic_s - earlier.monotonic_s
            if seconds <= 0:
                continue
            least = max(least, (later.low_s - earlier.high_s) / seconds)
            most = min(most, (later.high_s - earlier.low_s) / seconds)
    return (least, most) if math.isfinite(least) and least <= most else None
