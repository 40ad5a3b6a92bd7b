"""Races lost on purpose: a private call of the doctor is held back until the bot's next one has arrived."""

from __future__ import annotations

import asyncio
import itertools

from benchmarks.live.exchange import Recorded
from benchmarks.live.line import is_private

LOST = {"first": {1}, "second": {2}, "both": {1, 2}, "every": set(range(1, 1000))}
"""By name: which of the doctor's private calls, counted from 1."""

_LONGEST_S = 8.0
"""Below the doctor's 10 s for a call: what is to be seen is a lost race, not a timeout."""


class Races:
    """
    Holds calls back.

    Args:
        exchange: Where the bot's calls are seen.
        name: A name of `LOST`, or "" for none.
    """

    def __init__(self, exchange: Recorded, name: str) -> None:
        self._exchange, self._lost = exchange, LOST.get(name, set())
        self._numbers = itertools.count(1)

    async def hold(self, data: bytes) -> None:
        """Return when *data* may go on."""
        if is_private(data) and next(self._numbers) in self._lost:
            # The bot waits for each answer: of its calls from now on the second was signed after this one.
            enough = len(self._exchange.of("bot")) + 2
            await asyncio.to_thread(
                self._exchange.wait_for, lambda: len(self._exchange.of("bot")) >= enough, _LONGEST_S
            )
