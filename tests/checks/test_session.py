"""How few calls, in which unit, and never a larger nonce than need be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kraken_doctor import KrakenClient, RetryPolicy, open_store
from kraken_doctor.checks.session import AccountSession, BudgetSpentError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.redact import key_id
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, refusal
from tests.clocks import ManualClock

Make = Callable[..., AccountSession]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make(key: Key, server: SandboxServer, clock: ManualClock) -> Iterator[Make]:
    """Makes sessions for `key`; the store is one for all of them."""
    clients: list[KrakenClient] = []
    store = open_store("memory://")

    def connect(unit: NonceUnit, observer: Callable[[CallRecord], None]) -> KrakenClient:
        client = KrakenClient(
            key.api_key, key.secret, url=server.url, store=store, unit=unit, clock=clock, timeout=0.5,
            retry=RetryPolicy.none(), observers=(observer,),
        )  # fmt: skip
        clients.append(client)
        return client

    def session(**options: Any) -> AccountSession:
        defaults: dict[str, Any] = {
            "key_id": key_id(key.api_key), "connect": connect, "store": store, "clock": clock,
            "clock_is_right": lambda: True,
        }  # fmt: skip
        return AccountSession(**{**defaults, **options})

    yield session
    for client in clients:
        client.close()


def units(session: AccountSession) -> list[str]:
    return [reply.unit.value for reply in session.replies]


def test_begins_in_milliseconds(make: Make, key: Key, clock: ManualClock) -> None:
    """krakenex's own unit; what left is what was issued."""
    session = make()
    reply = session.call("Balance")
    assert reply.error is None
    assert units(session) == ["ms"]
    assert key.mark == NonceUnit.MS.floor(clock.wall_ns) == reply.nonce == reply.sent_nonce


def test_goes_to_microseconds_once_when_refused_and_the_clock_is_right(
    make: Make, key: Key, clock: ManualClock
) -> None:
    """The mark is above milliseconds and below microseconds: a bot with a finer client."""
    key.mark = NonceUnit.US.floor(clock.wall_ns) - 1
    session = make()
    assert session.call("Balance").error is None
    assert units(session) == ["ms", "us"]


def test_an_accepted_unit_is_remembered(make: Make, key: Key, clock: ManualClock) -> None:
    """The next run starts there, and is not refused again."""
    key.mark = NonceUnit.US.floor(clock.wall_ns) - 1
    make().call("Balance")
    again = make()
    assert again.call("Balance").error is None
    assert units(again) == ["us"]


def test_never_anything_larger_than_microseconds(make: Make, key: Key, clock: ManualClock) -> None:
    """A key in nanoseconds stays refused: two attempts, then it is said."""
    key.mark = NonceUnit.NS.floor(clock.wall_ns)
    session = make()
    assert session.call("Balance").outcome == "EAPI:Invalid nonce"
    assert units(session) == ["ms", "us"]
    assert max(reply.nonce for reply in session.replies) <= NonceUnit.US.floor(clock.wall_ns) + 2


def test_stays_in_milliseconds_while_the_clock_may_be_the_reason(make: Make, key: Key, clock: ManualClock) -> None:
    """A clock that is behind heals; a microsecond nonce would lock the bot out for good."""
    key.mark = NonceUnit.MS.floor(clock.wall_ns) + 3_600_000
    session = make(clock_is_right=lambda: False)
    assert session.call("Balance").outcome == "EAPI:Invalid nonce"
    assert units(session) == ["ms"]


@pytest.mark.parametrize("unit", NonceUnit)
def test_a_declared_unit_is_the_only_one(make: Make, key: Key, clock: ManualClock, unit: NonceUnit) -> None:
    """Refused or not: no other is tried."""
    key.mark = unit.floor(clock.wall_ns) + 10**6
    session = make(declared=unit)
    session.call("Balance")
    assert units(session) == [unit.value]


def test_a_bots_own_mark_in_the_store_decides(make: Make, clock: ManualClock) -> None:
    """A bot with this library and this store counts microseconds: so does the doctor, from its mark."""
    store = open_store("memory://")
    session = make(store=store)
    store.advance(session.key_id, NonceUnit.US.floor(clock.wall_ns))
    assert session.unit is NonceUnit.US


def test_a_refusal_after_an_acceptance_is_not_answered_with_a_finer_unit(
    make: Make, key: Key, clock: ManualClock
) -> None:
    """Somebody else uses the key: overtaking them would only move the refusals."""
    session = make()
    session.call("GetApiKeyInfo")
    key.mark += 10**6
    assert session.call("Balance").outcome == "EAPI:Invalid nonce"
    assert units(session) == ["ms", "ms"]


def test_what_succeeded_is_not_asked_again(make: Make, key: Key) -> None:
    """The second caller gets the first one's answer."""
    session = make()
    assert session.call("Balance") is session.call("Balance")
    assert key.accepted == 1


def test_stops_at_the_first_lockout(make: Make, server: SandboxServer) -> None:
    """Each further attempt would restart the wait."""
    server.exchange.interceptors.append(lambda request: refusal("EGeneral:Temporary lockout"))
    session = make(retry_delays_s=(5.0,))
    first = session.call("GetApiKeyInfo")
    assert session.call("Balance") is first
    assert len(session.replies) == 1


def test_the_budget_is_a_bound(make: Make, server: SandboxServer) -> None:
    """No run makes more private calls than it said."""
    server.exchange.interceptors.append(lambda request: refusal("EService:Busy"))
    session = make(budget=2, retry_delays_s=(5.0, 10.0, 20.0))
    session.call("GetApiKeyInfo")
    assert len(session.replies) == 2
    with pytest.raises(BudgetSpentError, match="2 private calls"):
        session.call("Balance")


@pytest.mark.parametrize("answer", [refusal("EService:Unavailable"), Response(b"", 502), Response(b"", reset=True)])
def test_what_may_pass_is_tried_again_when_asked_to(
    make: Make, server: SandboxServer, clock: ManualClock, answer: Response
) -> None:
    """After 5 s; reads only, which is all that a session makes."""
    waiting = [answer]

    def once(request: Request) -> Response | None:
        return waiting.pop() if waiting else None

    server.exchange.interceptors.append(once)
    session = make(retry_delays_s=(5.0, 10.0))
    assert session.call("Balance").error is None
    assert clock.slept_s == [5.0]


@pytest.mark.parametrize("error", ["EAPI:Invalid key", "EAPI:Invalid nonce", "EGeneral:Permission denied"])
def test_what_is_final_is_not_tried_again(make: Make, server: SandboxServer, clock: ManualClock, error: str) -> None:
    """Whatever `--retry` says; a refused nonce has its own rule."""
    server.exchange.interceptors.append(lambda request: refusal(error))
    session = make(retry_delays_s=(5.0, 10.0), clock_is_right=lambda: False)
    session.call("Balance")
    assert len(session.replies) == 1
    assert clock.slept_s == []


def test_replies_become_evidence(make: Make) -> None:
    """Endpoint, unit, nonce, outcome: nothing of the key."""
    session = make()
    session.call("Balance")
    facts = {fact.name: fact.value for fact in session.replies[0].evidence()}
    assert facts["call.1.endpoint"] == "Balance"
    assert facts["call.1.outcome"] == "ok"
    assert facts["call.1.nonce"] == session.replies[0].nonce
