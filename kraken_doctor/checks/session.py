"""The private calls of one account in one run: few, counted, and never a nonce larger than need be."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_doctor.clock import Clock
from kraken_doctor.errors import (
    KrakenDoctorError,
    KrakenError,
    KrakenInvalidNonce,
    KrakenTemporaryLockout,
    Retry,
    TransportError,
)
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.evidence import Evidence
from kraken_doctor.model.unit import NonceUnit

if TYPE_CHECKING:
    from kraken_doctor.client.kraken import KrakenClient
    from kraken_doctor.nonce.stores import NonceStore

UNIT_NOTE = "accepted unit"
"""The store remembers under this name in which unit a key's nonces were accepted, and whether a coarser was refused."""

_PASSING = frozenset({"connection-timeout", "connection-reset", "read-timeout", "edge-error", "dns-failed"})
"""Failures on the way that may be gone a few seconds later."""

Connect = Callable[[NonceUnit, Callable[[CallRecord], None]], "KrakenClient"]

Waiting = Callable[[str, float], None]
"""Told why a call waits, as a phrase that a number of seconds completes, and that number; "" and 0 when it goes on."""


def _nobody_watches(reason: str, seconds: float) -> None:
    """The default `Waiting`."""


class BudgetSpentError(KrakenDoctorError):
    """The run has made as many private calls for this account as it allows itself."""


class Reply(NamedTuple):
    """One private call, answered or not."""

    number: int
    endpoint: str
    unit: NonceUnit
    nonce: int
    sent_nonce: int | None
    """The nonce in the request's body as it left; None if no answer came to compare with."""
    latency_s: float
    result: Any = None
    error: KrakenError | TransportError | None = None

    @property
    def outcome(self) -> str:
        """``ok``, the exchange's strings, or the cause id of the step that failed."""
        if isinstance(self.error, TransportError):
            return self.error.kind
        return ", ".join(self.error.errors) if self.error else "ok"

    def evidence(self) -> tuple[Evidence, ...]:
        """The call as facts."""
        name = f"call.{self.number}"
        failure = self.error if isinstance(self.error, TransportError) else TransportError("", "")
        return (
            Evidence(f"{name}.endpoint", self.endpoint),
            Evidence(f"{name}.unit", self.unit.value),
            Evidence(f"{name}.nonce", self.nonce),
            Evidence(f"{name}.outcome", self.outcome, source="exchange"),
            Evidence(f"{name}.failure", failure.kind),
            Evidence(f"{name}.detail", failure.detail),
            Evidence(f"{name}.latency", round(self.latency_s, 6), "s"),
        )


@dataclass(kw_only=True)
class AccountSession:
    """
    Calls for one account.

    The unit is the declared one and no other. If none is declared: the one that this key accepted before,
    else milliseconds, krakenex's own; if those are refused and the clock is right, microseconds, once.
    Nothing larger, ever: a nonce that was accepted locks out all that count more coarsely.
    """

    key_id: str
    connect: Connect
    """Makes a client that counts in a unit and reports its calls to the observer."""
    store: NonceStore
    """Remembers which unit was accepted."""
    clock: Clock
    clock_is_right: Callable[[], bool]
    """Whether the clock is excluded as the reason of a refusal."""
    declared: NonceUnit | None = None
    budget: int = 4
    """The most private calls."""
    retry_delays_s: tuple[float, ...] = ()
    """Waits before further attempts after a failure that may pass; none of them for a refused nonce."""
    waiting: Waiting = _nobody_watches
    replies: list[Reply] = field(default_factory=list)
    _unit: NonceUnit | None = None

    @property
    def unit(self) -> NonceUnit:
        """The unit of the next call."""
        if self._unit is None:
            self._unit = self.declared or self._known_unit()
        return self._unit

    def call(self, endpoint: str) -> Reply:
        """
        A read-only private call; a refused nonce may lead to one more, in microseconds.

        A call that succeeded before is not made again, and after a lockout nothing is sent: its reply stands.

        Raises:
            BudgetSpentError: As many calls as allowed were made.
            NonceError: No nonce: the store can't be written, or a bot holds the key's turn for too long.
        """
        for reply in self.replies:
            if (reply.endpoint == endpoint and reply.error is None) or isinstance(reply.error, KrakenTemporaryLockout):
                return reply
        reply = self._send(endpoint)
        if self._may_count_finer(reply):
            self._unit = NonceUnit.US
            reply = self._send(endpoint)
        for delay_s in self.retry_delays_s:
            if not _may_pass(reply) or len(self.replies) >= self.budget:
                break
            self.waiting(f"{reply.outcome}, again in", delay_s)
            self.clock.sleep(delay_s)
            self.waiting("", 0)
            reply = self._send(endpoint)
        return reply

    def _send(self, endpoint: str) -> Reply:
        if len(self.replies) >= self.budget:
            raise BudgetSpentError(f"{len(self.replies)} private calls were made; no more in this run")
        records: list[CallRecord] = []
        client = self.connect(self.unit, records.append)
        result, error = None, None
        try:
            result = client.call(endpoint)
        except (KrakenError, TransportError) as exc:
            error = exc
        record = records[-1]
        reply = Reply(
            number=len(self.replies) + 1,
            endpoint=endpoint,
            unit=self.unit,
            nonce=record.nonce,
            sent_nonce=_nonce_on_the_wire(client.response),
            latency_s=record.latency_s,
            result=result,
            error=error,
        )
        self.replies.append(reply)
        if error is None:
            self.store.remember(self.key_id, UNIT_NOTE, self.unit.value)
        return reply

    def _known_unit(self) -> NonceUnit:
        """
        The finest of: milliseconds, what this key accepted before, what the store's mark is counted in.

        The mark is in microseconds when the user's bot shares the store; asking for milliseconds would give
        the mark plus one all the same.
        """
        units = [NonceUnit.MS]
        note = self.store.recall(self.key_id, UNIT_NOTE)
        if note is not None:
            units.append(NonceUnit.parse(note))
        mark = self.store.mark(self.key_id)
        counted_in = NonceUnit.of_mark(mark, self.clock.now_ns()) if mark is not None else None
        if counted_in is not None:
            units.append(counted_in)
        return min(units, key=lambda unit: unit.tick_ns)

    def _may_count_finer(self, refused: Reply) -> bool:
        return (
            isinstance(refused.error, KrakenInvalidNonce)
            and self.declared is None
            and refused.unit is NonceUnit.MS
            # Once accepted in milliseconds, a refusal is somebody else's doing: a finer unit would hide it.
            and all(reply.error is not None for reply in self.replies)
            and len(self.replies) < self.budget
            and self.clock_is_right()
        )


def _may_pass(reply: Reply) -> bool:
    if isinstance(reply.error, TransportError):
        return reply.error.kind in _PASSING
    return reply.error is not None and reply.error.retry is Retry.READ_ONLY


def _nonce_on_the_wire(response: Any) -> int | None:
    """The nonce in the body of the request that *response* answers."""
    if response is None:
        return None
    body = response.request.body or ""
    text = body.decode() if isinstance(body, bytes) else str(body)
    nonce = dict(urllib.parse.parse_qsl(text)).get("nonce", "")
    return int(nonce) if nonce.isdigit() else None
