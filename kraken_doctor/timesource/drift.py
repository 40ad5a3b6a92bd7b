"""A clock over time: how fast it goes wrong, and where it was set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from kraken_doctor.clock import Clock

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
    Seconds by which the wall clock was set between two readings; 0 where it just ran.

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
    How fast the offset grows: the least and the most of it that agree with every look, in seconds a second.

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
