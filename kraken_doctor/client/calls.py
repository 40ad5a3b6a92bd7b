"""Private calls of one `krakenex.API`, one in flight a key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypedDict

import requests

from kraken_doctor.client.form import Form
from kraken_doctor.client.recording import Audit, Observer, metrics
from kraken_doctor.client.retry import RetryPolicy, may_repeat
from kraken_doctor.client.wire import Post, as_transport_error, error_strings
from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.errors import is_failure, kraken_error
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.generator import TURN_TIMEOUT_S, NonceGenerator
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.nonce.turn import Turn
from kraken_doctor.redact import key_id

logger = logging.getLogger(__name__)

CALL_TIMEOUT_S = 10.0
"""For each call that names none. krakenex has no default: a silent exchange would block it for ever."""


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """How the private calls of one object are made."""

    store: NonceStore = field(default_factory=open_store)
    """Keeps the key's mark and turns; by default an SQLite file that all processes of this user share."""
    unit: NonceUnit = NonceUnit.US
    """Ticks of the nonce. A key can follow only towards a finer unit."""
    in_order: bool = True
    """False lets requests of a key overtake each other: for a key with a nonce window, at the user's own risk."""
    timeout: float = CALL_TIMEOUT_S
    """Seconds for every call that names none."""
    turn_timeout: float = TURN_TIMEOUT_S
    """Longest wait in seconds for the key's turn."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    """When to try again, by default after 5, 10, 20 and 40 s; what is never tried again is fixed."""
    otp: str | None = field(default=None, repr=False)
    """The static password of a key with two-factor authentication."""
    clock: Clock = field(default_factory=SystemClock)
    """Where the time comes from."""
    audit: bool = True
    """Whether the store keeps a record of each call."""
    metrics: bool = True
    """Whether calls are counted for Prometheus, where the extra is installed."""
    observers: tuple[Observer, ...] = ()
    """Called with each `CallRecord`, while the key's turn is still held; they must neither block nor raise."""


class CallKeywords(TypedDict, total=False):
    """The fields of `CallOptions`, as keyword arguments of `KrakenClient` and `install`."""

    store: NonceStore
    unit: NonceUnit
    in_order: bool
    timeout: float
    turn_timeout: float
    retry: RetryPolicy
    otp: str | None
    clock: Clock
    audit: bool
    metrics: bool
    observers: tuple[Observer, ...]


class PrivateCalls:
    """
    What `KrakenClient` and `install` put in the place of krakenex's ``query_private`` and ``_nonce``.

    Args:
        api: The ``krakenex.API``: it keeps the key, signs, and owns the session.
        options: How to call.
        own_query: The object's class made its own way of sending; it is used, whatever it does.
    """

    def __init__(self, api: Any, options: CallOptions, *, own_query: bool = False) -> None:
        self.options = options
        self._api = api
        self._own_query = own_query
        self._generator: tuple[str, NonceGenerator] | None = None
        self._observers: tuple[Observer, ...] | None = None

    @property
    def generator(self) -> NonceGenerator:
        """The generator of the key that the API object has now: ``load_key`` may change it."""
        key: str = self._api.key
        if self._generator is None or self._generator[0] != key:
            options = self.options
            generator = NonceGenerator(key_id(key), store=options.store, unit=options.unit, clock=options.clock)
            self._generator = (key, generator)
        return self._generator[1]

    def nonce(self) -> int:
        """The nonce hook of krakenex, for callers that sign by themselves."""
        return self.generator.next()

    def query(self, method: str, data: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """
        ``krakenex.API.query_private``: the API's own answer, with order, fresh nonces and retries.

        Raises:
            NonceError: No nonce, or no turn: nothing was sent.
            requests.RequestException: As krakenex raises it, after the last attempt.
        """
        if not self._api.key or not self._api.secret:
            raise ValueError("Either key or secret is not set! (Use `load_key()`.)")
        form = Form(data)
        for delay_s in self.options.retry.delays_s:
            try:
                answer = self._attempt(method, form, timeout)
            except requests.RequestException as exc:
                if not may_repeat(exc, method):
                    raise
                failure = as_transport_error(exc).kind
            else:
                errors = error_strings(answer)
                if not is_failure(errors) or not may_repeat(kraken_error(errors), method):
                    return answer
                failure = ", ".join(errors)
            # The turn is free while we wait: other calls of this key go on.
            logger.warning("%s: %s; trying again in %g s with a fresh nonce", method, failure, delay_s)
            self.options.clock.sleep(delay_s)
        return self._attempt(method, form, timeout)

    def _attempt(self, method: str, form: Form, timeout: float | None) -> Any:
        """One request, from taking the nonce to the answer inside the key's turn."""
        generator, clock = self.generator, self.options.clock
        timeout_s = self.options.timeout if timeout is None else timeout
        exchange = self._exchange(f"/{self._api.apiversion}/private/{method}", timeout_s)
        call = _Call(generator.key_id, self.options.unit, method, asked=clock.monotonic())
        try:
            with self._turn(generator, timeout_s) as turn:
                call.at_ns, call.began = clock.now_ns(), clock.monotonic()
                call.nonce = turn.next(generator)
                response = exchange.send(*self._signed(form, call.nonce, method))
                call.ended = clock.monotonic()
            answer = exchange.read(response)
            call.outcome = ", ".join(error_strings(answer)) or "ok"
        except requests.RequestException as exc:
            call.outcome = as_transport_error(exc).kind
            raise
        finally:
            if call.nonce >= 0:
                self.tell(call.record(clock.monotonic()))
        return answer

    def _signed(self, form: Form, nonce: int, method: str) -> tuple[Form, dict[str, str]]:
        api, otp = self._api, self.options.otp
        signed = form.with_fields(nonce=str(nonce), **({} if otp is None else {"otp": otp}))
        # krakenex signs: `Form` sees to it that what it signs is what is sent.
        signature = api._sign(signed, f"/{api.apiversion}/private/{method}")  # noqa: SLF001
        return signed, {"API-Key": api.key, "API-Sign": signature}

    def _exchange(self, urlpath: str, timeout_s: float) -> Post | _OwnQuery:
        if self._own_query:
            return _OwnQuery(self._api, urlpath, timeout_s)
        return Post(self._api, urlpath, timeout_s)

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

    def _send(self, method: str, form: Form, nonce: int, turn: Turn, timeout: float | None) -> Any:
        api, otp = self._api, self.options.otp
        signed = form.with_fields(nonce=str(nonce), **({} if otp is None else {"otp": otp}))
        urlpath = f"/{api.apiversion}/private/{method}"
        headers = {"API-Key": api.key, "API-Sign": api._sign(signed, urlpath)}  # noqa: SLF001 - krakenex signs
        turn.confirm()
        return api._query(urlpath, signed, headers, timeout=timeout)  # noqa: SLF001

    def _turn(self, generator: NonceGenerator, timeout_s: float) -> AbstractContextManager[Turn]:
        if not self.options.in_order:
            return nullcontext(Turn())
        return generator.turn(self.options.turn_timeout, lease_s(timeout_s))


class _Call:
    """What becomes of one attempt, while it is under way."""

    def __init__(self, key_id: str, unit: NonceUnit, endpoint: str, asked: float) -> None:
        self.nonce = -1
        self.outcome = "not-sent"
        self.at_ns = 0
        self.began = self.ended = asked
        self._key_id, self._unit, self._endpoint, self._asked = key_id, unit.value, endpoint, asked

    def record(self, now: float) -> CallRecord:
        """The record, once it has ended; *now* stands in where no answer came."""
        return CallRecord(
            at_ns=self.at_ns,
            key_id=self._key_id,
            unit=self._unit,
            nonce=self.nonce,
            endpoint=self._endpoint,
            outcome=self.outcome,
            latency_s=(self.ended if self.ended > self.began else now) - self.began,
            waited_s=self.began - self._asked,
        )


class _OwnQuery:
    """The way of sending of a subclass that made its own: all of it inside the turn."""

    def __init__(self, api: Any, urlpath: str, timeout_s: float) -> None:
        self._api, self._urlpath, self._timeout_s = api, urlpath, timeout_s

    def send(self, data: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        return self._api._query(self._urlpath, data, headers, timeout=self._timeout_s)  # noqa: SLF001

    def read(self, answer: Any) -> Any:
        return answer


def lease_s(timeout_s: float) -> float:
    """
    How long a call of *timeout_s* may need its turn.

    requests counts its timeout twice, for connecting and for the answer; what is above is for this process to get
    its time slices, and it is what others wait if this host dies in the middle of a call.
    """
    return 2 * timeout_s + 5.0
