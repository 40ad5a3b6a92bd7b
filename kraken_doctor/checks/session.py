"""The private calls of one account in one run: few, counted, and in one unit."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_doctor.checks.samples import failure, transience
from kraken_doctor.checks.unit import BudgetSpentError, NonceGuard
from kraken_doctor.clock import Clock
from kraken_doctor.error_strings import is_nonce_refusal
from kraken_doctor.errors import KrakenError, KrakenTemporaryLockout, TransportError
from kraken_doctor.model import facts
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.findings import Evidence
from kraken_doctor.model.unit import NonceUnit

if TYPE_CHECKING:
    from kraken_doctor.client.kraken import KrakenClient
    from kraken_doctor.nonce.stores import NonceStore

_SECOND_TRY_AFTER_NS = 10**9
"""And a part of a second more, so that two programs which both wait don't meet again. Whoever overtook us has an
answer by then; a key that was really used further up refuses again."""

_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.5
"""A bot that counts seconds is refused for as long as a nonce of ours is ahead; finer ones are never so long. A longer
lead than that of two calls in a second is the bot's own, and no wait of ours helps it."""

_LONGEST_TOLD_S = 60
"""An answer that asks for a longer wait is not waited for: the report says how long it is."""

Connect = Callable[[NonceGuard, Callable[[CallRecord], None]], "KrakenClient"]

Waiting = Callable[[str, float], None]
"""Told why a call waits, as a phrase that a number of seconds completes, and that number; "" and 0 when it goes on."""


class Reply(NamedTuple):
    """One private call, answered or not."""

    number: int
    endpoint: str
    unit: NonceUnit
    nonce: int
    sent_nonce: int | None
    """The nonce in the request's body as it left; None if no answer came to compare with."""
    at_s: float
    """When the nonce was taken, on the monotonic clock."""
    latency_s: float
    now_s: float
    """The unix time by this host's clock when it had ended."""
    result: Any = None
    error: KrakenError | TransportError | None = None

    @property
    def outcome(self) -> str:
        """Return ``ok``, the exchange's strings, or the cause id of the step that failed."""
        return self.error.outcome if self.error else "ok"

    @property
    def told_s(self) -> float:
        """Return for how long the answer asks to wait before the next call; 0 where it does not."""
        until_s = getattr(self.error, "until_s", None) or self.now_s
        return max(until_s - self.now_s, self.error.seen.retry_after_s or 0) if self.error else 0.0

    @property
    def failed_by(self) -> str:
        """Return the id of the cause that its error stands for by itself; empty where it has none."""
        return self.error.cause if self.error else ""

    def evidence(self) -> tuple[Evidence, ...]:
        """Return the call as facts."""
        call = facts.CallFacts(self.number)
        return (
            call.ENDPOINT.of(self.endpoint),
            call.UNIT.of(self.unit.value),
            call.NONCE.of(self.nonce),
            call.OUTCOME.of(self.outcome, source="exchange"),
            *failure(call, self.error, self.now_s),
            call.AT.of(round(self.at_s, 3)),
            call.CALL_LATENCY.of(round(self.latency_s, 6)),
        )


@dataclass(kw_only=True, eq=False, repr=False)
class AccountSession:
    """Calls for one account, all in the unit of its `NonceGuard`, which sees each nonce before it leaves."""

    key_id: str
    connect: Connect
    """Makes a client that takes its nonces under a guard and reports its calls to the observer."""
    store: NonceStore
    """Its mark is judged before a nonce is taken."""
    clock: Clock
    make_guard: Callable[[], NonceGuard]
    """Called once, before the first call: it may wait for the check of the clock. `NonceError` if the store fails."""
    reconnect: Callable[[], object] = lambda: None
    """Opens the connection for the second try, so that no handshake lies between its nonce and its arrival."""
    budget: int = 4
    """The most private calls."""
    retry_delays_s: tuple[float, ...] = ()
    """Waits before further attempts after a failure that may pass; none of them for a refused nonce."""
    waiting: Waiting = lambda _reason, _seconds: None
    is_over: Callable[[], bool] = lambda: False
    """See `NonceGuard`."""
    replies: list[Reply] = field(default_factory=list)
    _tried_again: bool = False
    """Whether the one second try after a refused nonce was made."""

    @cached_property
    def guard(self) -> NonceGuard:
        """Return the unit, and what judges the nonces."""
        return replace(self.make_guard(), is_over=self.is_over)

    def call(self, endpoint: str) -> Reply:
        """
        Make a read-only private call; the first refused nonce of the run leads to one more, in the same unit.

        A call that succeeded before is not made again. After a lockout, or a nonce refused twice, nothing is sent: that
        reply stands.

        Raises:
            BudgetSpentError: As many calls as allowed were made.
            NonceWithheldError: Its nonce could lock others out; nothing was sent.
            NonceError: No nonce: the store can't be written, or a bot holds the key's turn for too long.
        """
        # During a lockout each attempt begins it anew: https://docs.kraken.com/exchange/guides/general/errors
        for reply in self.replies:
            if (reply.endpoint == endpoint and reply.error is None) or isinstance(reply.error, KrakenTemporaryLockout):
                return reply
        # A third one would tell nothing new, and too many invalid nonces end in a lockout:
        # https://docs.kraken.com/exchange/guides/rest/authentication
        if self._tried_again and _is_refused(self.replies[-1]):
            return self.replies[-1]
        reply = self._send(endpoint)
        if _is_refused(reply) and not self._tried_again and len(self.replies) < self.budget:
            self._tried_again = True
            self._wait(reply, (_SECOND_TRY_AFTER_NS + self.clock.now_ns() % 10**9) / 1e9)
            self.reconnect()
            reply = self._send(endpoint)
        for delay_s in self.retry_delays_s:
            lasts = reply.error is None or transience(reply.error.cause) is None
            if lasts or len(self.replies) >= self.budget or reply.told_s > _LONGEST_TOLD_S:
                break
            self._wait(reply, max(delay_s, reply.told_s))
            reply = self._send(endpoint)
        return reply

    def _wait(self, reply: Reply, delay_s: float) -> None:
        self.waiting(f"{reply.outcome}, again in", delay_s)
        self.clock.sleep(delay_s)
        self.waiting("", 0)

    def _send(self, endpoint: str) -> Reply:
        if len(self.replies) >= self.budget:
            raise BudgetSpentError(f"{len(self.replies)} private calls were made; this run makes no more")
        # Judged before a nonce is taken: one that is withheld later has moved the store's mark all the same.
        mark = self.store.mark(self.key_id)
        # Until time has passed the mark, where that takes seconds: a nonce above it would be one of the future.
        if _SHORTEST_WAIT_S <= (ahead_s := self.guard.ahead_s(mark)) <= _LONGEST_WAIT_S:
            self.clock.sleep(ahead_s)
        self.guard.check_mark(mark)
        records: list[CallRecord] = []
        client = self.connect(self.guard, records.append)
        result, error = None, None
        at_s = self.clock.monotonic()
        try:
            result = client.call(endpoint)
        except (KrakenError, TransportError) as exc:
            error = exc
        record = records[-1]
        reply = Reply(
            number=len(self.replies) + 1,
            endpoint=endpoint,
            unit=self.guard.choice.unit,
            nonce=record.nonce,
            sent_nonce=_nonce_on_the_wire(client.response),
            at_s=at_s + record.waited_s,
            latency_s=record.latency_s,
            now_s=self.clock.now_ns() / 1e9,
            result=result,
            error=error,
        )
        self.replies.append(reply)
        return reply


def _is_refused(reply: Reply) -> bool:
    return isinstance(reply.error, KrakenError) and is_nonce_refusal(reply.error.errors)


def _nonce_on_the_wire(response: Any) -> int | None:
    """Return the nonce in the body of the request that *response* answers."""
    if response is None:
        return None
    body = response.request.body or ""
    text = body.decode() if isinstance(body, bytes) else str(body)
    nonce = dict(urllib.parse.parse_qsl(text)).get("nonce", "")
    return int(nonce) if nonce.isdigit() else None
