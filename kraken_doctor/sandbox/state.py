"""What the exchange says of itself, and its clock."""

from __future__ import annotations

from collections.abc import Iterable

from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.sandbox.keys import Key


class ExchangeState:
    """
    Keys, trading status and time of one embedded exchange.

    Args:
        keys: The API keys it accepts.
        clock: Its own clock; `clock_offset_s` moves it.
    """

    def __init__(self, keys: Iterable[Key] = (), clock: Clock | None = None) -> None:
        self.keys = {key.api_key: key for key in keys}
        self.status = "online"
        """``online``, ``maintenance``, ``cancel_only``, ``post_only`` or ``limit_only``."""
        self.maintenance: list[dict[str, object]] = []
        """Announced for the next 72 hours."""
        self.clock_offset_s = 0.0
        self.tells_time = True
        """Whether its answers say what time it is."""
        self._clock = clock or SystemClock()

    def now(self) -> float:
        """Unix time by the exchange's clock, in seconds."""
        return self._clock.now_ns() / 1e9 + self.clock_offset_s
