"""Turns in Redis: a lease with a token and a place in the key's queue, for the threads of one process in turn."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from kraken_doctor.errors import TurnLostError
from kraken_doctor.nonce.stores.redislink import name_of, only
from kraken_doctor.nonce.turn import HOLD_S, HandoffLock, NonceSource, Turn

if TYPE_CHECKING:
    from kraken_doctor.nonce.stores.redis import RedisStore

_LOOK_S = 0.5
"""How long a waiter sleeps at most before it shows that it waits, and looks whether it still has to."""

_HEARTBEAT_MS = "2000"
"""A waiter that has not looked for so long is taken for dead, and passed over; one that lives looks four times."""

_ACCEPT_MS = "1000"
"""A waiter that is handed the turn and does not take it for so long is taken for dead; waking up takes 1 ms."""


class RedisTurn(Turn):
    """The turn of one call; the lease behind it may serve several threads in a row."""

    def __init__(self, store: RedisStore, slot: QueueSlot, lease_ms: int, source: NonceSource | None) -> None:
        self._store = store
        self._slot = slot
        self._lease_ms = str(lease_ms)
        self.source = source
        self.nonce: int | None = None
        """Of *source*, where it came with the turn."""

    def next(self, generator: NonceSource) -> int:
        nonce, self.nonce = self.nonce, None
        if nonce is not None and generator is self.source:
            return nonce
        if (nonce := self._slot.asked_ahead(generator)) >= 0:
            return nonce
        # One step in Redis for both: no other host can take the turn between the look at it and the nonce.
        nonce = self._store.step("advance", self._slot, [self._slot.token, self._lease_ms], generator)
        if nonce < 0:
            raise self._slot.lost()
        return nonce

    def confirm(self) -> None:
        # If it is still ours, it is for a whole lease from now on.
        if not self._store.link.run("confirm", [self._slot.holder], [self._slot.token, self._lease_ms], only(int)):
            raise self._slot.lost()


class QueueSlot:
    """
    One key's queue, as this process stands in it: a lease with a token, and a place until it is granted.

    The lease is what frees the key when its holder is killed or cut off; the token is what keeps a holder
    that comes back too late from believing that it still has it.
    """

    def __init__(self, store: RedisStore, key_id: str) -> None:
        self.key_id = key_id
        self.holder = name_of(key_id, "holder")
        self.queue = name_of(key_id, "queue")
        self.token = ""
        self.lease_ms = 0
        """The longest that any thread has asked for; the lease may serve several of them in a row."""
        self.lock = HandoffLock(self._take, self._give_back, self._ask_ahead)
        self._ahead: tuple[float, NonceSource, Iterator[int]] | None = None
        self._store = store
        self._heartbeat = name_of(key_id, "waits:")
        self._wakeup = name_of(key_id, "bell:")  # the name that version 0.1 pushes to

    def lost(self) -> TurnLostError:
        """Return the error of a holder that comes too late, and let the next thread take the turn anew."""
        self.lock.drop()
        return TurnLostError(f"key {self.key_id}: the turn ran out before the request was sent; it was not sent")

    def _ask_ahead(self, turn: Turn) -> None:
        """Send for the nonce of the thread that gets the turn from *turn*: the answer comes while it makes its call."""
        source = cast("RedisTurn", turn).source
        if source is not None and self._ahead is None:
            exchange = self._store.ahead(self, source)
            with contextlib.suppress(Exception):  # then it sends for itself
                next(exchange)
                self._ahead = time.monotonic(), source, exchange

    def asked_ahead(self, source: NonceSource) -> int:
        """Return the nonce that was sent for; below 0 where there is none, or one that is not good any more."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            with contextlib.suppress(Exception):
                at, whose, exchange = ahead
                nonce = next(exchange)
                return nonce if whose is source and time.monotonic() - at <= HOLD_S else -1
        return -1

    def _take(self, timeout_s: float, turn: Turn) -> None:
        """Take the turn; `TimeoutError` if it was not free in time. In any case the caller calls `_give_back`."""
        end, mine = time.monotonic() + timeout_s, cast("RedisTurn", turn)
        self.token, self._ahead = os.urandom(16).hex(), None
        arguments = [self.token, str(self.lease_ms), _HEARTBEAT_MS, self._heartbeat]
        while (answer := self._store.step("enter", self, arguments, mine.source)) < 0:
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            # Until somebody hands over the turn by pushing to our list, or it is time to look.
            self._store.link.ask("BLPOP", self._wakeup + self.token, min(left_s, -answer / 1000, _LOOK_S))
        mine.nonce = answer

    def _give_back(self) -> None:
        # The answer has come and counts; a turn that can't be given back ends with its lease.
        with contextlib.suppress(Exception):
            arguments = [self.token, self._heartbeat, self._wakeup, _ACCEPT_MS]
            self._store.link.run("leave", [self.holder, self.queue], arguments, wait=False)
