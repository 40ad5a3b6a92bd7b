"""Nonces that the exchange refuses, or will."""

from __future__ import annotations

from kraken_doctor.clock import SystemClock
from kraken_doctor.nonce.stores import NonceStore
from kraken_doctor.redact import key_id
from kraken_doctor.sandbox.faults.base import Fault, Inject, nothing
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


def _ahead(scenario: Scenario) -> None:
    """The mark of a bot that ran while this host's clock was five minutes ahead."""
    identity = key_id(scenario.key().api_key)
    mark_ms = (SystemClock().now_ns() + 300 * 10**9) // 10**6

    def advanced(store: NonceStore) -> NonceStore:
        store.advance(identity, mark_ms)
        return store

    scenario.store = advanced


NONCE = (
    Fault("nonce-spent-higher", "a client that counts nanoseconds has used the key", _spent(10**9), "nonce-spent-higher"),
    Fault("nonce-spent-finer", "a client that counts microseconds has used the key", _spent(10**6), "nonce-spent-higher", "warn"),
    Fault("nonce-spent-jump", "a bot has jumped a year ahead, in microseconds", _spent(10**6, ahead_s=_YEAR_S), "nonce-spent-higher"),
    Fault("nonce-shared-key", "another program uses the key meanwhile", _shared, "nonce-shared-key"),
    Fault("nonce-reordered", "five threads with unique nonces, no turns", nothing, "nonce-reordered", "warn",
          command="nonce --target kraken_doctor.client.examples:unique"),
    Fault("nonce-window-too-small", "a nonce window of 15 milliseconds", _window(15), "nonce-window-too-small", "warn"),
    Fault("nonce-window-wide", "a nonce window of an hour", _window(3_600_000), "nonce-window-wide", "warn"),
    Fault("nonce-ahead-of-clock", "the store's mark leads the clock by five minutes", _ahead, "nonce-ahead-of-clock", "warn"),
)  # fmt: skip
