"""A key's turn for code that runs in an event loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, asynccontextmanager

from kraken_doctor import parallel
from kraken_doctor.nonce.turn import Turn

Take = Callable[[], AbstractContextManager[Turn]]


class AsyncTurns:
    """
    Wait for turns without holding up the event loop.

    One task at a time waits in a thread; the others queue before it, in order. The loop's own threads
    would not do: all of them waiting for the turn, none would be left to resolve the name that the request of
    its holder needs.
    """

    def __init__(self) -> None:
        self._queues: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, key: str, take: Take) -> AsyncIterator[Turn]:
        """
        Enclose the turn of *key*; see `NonceGenerator.turn` for its errors.

        Args:
            key: Whose turn.
            take: Makes the context manager of one turn.
        """
        # A lock of asyncio belongs to the loop that used it first, and bots call `asyncio.run` again and again.
        for gone in [other for other in self._queues if other[0].is_closed()]:
            del self._queues[gone]
        queue = self._queues.setdefault((asyncio.get_running_loop(), key), asyncio.Lock())
        # One thread a key, whatever the number of tasks: a gather of a thousand calls must not start as many threads.
        async with queue:
            manager = take()
            entering = parallel.start([manager.__enter__], workers=1)[0]
            try:
                turn = await asyncio.wrap_future(entering)
            except asyncio.CancelledError:
                # Nobody will use it: it is given back when, and if, the thread gets it.
                entering.add_done_callback(functools.partial(_give_back, manager))
                raise
            try:
                yield turn
            finally:
                manager.__exit__(None, None, None)


def _give_back(manager: AbstractContextManager[Turn], entering: Future[Turn]) -> None:
    if not entering.cancelled() and entering.exception() is None:
        manager.__exit__(None, None, None)
