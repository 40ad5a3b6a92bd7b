"""Nonces that the exchange refuses, or will."""

from __future__ import annotations

from kraken_doctor.clock import SystemClock
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.history import UNIT_NOTE_0_1
from kraken_doctor.nonce.stores import NonceStore
from kraken_doctor.redact import key_id
from kraken_doctor.sandbox.faults.base import Fault, Inject, no_op
from kraken_doctor.sandbox.messages import Request, Response
from kraken_doctor.sandbox.scenarios import Scenario

_YEAR_S = 365 * 86_400.0


def _spent(per_second: int, *, ahead_s: float = 0.0) -> Inject:
    """The key has seen a nonce of so many ticks a second, from a clock that is so far ahead."""

    def inject(scenario: Scenario) -> None:
        scenario.key().mark = round((scenario.exchange.now() + ahead_s) * per_second)

    return inject


def _shared(scenario: Scenario) -> None:
    """Each of our calls is followed by one of somebody else, whose clock is a second ahead."""
    key = scenario.key()

    def intercept(request: Request) -> Response | None:
        if key.accepted and request.headers.get("api-key") == key.api_key:
            key.mark = max(key.mark, round((scenario.exchange.now() + 1) * 1000))
        return None

    scenario.exchange.interceptors.append(intercept)


def _window(ticks: int) -> Inject:
    def inject(scenario: Scenario) -> None:
        scenario.key().window = ticks

    return inject


def _raced(scenario: Scenario) -> None:
    """One call of somebody else overtakes our first."""
    key = scenario.key()

    def intercept(request: Request) -> Response | None:
        if not key.refused and request.headers.get("api-key") == key.api_key:
            key.mark = round((scenario.exchange.now() + 0.2) * 1000)
        return None

    scenario.exchange.interceptors.append(intercept)


def _mark(per_second: int, *, ahead_s: float = 0.0, accepted: bool = False) -> Inject:
    """The store has issued a nonce of so many ticks a second, from a clock that was so far ahead."""

    def inject(scenario: Scenario) -> None:
        identity, now_ns = key_id(scenario.key().api_key), SystemClock().now_ns()
        mark = round((now_ns / 1e9 + ahead_s) * per_second)
        call = CallRecord(at_ns=now_ns, key_id=identity, unit="ms", nonce=mark, endpoint="Balance", outcome="ok",
                          latency_s=0.02, waited_s=0.0)  # fmt: skip

        def prepared(store: NonceStore) -> NonceStore:
            store.advance(identity, mark)
            if accepted:
                store.record(call)
            return store

        scenario.store = prepared

    return inject


def _noted(scenario: Scenario) -> None:
    """Version 0.1 has been here, and found that microseconds are accepted."""
    identity = key_id(scenario.key().api_key)

    def prepared(store: NonceStore) -> NonceStore:
        store.remember(identity, UNIT_NOTE_0_1, "us")
        return store

    scenario.store = prepared


NONCE = (
    Fault("nonce-spent-higher", "a client that counts nanoseconds has used the key", _spent(10**9), "nonce-spent-higher"),
    Fault("nonce-spent-finer", "a client that counts microseconds has used the key", _spent(10**6), "nonce-spent-higher"),
    Fault("nonce-spent-jump", "a bot has jumped a year ahead, in microseconds", _spent(10**6, ahead_s=_YEAR_S), "nonce-spent-higher"),
    Fault("nonce-mark-finer", "the nonce store's mark is in microseconds, and none was ever accepted", _mark(10**6), "nonce-spent-higher", "warn"),
    Fault("nonce-noted-finer", "version 0.1 noted microseconds for the key", _noted, "nonce-spent-higher", "warn"),
    Fault("nonce-shared-key", "another program uses the key meanwhile", _shared, "nonce-shared-key"),
    Fault("nonce-race-lost", "one call of another program overtakes ours", _raced, "nonce-shared-key", "warn"),
    Fault("nonce-reordered", "five threads with unique nonces, no turns", no_op, "nonce-reordered", "warn",
          command="nonce --target kraken_doctor.client.examples:unique"),
    Fault("nonce-window-too-small", "a nonce window of 15 milliseconds", _window(15), "nonce-window-too-small", "warn"),
    Fault("nonce-window-wide", "a nonce window of an hour", _window(3_600_000), "nonce-window-wide", "warn"),
    Fault("nonce-ahead-of-clock", "the store's mark leads the clock by five minutes, and was accepted", _mark(10**3, ahead_s=300, accepted=True), "nonce-ahead-of-clock", "warn"),
    Fault("nonce-mark-ahead", "it leads the clock by a day, and was never accepted", _mark(10**3, ahead_s=86_400), "nonce-ahead-of-clock", "warn"),
)  # fmt: skip
