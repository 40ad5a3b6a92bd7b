"""The generators of a client's keys, their turns, and the records of its calls, whichever client makes them."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

from kraken_doctor.client.guarding import cleaned
from kraken_doctor.client.networkerror import AlsoAs
from kraken_doctor.client.options import CallOptions
from kraken_doctor.client.recording import Observer, Quiet, metrics
from kraken_doctor.client.wire import outcome_of_answer
from kraken_doctor.errors import TurnTimeoutError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.turn import Turn
from kraken_doctor.redact import key_id

NOT_SENT, UNKNOWN = "not-sent", "unknown"
"""The outcomes of a call of which nothing is known yet: before sending began, and from then on."""


class Ledger:
    """
    What an object, and each copy of it, needs to make its private calls in order.

    The key comes with each call: an object's key may be changed at any time (``load_key``), and a copy may have
    another.

    Args:
        options: How to call.
        network_error: What errors of turn and store are as well, see `AlsoAs`.
    """

    def __init__(self, options: CallOptions, network_error: type[Exception]) -> None:
        self.options = options
        self.also_as = AlsoAs(network_error)
        self._generators: dict[str, NonceGenerator] = {}
        self._observers: tuple[Observer, ...] | None = None

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Observers are functions of this process: few of them could go along, and the copy in another has its own.
        return type(self), (dataclasses.replace(self.options, observers=()), self.also_as.theirs)

    def nonce(self, key: str) -> int:
        """The next nonce of *key*, for whoever signs by himself."""
        with self.also_as:
            return self.generator(key).next()

    def generator(self, key: str) -> NonceGenerator:
        """The generator of *key*, the API key itself."""
        made = self._generators.get(key)
        if made is None:
            options = self.options
            made = NonceGenerator(key_id(key), store=options.store, unit=options.unit, clock=options.clock)
            made = self._generators.setdefault(key, made)
        return made

    def turn(self, key: str, timeout_s: float) -> AbstractContextManager[Turn]:
        """
        The turn for a call of *timeout_s*, waited for in this thread.

        Raises:
            TurnTimeoutError: At once, if a call of this thread's event loop has the turn, or waits for it: the loop
                could not bring it to its end while this thread waits.
        """
        if self.options.in_order and vars(_in_loop).get(key):
            raise TurnTimeoutError(
                f"key {key_id(key)}: a call of this key is under way in the event loop of this thread, and can't end "
                "while a blocking call waits for it: use asyncio.to_thread, or the asynchronous client for both"
            )
        return self.turn_elsewhere(key, timeout_s)

    def turn_elsewhere(self, key: str, timeout_s: float) -> AbstractContextManager[Turn]:
        """The same for another thread than the event loop's; one that excludes nobody, if order is not wanted."""
        if not self.options.in_order:
            return nullcontext(Turn())
        return self.generator(key).turn(self.options.turn_timeout, _lease_s(timeout_s), nonce_follows=True)

    @contextmanager
    def under_way_in_loop(self, key: str) -> Iterator[None]:
        """Inside, a blocking call on *key* in this thread is told that it would wait for itself."""
        counts, calls = vars(_in_loop), int(self.options.in_order)
        counts[key] = counts.get(key, 0) + calls
        try:
            yield
        finally:
            counts[key] -= calls

    def begin(self, key: str, endpoint: str) -> Ongoing:
        """A call that asks for its turn now."""
        return Ongoing(self, key, endpoint)

    def tell(self, record: CallRecord) -> None:
        """Hand *record* to all that watch."""
        if self._observers is None:
            # Not before the first call: loading Prometheus takes longer than making the client.
            options = self.options
            audit = Quiet(options.store.record, "the audit log can't be written") if options.audit else None
            own = (Quiet(observer, "an observer failed") for observer in options.observers)
            watching = (audit, metrics() if options.metrics else None, *own)
            self._observers = tuple(observer for observer in watching if observer is not None)
        for observer in self._observers:
            observer(record)


_in_loop = threading.local()
"""In ``__dict__``: by key the calls of this thread's event loop that have their turn or wait for it."""


class Ongoing:
    """What becomes of one attempt, while it is under way."""

    def __init__(self, ledger: Ledger, key: str, endpoint: str) -> None:
        self.generator = ledger.generator(key)
        self.outcome = NOT_SENT
        self.nonce = -1
        self.key = key
        self._ledger = ledger
        self._clock = ledger.options.clock
        self._endpoint = endpoint
        self._asked = self._began = self._clock.monotonic()
        self._ended: float | None = None
        self._at_ns = 0
        self._turn = Turn()

    def take_nonce(self, turn: Turn) -> int:
        """The nonce of this call, whose turn has come."""
        self._turn, self._at_ns, self._began = turn, self._clock.now_ns(), self._clock.monotonic()
        self.nonce = turn.next(self.generator)
        if check := self._ledger.options.check_nonce:
            check(self.nonce)
        return self.nonce

    def sending(self) -> None:
        """From now on it may have been executed, whatever is seen of it."""
        self.outcome = UNKNOWN

    def answered(self) -> None:
        """The answer is there; what follows no longer counts as its latency."""
        self._ended = self._clock.monotonic()

    def failed(self, name: Callable[[], str]) -> None:
        """Call the failure what *name* says; where that can't be said, what is known about sending stays."""
        with contextlib.suppress(Exception):
            self.outcome = name()

    def judge(self, answer: object) -> None:
        """Take *answer*, in whatever form the client has it, as what came back."""
        self.failed(lambda: outcome_of_answer(answer, self._endpoint))

    def close(self) -> None:
        """Tell what became of it, if it got as far as a nonce; never raises."""
        if self.nonce >= 0:
            with contextlib.suppress(Exception):
                self._ledger.tell(self._record())

    def _record(self) -> CallRecord:
        ended = self._ended if self._ended is not None else self._clock.monotonic()
        return CallRecord(
            at_ns=self._at_ns,
            key_id=self.generator.key_id,
            unit=self._ledger.options.unit.value,
            nonce=self.nonce,
            endpoint=self._endpoint,
            outcome=self._shown_outcome(),
            latency_s=ended - self._began,
            waited_s=self._began - self._asked,
            by=self._ledger.options.by,
            declared=self._ledger.options.declared,
        )

    def _shown_outcome(self) -> str:
        """A server's words go into logs and metrics from here."""
        if self.outcome == "ok":
            return self.outcome
        return cleaned(self.outcome, self.key, self._ledger.options.otp)


def _lease_s(timeout_s: float) -> float:
    """
    How long a call of *timeout_s* may need its turn.

    requests counts its timeout twice, for connecting and for the answer; what is above is for this process to get
    its time slices, and it is what others wait if this host dies in the middle of a call.
    """
    return 2 * timeout_s + 5.0
