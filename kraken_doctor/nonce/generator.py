"""Strictly increasing nonces for one API key."""

from contextlib import AbstractContextManager

from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.model.defaults import TURN_LEASE_S, TURN_TIMEOUT_S
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.nonce.turn import Turn


class NonceGenerator:
    """
    Strictly increasing nonces for one API key, never below the wall clock.

    Kraken keeps the largest nonce that a key has sent, and it can't be lowered: a finer *unit* than the
    key's other clients use locks those clients out for good.

    Args:
        key_id: Names the key in the store, see `kraken_doctor.key_id`; never the key itself.
        store: Where the mark is kept; by default an SQLite file for all processes of this user.
        unit: Ticks to count in.
        clock: Where the time comes from.
    """

    def __init__(
        self,
        key_id: str,
        *,
        store: NonceStore | None = None,
        unit: NonceUnit = NonceUnit.US,
        clock: Clock | None = None,
    ) -> None:
        self.key_id = key_id
        self.unit = unit
        self.store = store if store is not None else open_store()
        # Bound once: a nonce costs about as much as looking these up for it.
        self._advance = self.store.advance
        self._now_ns = (clock or SystemClock()).now_ns
        self._tick_ns = unit.tick_ns

    def next(self) -> int:
        """
        Return a nonce larger than every one before it, of this generator and of all that share its store.

        Raises:
            NonceExhaustedError: There is no larger one in the unsigned 64-bit range.
            NonceStoreError: The mark could not be made durable, or can't be one; no nonce was issued.
        """
        return self._advance(self.key_id, self._now_ns() // self._tick_ns, self.possible)

    def possible(self, nonce: int) -> bool:
        """Return whether the store can have come to *nonce* by itself: see `marks.possible`."""
        return marks.possible(nonce, self.unit, self._now_ns())

    def floor(self) -> int:
        """Return the least that the next nonce may be: the wall clock in ticks."""
        return self._now_ns() // self._tick_ns

    def turn(
        self, timeout_s: float = TURN_TIMEOUT_S, lease_s: float = TURN_LEASE_S, *, nonce_follows: bool = False
    ) -> AbstractContextManager[Turn]:
        """
        Return a context with the exclusive right to have a request of this key in flight, as far as the store reaches.

        Take the nonce inside, send, and leave when the answer has come: the exchange judges nonces in
        the order in which they arrive, and a larger one may overtake a smaller. With a store in Redis call
        the turn's `confirm` right before sending.

        Args:
            timeout_s: Longest wait for the turn.
            lease_s: Longest time that it is needed, above the call's own timeout: after that a store in Redis
                takes the holder for dead.
            nonce_follows: The nonce is taken next, and from the turn's ``next(generator)``: a store in Redis then
                gives both in one round trip.

        Raises:
            TurnTimeoutError: It was not free within *timeout_s* seconds.
        """
        with_nonce = nonce_follows and getattr(self.store, "gives_nonce_with_turn", False)
        return self.store.turn(self.key_id, timeout_s, lease_s, *((self,) if with_nonce else ()))

    def lead_s(self) -> float | None:
        """
        Return the seconds by which the key's mark is ahead of this host's clock; None for a key never seen.

        A small lead is normal after a burst. A large one means that the clock was set back, or was ahead.
        """
        mark = self.store.mark(self.key_id)
        return None if mark is None else self.unit.lead_s(mark, self._now_ns())
