"""Time as an argument: the clocks that are passed to whatever depends on the time."""

import time
from typing import Protocol


class Clock(Protocol):
    """The clocks of one host."""

    def now_ns(self) -> int:
        """Return the wall clock, nanoseconds since 1970 UTC; it may step in either direction."""

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary start; it never steps."""

    def sleep(self, seconds: float) -> None:
        """Wait *seconds*."""


class SystemClock:
    """The real clocks."""

    now_ns = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


class CorrectedClock:
    """
    *clock* with *offset_s* seconds added to its wall clock.

    For nonces on a host whose clock is ahead: one from tomorrow would lock every other host out until tomorrow. So
    would one of a clock that is set to tomorrow meanwhile: more than a second of a step ahead is not followed.
    """

    def __init__(self, clock: Clock, offset_s: float) -> None:
        self._now_ns = clock.now_ns
        self._offset_ns = round(offset_s * 1e9)
        self.monotonic, self.sleep = clock.monotonic, clock.sleep
        self._most_ns = clock.now_ns() - round(clock.monotonic() * 1e9) + 10**9

    def now_ns(self) -> int:
        """Return the corrected wall clock, nanoseconds since 1970 UTC."""
        return min(self._now_ns(), self._most_ns + round(self.monotonic() * 1e9)) + self._offset_ns


def cpu_seconds() -> float:
    """
    Return what this process has computed since it was started, in seconds.

    Starting up is little else; so this is about how long the user has been waiting before any of our code could
    look at a clock.
    """
    return time.process_time()


class Deadline:
    """A point on the monotonic clock that a whole run must not pass."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self._end = clock.monotonic() + seconds

    def remaining(self, at_most: float = float("inf")) -> float:
        """Return seconds left, never below 0 and never above *at_most*."""
        return max(0.0, min(at_most, self._end - self.clock.monotonic()))
