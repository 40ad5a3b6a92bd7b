"""One key's generator, its turns, and the records of its calls, whichever client makes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from kraken_doctor.client.guarding import cleaned
from kraken_doctor.client.options import CallOptions
from kraken_doctor.client.recording import Audit, Observer, metrics
from kraken_doctor.client.wire import outcome_of_answer
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.turn import Turn
from kraken_doctor.redact import key_id

NOT_SENT = "not-sent"
"""The outcome of a call of which nothing is known yet."""


class Ledger:
    """
    What an object needs to make its private calls in order.

    Args:
        key: The API key that the object has now: it may be changed at any time (``load_key``).
        options: How to call.
    """

    def __init__(self, key: Callable[[], str], options: CallOptions) -> None:
        self.options = options
        self._key = key
        self._generator: tuple[str, NonceGenerator] | None = None
        self._observers: tuple[Observer, ...] | None = None

    @property
    def key(self) -> str:
        """The present key."""
        return self._key()

    @property
    def generator(self) -> NonceGenerator:
        """The generator of the present key."""
        key = self._key()
        if self._generator is None or self._generator[0] != key:
            options = self.options
            generator = NonceGenerator(key_id(key), store=options.store, unit=options.unit, clock=options.clock)
            self._generator = (key, generator)
        return self._generator[1]

    def turn(self, timeout_s: float) -> AbstractContextManager[Turn]:
        """The turn for a call of *timeout_s*; one that excludes nobody, if order is not wanted."""
        if not self.options.in_order:
            return nullcontext(Turn())
        return self.generator.turn(self.options.turn_timeout, _lease_s(timeout_s))

    def begin(self, endpoint: str) -> Ongoing:
        """A call that asks for its turn now."""
        return Ongoing(self, endpoint)

    def tell(self, record: CallRecord) -> None:
        """Hand *record* to all that watch."""
        if self._observers is None:
            # Not before the first call: loading Prometheus takes longer than making the client.
            options = self.options
            audit = Audit(options.store) if options.audit else None
            watching = (audit, metrics() if options.metrics else None, *options.observers)
            self._observers = tuple(observer for observer in watching if observer is not None)
        for observer in self._observers:
            observer(record)


class Ongoing:
    """What becomes of one attempt, while it is under way."""

    def __init__(self, ledger: Ledger, endpoint: str) -> None:
        self.generator = ledger.generator
        self.outcome = NOT_SENT
        self.nonce = -1
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

    def answered(self) -> None:
        """The answer is there; what follows no longer counts as its latency."""
        self._ended = self._clock.monotonic()

    def judge(self, answer: object) -> None:
        """Take *answer*, in whatever form the client has it, as what came back."""
        self.outcome = outcome_of_answer(answer, self._endpoint)

    def close(self) -> None:
        """Tell what became of it, if it got as far as a nonce."""
        if self.nonce < 0:
            return
        ended = self._ended if self._ended is not None else self._clock.monotonic()
        record = CallRecord(
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
        self._ledger.tell(record)

    def _shown_outcome(self) -> str:
        """A server's words go into logs and metrics from here."""
        if self.outcome == "ok":
            return self.outcome
        return cleaned(self.outcome, self._ledger.key, self._ledger.options.otp)


def _lease_s(timeout_s: float) -> float:
    """
    How long a call of *timeout_s* may need its turn.

    requests counts its timeout twice, for connecting and for the answer; what is above is for this process to get
    its time slices, and it is what others wait if this host dies in the middle of a call.
    """
    return 2 * timeout_s + 5.0
