"""How the private calls of one object are made."""

import os
from collections.abc import Callable
from dataclasses import field
from typing import TypedDict

from kraken_doctor.client.observers import Observer
from kraken_doctor.client.retry import RetryPolicy
from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.frozen import dataclass
from kraken_doctor.model.call import BOT
from kraken_doctor.model.defaults import CALL_TIMEOUT_S, TURN_TIMEOUT_S
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.stores import NonceStore, open_store


def declared_unit() -> NonceUnit:
    """
    Return what ``KRAKEN_NONCE_UNIT`` of this process says the programs on its keys count in, else microseconds.

    Raises:
        ConfigurationError: It names no unit.
    """
    text = os.environ.get("KRAKEN_NONCE_UNIT", "")
    return NonceUnit.parse(text, named="KRAKEN_NONCE_UNIT") if text.strip() else NonceUnit.US


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """What `KrakenClient` and `install` take as keyword arguments."""

    store: NonceStore = field(default_factory=open_store)
    """Keeps the key's mark and turns; by default what `open_store` gives without a URL."""
    unit: NonceUnit = field(default_factory=declared_unit)
    """Ticks of the nonce; a key can follow only towards a finer one. Another maker's client has its own by default."""
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
    """
    Called with each `CallRecord` by the thread that made the call, which waits. What they raise is logged. They are not
    pickled with a client.
    """
    check_nonce: Callable[[int], None] | None = None
    """Called with each nonce before it is sent; what it raises keeps it from being sent. The nonce is spent."""
    by: str = BOT
    """Who makes the calls, for the audit log."""
    declared: bool = True
    """Whether the user chose *unit*, for the audit log."""


class CallKeywords(TypedDict, total=False):
    """The fields of `CallOptions`, as keyword arguments."""

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
    check_nonce: Callable[[int], None] | None
    by: str
    declared: bool
