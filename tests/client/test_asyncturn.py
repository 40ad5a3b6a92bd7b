"""Turns in an event loop: in order, without holding it up, and given back by whoever gave up."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager

import pytest

from kraken_doctor.client.foreign import AsyncTurns
from kraken_doctor.errors import TurnTimeoutError
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.nonce.turn import Turn


class Taken:
    """Makes turns of one key, and keeps them: a generator that nobody holds any more would free its lock by itself."""

    def __init__(self, timeout_s: float = 30.0) -> None:
        self.store = MemoryStore()
        self._timeout_s = timeout_s
        self._managers: list[AbstractContextManager[Turn]] = []

    def __call__(self) -> AbstractContextManager[Turn]:
        self._managers.append(self.store.turn("key", self._timeout_s))
        return self._managers[-1]

    def is_free(self) -> bool:
        while self.store._turns["key"]._waiting:
            time.sleep(0)  # whoever waits has it first
        try:
            with self.store.turn("key", 5.0):
                return True
        except TurnTimeoutError:
            return False


async def _in_the_queue(taken: Taken) -> None:
    """Until a thread waits: a job that has not begun is not begun any more when its task is cancelled."""
    while not taken.store._turns["key"]._waiting:
        await asyncio.sleep(0)


def test_whoever_gave_up_gives_back_what_comes_late() -> None:
    """Cancelled while it waited in its thread: the thread gets the turn, and nobody is there to use it."""
    taken = Taken()

    async def give_up() -> None:
        async def wait() -> None:
            async with turns.turn("key", taken):
                raise AssertionError("it was cancelled")

        turns = AsyncTurns()
        with taken.store.turn("key", 1.0):
            waiting = asyncio.ensure_future(wait())
            await _in_the_queue(taken)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(give_up())
    assert taken.is_free()


def test_whoever_gave_up_has_nothing_to_give_back_where_nothing_came() -> None:
    """The thread's wait ended without the turn: it is another's, and stays so."""
    taken = Taken(timeout_s=0.05)

    async def give_up() -> None:
        async def wait() -> None:
            async with turns.turn("key", taken):
                raise AssertionError("it was cancelled")

        turns = AsyncTurns()
        waiting = asyncio.ensure_future(wait())
        await _in_the_queue(taken)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with taken.store.turn("key", 1.0):
        asyncio.run(give_up())
        with pytest.raises(TurnTimeoutError), taken.store.turn("key", 0.2):
            pass
    assert taken.is_free()


def test_an_error_inside_gives_the_turn_back() -> None:
    """And is the caller's; so is the error of a turn that did not come."""
    taken = Taken(timeout_s=0.05)

    async def fail() -> None:
        async with AsyncTurns().turn("key", taken):
            raise LookupError("inside")

    with pytest.raises(LookupError, match="inside"):
        asyncio.run(fail())
    assert taken.is_free()
    with taken.store.turn("key", 1.0), pytest.raises(TurnTimeoutError):
        asyncio.run(fail())


def test_one_object_in_several_loops() -> None:
    """One after the other, as `asyncio.run` makes them: a lock of a loop that is gone binds nobody."""
    taken = Taken()
    turns = AsyncTurns()

    async def use() -> int:
        async with turns.turn("key", taken):
            return len(turns._queues)

    assert [asyncio.run(use()) for _ in range(3)] == [1, 1, 1]
