"""When the rounds of a watch are made: at whole multiples of an interval."""

import math
from collections.abc import Callable, Iterator

from kraken_doctor.clock import Clock


class Ticker:
    """
    Give the times of rounds, so that they don't come later and later.

    Args:
        clock: Whose monotonic time counts.
        every_s: Seconds from one round's beginning to the next one's.
        count: After so many rounds it ends; None for never.
        pause: Waits so many seconds, and returns False if there is to be no further round; by default it is the
            clock's sleep.
    """

    def __init__(
        self, clock: Clock, every_s: float, count: int | None, pause: Callable[[float], bool | None] | None = None
    ) -> None:
        self._clock, self.every_s, self._count, self._pause = clock, every_s, count, pause or clock.sleep
        self.next_s = self._began_s = clock.monotonic()
        """When the next round begins, by the monotonic clock."""

    def ticks(self) -> Iterator[None]:
        """Yield now, and then at each time for a round; a round that takes longer than the interval skips some."""
        made = 0
        while True:
            yield
            made += 1
            if made == self._count:
                return
            now_s = self._clock.monotonic()
            # From the beginning, not from the round before: what each round takes longer would add up.
            passed = math.floor((now_s - self._began_s) / self.every_s)
            self.next_s = self._began_s + (passed + 1) * self.every_s
            wait_s = max(0.0, self.next_s - now_s)
            if self._pause(wait_s) is False:
                return
