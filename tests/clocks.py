"""Clocks that a test moves by hand."""

from __future__ import annotations


class ManualClock:
    """Stands still until it is told otherwise; sleeping moves it."""

    def __init__(self, now_ns: int = 1_795_392_000_000_000_000) -> None:
        self.wall_ns = now_ns
        self.monotonic_s = 0.0
        self.slept_s: list[float] = []

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic(self) -> float:
        return self.monotonic_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.step(seconds)

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self.wall_ns += round(seconds * 1e9)
        self.monotonic_s += seconds

    def set_back(self, seconds: float) -> None:
        """The wall clock jumps; the monotonic one never does."""
        self.wall_ns -= round(seconds * 1e9)
