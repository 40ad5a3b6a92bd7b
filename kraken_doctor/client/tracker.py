"""
The nonce generators of a client's keys, their turns, and the records of its calls, whichever client makes them.

Errors of turn and store are also the network error that a bot on some client retries.
"""

import contextlib
import dataclasses
import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

from kraken_doctor.client.observers import Observer, SafeObserver, log_safely, metrics_observer
from kraken_doctor.client.options import CallOptions
from kraken_doctor.client.safety import redacted
from kraken_doctor.client.transport import outcome_of_answer
from kraken_doctor.errors import NonceStoreError, TurnLostError, TurnTimeoutError
from kraken_doctor.model.call import NOT_SENT, UNKNOWN, CallRecord
from kraken_doctor.model.defaults import LEASE_MARGIN_S
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.turn import Turn
from kraken_doctor.secret import key_id


class AlsoNetworkError:
    """
    A context in which errors of the turn and of the store are errors of the type *network_error* as well.

    They pass as a network's errors do, and nothing was sent: a bot that goes on after those must not end after these.
    The end of the 64-bit range does not pass, and stays what it is.
    """

    def __init__(self, network_error: Any) -> None:
        self.network_error = network_error

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, exc: BaseException | None, trace: object) -> None:
        # `from exc`: a log shows where it came from, and it is ours and theirs to whoever catches either.
        if isinstance(exc, _TRANSIENT) and not isinstance(exc, self.network_error):
            raise _combined_type(kind, self.network_error)(*exc.args) from exc


_GONE = "private calls are not serialised: %s was replaced after the first one, and stays in charge"

_TRANSIENT = (TurnTimeoutError, TurnLostError, NonceStoreError)


@functools.cache
def _combined_type(ours: Any, theirs: Any) -> Any:
    # By hand: pickle looks classes up by name, and this one is made while the bot runs.
    def reduce(self: Exception) -> tuple[Any, ...]:
        return _rebuild, (ours, theirs, self.args), self.__dict__

    names = {"__module__": ours.__module__, "__doc__": ours.__doc__, "__reduce__": reduce}
    return type(ours.__name__, (ours, theirs), names)


def _rebuild(ours: Any, theirs: Any, arguments: tuple[Any, ...]) -> Any:
    return _combined_type(ours, theirs)(*arguments)


class CallTracker:
    """
    What a client object and its copies need to make their private calls one at a time.

    The key comes with each call: an object's key may be changed at any time (``load_key``), and a copy may have
    another.

    Args:
        options: How to call.
        network_error: What errors of turn and store are as well, see `AlsoNetworkError`.
    """

    def __init__(self, options: CallOptions, network_error: type[Exception]) -> None:
        self.options = options
        self.also_network_error = AlsoNetworkError(network_error)
        self._generators: dict[str, NonceGenerator] = {}
        self._observers: tuple[Observer, ...] | None = None
        self.tell = functools.cache(functools.partial(log_safely, logging.getLogger(__name__), logging.WARNING, _GONE))
        """Called with the name of a method that the object, or its class, got after ours: calls go around us."""

    def __deepcopy__(self, memo: object) -> Self:
        # A copy of the client must take turns with it, so they share generators and store.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Observers are functions of this process: few of them could go along, and the copy in another has its own.
        return type(self), (dataclasses.replace(self.options, observers=()), self.also_network_error.network_error)

    def nonce(self, key: str, client: Any = None, method: str = "") -> int:
        """Return the next nonce of *key*, for whoever signs by himself: a *method* that *client* got after ours."""
        if method in getattr(client, "__dict__", ()):
            self.tell(method)
        with self.also_network_error:
            return self.generator(key).next()

    def generator(self, key: str) -> NonceGenerator:
        """Return the generator of *key*, the API key itself."""
        made = self._generators.get(key)
        if made is None:
            options = self.options
            made = NonceGenerator(key_id(key), store=options.store, unit=options.unit, clock=options.clock)
            # setdefault is atomic: of two threads that come first, both get the same one.
            made = self._generators.setdefault(key, made)
        return made

    def turn(self, key: str, timeout_s: float) -> AbstractContextManager[Turn]:
        """
        Return the turn for a call of *timeout_s*, waited for in this thread.

        Raises:
            TurnTimeoutError: At once, if a call of this thread's event loop has the turn, or waits for it: the loop
                could not bring it to its end while this thread waits.
        """
        if self.options.in_order and vars(_in_loop).get(key):
            raise TurnTimeoutError(
                f"key {key_id(key)}: a call with this key is in progress in this thread's event loop, and can't "
                "finish while a blocking call waits for it: use asyncio.to_thread, or the asynchronous client for both"
            )
        return self.turn_elsewhere(key, timeout_s)

    def turn_elsewhere(self, key: str, timeout_s: float) -> AbstractContextManager[Turn]:
        """Return the same for a thread without an event loop; one that excludes nobody where order is not wanted."""
        if not self.options.in_order:
            return nullcontext(Turn())
        # requests counts its timeout twice, for connecting and for the answer. What is above is for this process to get
        # its time slices, and it is what others wait if this host dies in the middle of a call.
        lease_s = 2 * timeout_s + LEASE_MARGIN_S
        return self.generator(key).turn(self.options.turn_timeout, lease_s, nonce_follows=True)

    @contextmanager
    def under_way_in_loop(self, key: str) -> Iterator[None]:
        """Let a blocking call on *key* in this thread fail at once: inside, it would wait for itself."""
        counts, calls = vars(_in_loop), int(self.options.in_order)
        counts[key] = counts.get(key, 0) + calls
        try:
            yield
        finally:
            counts[key] -= calls

    def notify(self, record: CallRecord) -> None:
        """Hand *record* to all observers."""
        if self._observers is None:
            # Not before the first call: loading Prometheus takes longer than making the client.
            options = self.options
            audit = SafeObserver(options.store.record, "the audit log can't be written") if options.audit else None
            own = (SafeObserver(observer, "an observer failed") for observer in options.observers)
            watching = (audit, metrics_observer() if options.metrics else None, *own)
            self._observers = tuple(observer for observer in watching if observer is not None)
        for observer in self._observers:
            observer(record)


_in_loop = threading.local()
"""In ``__dict__``: by key the calls of this thread's event loop that have their turn or wait for it."""


class CallAttempt:
    """One attempt at a call, which asks for its turn now, while it is under way."""

    def __init__(self, tracker: CallTracker, key: str, endpoint: str) -> None:
        self.generator = tracker.generator(key)
        self.outcome = NOT_SENT
        self.nonce = -1
        self.key = key
        self._tracker = tracker
        self._clock = tracker.options.clock
        self._endpoint = endpoint
        self._asked = self._began = self._clock.monotonic()
        self.ended: float | None = None
        """When the answer was there, on the monotonic clock."""
        self._at_ns = 0

    def take_nonce(self, turn: Turn) -> int:
        """Return the nonce of this call, whose turn has come."""
        self._at_ns, self._began = self._clock.now_ns(), self._clock.monotonic()
        self.nonce = turn.next(self.generator)
        # Before anything is sent: the doctor's own limit on what a store may make it send.
        if check := self._tracker.options.check_nonce:
            check(self.nonce)
        return self.nonce

    def sending(self) -> None:
        """Note that from now on it may have been executed, whatever is seen of it."""
        self.outcome = UNKNOWN

    def answered(self) -> None:
        """Note that the answer is there; what follows no longer counts as its latency."""
        self.ended = self._clock.monotonic()

    def failed(self, name: Callable[[], str]) -> None:
        """Call the failure what *name* says; where that raises, what is known about sending stays."""
        with contextlib.suppress(Exception):
            self.outcome = name()

    def judge(self, answer: object) -> None:
        """Take *answer*, in whatever form the client has it, as what came back."""
        self.failed(lambda: outcome_of_answer(answer, self._endpoint))

    def close(self) -> None:
        """Notify the observers, if it got as far as a nonce; never raise."""
        if self.nonce >= 0:
            # The exchange may have executed the call: nothing that only watches may replace its answer.
            with contextlib.suppress(Exception):
                self._tracker.notify(self._record())

    def _record(self) -> CallRecord:
        options, outcome = self._tracker.options, self.outcome
        ended = self.ended if self.ended is not None else self._clock.monotonic()
        return CallRecord(
            at_ns=self._at_ns,
            key_id=self.generator.key_id,
            unit=options.unit.value,
            nonce=self.nonce,
            endpoint=self._endpoint,
            # A server's words go into logs and metrics from here, and some servers repeat what they were sent.
            outcome=outcome if outcome == "ok" else redacted(outcome, self.key, options.otp),
            latency_s=ended - self._began,
            waited_s=self._began - self._asked,
            by=options.by,
            declared=options.declared,
        )
