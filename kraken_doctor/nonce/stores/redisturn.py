"""Turns in Redis: leases that queue, each with a token of its own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kraken_doctor.errors import TurnLostError
from kraken_doctor.nonce.turn import HandoffLock, NonceSource, Turn

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
        # One step in Redis for both: no other host can take the turn between the look at it and the nonce.
        with self._lost_means_lost():
            nonce = self._store.step("advance", self._slot, [self._slot.token, self._lease_ms], generator)
            if nonce < 0:
                raise turn_lost_error(self._slot.key_id)
            return nonce

    def confirm(self) -> None:
        with self._lost_means_lost():
            self._slot.renew(self._lease_ms)

    @contextmanager
    def _lost_means_lost(self) -> Iterator[None]:
        try:
            yield
        except TurnLostError:
            self._slot.lock.drop()
            raise


class QueueSlot:
    """
    One key's queue, as this process stands in it: a lease with a token, and a place until it is granted.

    The lease is what frees the key when its holder is killed or cut off; the token is what keeps a holder
    that comes back too late from believing that it still has it.
    """

    def __init__(self, store: RedisStore, key_id: str) -> None:
        self.key_id = key_id
        self.holder = name_of(key_id, "holder")
        self.token = ""
        self.lease_ms = 0
        """The longest that any thread has asked for; the lease may serve several of them in a row."""
        self.lock = HandoffLock(self._take, self._give_back)
        self._store = store
        self.queue = name_of(key_id, "queue")
        self._heartbeat = name_of(key_id, "waits:")
        self._wakeup = name_of(key_id, "bell:")  # the name that version 0.1 pushes to

    def renew(self, lease_ms: str) -> None:
        """Begin the lease anew; `TurnLostError` if it ran out."""
        if not self._store.confirm(self, lease_ms):
            raise turn_lost_error(self.key_id)

    def _take(self, timeout_s: float, turn: Turn) -> None:
        """Take the turn; `TimeoutError` if it was not free in time. In any case the caller calls `_give_back`."""
        end = time.monotonic() + timeout_s
        self.token = uuid.uuid4().hex
        arguments = [self.token, str(self.lease_ms), _HEARTBEAT_MS, self._heartbeat]
        source = turn.source if isinstance(turn, RedisTurn) else None
        while (answer := self._store.step("enter", self, arguments, source)) < 0:
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._store.wait_for_wakeup(self._wakeup + self.token, min(left_s, -answer / 1000, _LOOK_S))
        if source is not None and isinstance(turn, RedisTurn):
            turn.nonce = answer

    def _give_back(self) -> None:
        try:
            self._store.leave(self, [self.token, self._heartbeat, self._wakeup, _ACCEPT_MS])
        except Exception:  # noqa: BLE001 - of whatever kind
            # The answer has come and counts; a turn that can't be given back ends with its lease.
            return


def turn_lost_error(key_id: str) -> TurnLostError:
    """Return the error of a holder that comes too late."""
    return TurnLostError(f"key {key_id}: the turn ran out before the request was sent; it was not sent")


def name_of(key_id: str, part: str) -> str:
    """Return the name in Redis of a key's *part*."""
    # Braces: all keys of one API key in one slot, should the server be a cluster.
    return f"kraken-doctor:{{{key_id}}}:{part}"
