"""The right to have a request in flight on a key, inside one process."""

from __future__ import annotations

import threading
from collections import deque


class Turn:
    """What the holder of a key's turn has in hand."""

    def confirm(self) -> None:
        """
        Make sure that the turn is still ours; called after the nonce is taken, before it is sent.

        Raises:
            TurnLostError: It is not (a lease ran out), so nothing may be sent.
        """


class FairLock:
    """
    A lock that is handed over in the order of asking.

    `threading.Lock` gives no order: a thread that releases and asks again at once can win for ever, and
    the others' calls time out although the exchange answers quickly.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def contended(self) -> bool:
        """Whether somebody waits right now; stale as soon as it is read."""
        return bool(self._waiting)

    def acquire(self, timeout_s: float) -> bool:
        """Wait for the lock, *timeout_s* seconds at most; False if it was not handed over in time."""
        with self._guard:
            if not self._held:
                self._held = True
                return True
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        try:
            if ticket.acquire(timeout=timeout_s):
                return True
        except BaseException:
            # Ctrl-C while waiting: a ticket left in the queue would be handed the lock and keep it.
            if not self._withdraw(ticket):
                self.release()
            raise
        return not self._withdraw(ticket)

    def release(self) -> None:
        """Hand the lock to whoever has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def _withdraw(self, ticket: threading.Lock) -> bool:
        """Leave the queue; False if the lock was handed over just before."""
        with self._guard:
            try:
                self._waiting.remove(ticket)
            except ValueError:
                return False
            return True
