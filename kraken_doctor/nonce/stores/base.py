"""What every store does; `tests/nonce/test_store_contract.py` holds each of them to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.defaults import TURN_LEASE_S
from kraken_doctor.nonce.marks import Possible
from kraken_doctor.nonce.turn import Turn


class NonceStore(Protocol):
    """
    High-water marks, one a key, and the turns of each key.

    The mark is the largest nonce issued for a key. How far *strictly increasing* and *in order* hold is
    how far the store reaches: one process, one host, or all hosts.
    """

    name: str
    """``memory``, ``sqlite`` or ``redis``: what reports call it."""

    def advance(self, key_id: str, floor: int, is_possible: Possible | None = None) -> int:
        """
        Set the mark to ``max(mark + 1, floor)`` in one atomic step and return it once durable.

        Never below what this process got before, even if the store has lost its data since.

        Args:
            key_id: Whose mark.
            floor: The least that it may be.
            is_possible: Asked of a nonce that comes from neither *floor* nor this process: whether it can be one.

        Raises:
            NonceExhaustedError: The mark is at the end of the unsigned 64-bit range.
            NonceStoreError: The mark can't be read or made durable, or is none, see `marks.judged`. No nonce was
                issued.
        """

    def mark(self, key_id: str) -> int | None:
        """
        The mark as it stands, None for a key never seen. For reports: it is old as soon as it is read.

        Raises:
            NonceStoreError: It can't be read, or is no whole number of 64 bits.
        """

    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> AbstractContextManager[Turn]:
        """
        The exclusive right to have a request of this key in flight.

        Args:
            key_id: Whose turn.
            timeout_s: Longest wait for it.
            lease_s: Longest time that it is needed. Locks of the kernel have no use for it.

        Raises:
            TurnTimeoutError: It was not free within *timeout_s* seconds.
            TurnHeldError: This thread has it already.
            NonceStoreError: Turns can't be taken at all.
        """

    def remember(self, key_id: str, name: str, value: str) -> None:
        """Keep a note about a key, such as the unit that its exchange accepted."""

    def recall(self, key_id: str, name: str) -> str | None:
        """A note kept before, or None."""

    def record(self, record: CallRecord) -> None:
        """
        Keep an audit record, for a bounded number of them: the oldest go.

        Raises:
            NonceStoreError: It can't be written.
        """

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        """The audit records from *since_ns* (wall clock) on, oldest first."""

    def newest(self, wanted: Collection[str]) -> Iterator[CallRecord]:
        """
        The audit records of the keys *wanted*, the newest first.

        A key that the caller takes out of *wanted* on the way is passed over from then on.
        """

    def close(self) -> None:
        """Give back what the store holds; using it afterwards opens it anew."""
