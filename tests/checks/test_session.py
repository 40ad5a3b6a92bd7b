"""How few calls, in which unit, and never a larger nonce than need be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kraken_doctor import KrakenClient, RetryPolicy, open_store
from kraken_doctor.checks.session import AccountSession
from kraken_doctor.checks.unit import BudgetSpentError, NonceGuard, NonceWithheldError, choose_unit
from kraken_doctor.clock import CorrectedClock
from kraken_doctor.model.account import Account
from kraken_doctor.model.call import DOCTOR, CallRecord
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.history import key_histories
from kraken_doctor.nonce.stores import NonceStore
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, refusal
from kraken_doctor.secret import key_id
from tests.clocks import ManualClock

Make = Callable[..., AccountSession]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store() -> NonceStore:
    return open_store("memory://")


@pytest.fixture
def make(key: Key, server: SandboxServer, clock: ManualClock, store: NonceStore) -> Iterator[Make]:
    """Makes sessions for `key`, whose history is that of `store` as it is then."""
    clients: list[KrakenClient] = []

    def connect(guard: NonceGuard, observer: Callable[[CallRecord], None]) -> KrakenClient:
        client = KrakenClient(
            key.api_key, key.secret, url=server.url, store=store, unit=guard.choice.unit, clock=guard.clock,
            timeout=0.5, retry=RetryPolicy.none(), observers=(observer,), check_nonce=guard.check_nonce, by=DOCTOR,
            declared=guard.choice.declared,
        )  # fmt: skip
        clients.append(client)
        return client

    identity = key_id(key.api_key)

    def session(
        declared: NonceUnit | None = None, note: str | None = None, ahead_s: float = 0.0, **options: Any
    ) -> AccountSession:
        def guard() -> NonceGuard:
            history = key_histories(store, [identity])[identity]
            account = Account(label="MASTER", key_variable="", secret_variable="")
            choice = choose_unit(declared.value if declared else None, account, history)
            return NonceGuard(
                choice=choice, history=history, clock=CorrectedClock(clock, -ahead_s), note=note, correction_s=-ahead_s
            )

        defaults: dict[str, Any] = {
            "key_id": identity, "connect": connect, "store": store, "clock": clock, "make_guard": guard,
        }  # fmt: skip
        return AccountSession(**{**defaults, **options})

    yield session
    for client in clients:
        client.close()


def units(session: AccountSession) -> list[str]:
    return [reply.unit.value for reply in session.replies]


def accepted_call(key: Key, clock: ManualClock, unit: NonceUnit, **changes: Any) -> CallRecord:
    """A record as a bot writes it."""
    fields: dict[str, Any] = {
        "at_ns": clock.wall_ns, "key_id": key_id(key.api_key), "unit": unit.value,
        "nonce": unit.floor(clock.wall_ns), "endpoint": "Balance", "outcome": "ok", "latency_s": 0.1, "waited_s": 0.0,
    }  # fmt: skip
    return CallRecord(**{**fields, **changes})


def test_begins_in_milliseconds(make: Make, key: Key, clock: ManualClock) -> None:
    """krakenex's own unit; what left is what was issued."""
    session = make()
    reply = session.call("Balance")
    assert reply.error is None
    assert units(session) == ["ms"]
    assert key.mark == NonceUnit.MS.floor(clock.wall_ns) == reply.nonce == reply.sent_nonce


@pytest.mark.parametrize("finer", [NonceUnit.US, NonceUnit.NS])
def test_a_refusal_never_leads_to_a_finer_unit(make: Make, key: Key, clock: ManualClock, finer: NonceUnit) -> None:
    """One more try in the same one, 1 to 2 s later; then its word stands, whatever is asked for next."""
    clock.step(0.75)
    key.mark = finer.floor(clock.wall_ns) - 1
    session = make()
    refused = session.call("GetApiKeyInfo")
    assert refused.outcome == "EAPI:Invalid nonce"
    assert units(session) == ["ms", "ms"]
    assert clock.slept_s == [1.75], "two programs that began at two moments do not meet again"
    assert session.call("Balance") is refused
    assert len(session.replies) == 2


def test_a_lost_race_is_run_again_once(make: Make, key: Key, clock: ManualClock) -> None:
    """Its connection is made before the nonce is taken; a second race that is lost in the same run is not run again."""
    opened: list[int] = []
    key.mark = NonceUnit.MS.floor(clock.wall_ns) + 100
    session = make(reconnect=lambda: opened.append(key.refused + key.accepted))
    assert session.call("GetApiKeyInfo").error is None
    assert opened == [1], "after the first call, and before the second"
    key.mark += 10**6
    assert session.call("Balance").outcome == "EAPI:Invalid nonce"
    assert units(session) == ["ms", "ms", "ms"]


@pytest.mark.parametrize("unit", NonceUnit)
def test_a_declared_unit_is_the_only_one(make: Make, key: Key, clock: ManualClock, unit: NonceUnit) -> None:
    """Refused or not: no other is tried."""
    key.mark = unit.floor(clock.wall_ns) + 10**6
    session = make(declared=unit)
    session.call("Balance")
    assert set(units(session)) == {unit.value}
    assert all(reply.nonce <= unit.floor(clock.wall_ns) + 1 for reply in session.replies)


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({}, "us"),
        ({"by": DOCTOR, "declared": True}, "us"),
        ({"by": DOCTOR, "declared": False}, "ms"),
        ({"by": ""}, "ms"),
        ({"outcome": "EAPI:Invalid nonce"}, "ms"),
        ({"outcome": "unknown"}, "ms"),
        ({"key_id": "another"}, "ms"),
    ],
)
def test_an_accepted_call_of_a_bot_decides(
    make: Make, key: Key, clock: ManualClock, store: NonceStore, changes: dict[str, Any], used: str
) -> None:
    """Or of a run whose user declared the unit; not what was refused, nor what version 0.1 or our own default did."""
    store.record(accepted_call(key, clock, NonceUnit.S, at_ns=1))
    store.record(accepted_call(key, clock, NonceUnit.MS))
    store.record(accepted_call(key, clock, NonceUnit.US, **changes))
    session = make()
    session.call("Balance")
    assert units(session) == [used]


@pytest.mark.parametrize("declared", [None, NonceUnit.MS, NonceUnit.S])
def test_a_mark_in_a_finer_unit_is_not_stepped_over(
    make: Make, key: Key, clock: ManualClock, store: NonceStore, declared: NonceUnit | None
) -> None:
    """The store gives the mark plus one, whatever unit is asked for: a bot that never got through leaves one too."""
    store.advance(key_id(key.api_key), NonceUnit.US.floor(clock.wall_ns))
    session = make(declared=declared)
    with pytest.raises(NonceWithheldError) as caught:
        session.call("Balance")
    assert (caught.value.reason, caught.value.unit) == ("finer", NonceUnit.US)
    assert (key.accepted, key.refused) == (0, 0)


def test_a_mark_that_turns_finer_meanwhile_is_not_sent(
    make: Make, key: Key, clock: ManualClock, store: NonceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and the nonce a bot may have raised it: the nonce itself is judged too."""
    store.advance(key_id(key.api_key), NonceUnit.US.floor(clock.wall_ns))
    monkeypatch.setattr(store, "mark", lambda _key_id: None)
    session = make()
    with pytest.raises(NonceWithheldError):
        session.call("Balance")
    assert (key.accepted, key.refused) == (0, 0)
    (record,) = store.records()
    assert (record.outcome, record.by) == ("not-sent", DOCTOR)


@pytest.mark.parametrize(("lead_s", "sent"), [(1, True), (2, True), (3, False), (59, False), (86_400, False)])
@pytest.mark.parametrize("accepted", [True, False])
def test_a_mark_far_ahead_needs_a_call_that_was_accepted(
    make: Make, key: Key, clock: ManualClock, store: NonceStore, lead_s: int, sent: bool, accepted: bool
) -> None:
    """A clock that was ahead issued it: sent, it would lock out all whose clock is right."""
    mark = NonceUnit.MS.floor(clock.wall_ns) + lead_s * 1000
    store.advance(key_id(key.api_key), mark)
    if accepted:
        store.record(accepted_call(key, clock, NonceUnit.MS, nonce=mark - 1))
    session = make()
    if sent or accepted:
        assert session.call("Balance").nonce == mark + 1
    else:
        with pytest.raises(NonceWithheldError, match="ahead of the clock"):
            session.call("Balance")
        assert (key.accepted, key.refused) == (0, 0)


@pytest.mark.parametrize(
    ("note", "declared", "sent"),
    [("us", None, False), ("s", None, False), ("ms", None, True), ("us", NonceUnit.US, True), ("junk", None, True)],
)
def test_a_note_of_version_0_1_is_not_followed(
    make: Make, key: Key, note: str, declared: NonceUnit | None, sent: bool
) -> None:
    """It does not say who decided; nothing is sent before somebody does."""
    session = make(note=note, declared=declared)
    if sent:
        assert session.call("Balance").error is None
    else:
        with pytest.raises(NonceWithheldError, match=r"version 0\.1"):
            session.call("Balance")
    assert key.accepted == sent


def test_a_clock_that_is_ahead_is_corrected(make: Make, key: Key, clock: ManualClock, store: NonceStore) -> None:
    """A nonce from tomorrow would lock every other host out until tomorrow."""
    session = make(ahead_s=86_400.0)
    assert session.call("Balance").nonce == NonceUnit.MS.floor(clock.wall_ns) - 86_400_000
    accepted = NonceUnit.MS.floor(clock.wall_ns)
    store.record(accepted_call(key, clock, NonceUnit.MS, nonce=accepted))
    store.advance(session.key_id, accepted)
    assert make(ahead_s=86_400.0).call("Balance").nonce == accepted + 1, "a step above what was accepted"


def test_in_seconds_no_nonce_comes_from_the_future(make: Make, key: Key, clock: ManualClock) -> None:
    """Two calls in one second: the second waits for the next, or a bot that counts seconds would be refused."""
    session = make(declared=NonceUnit.S)
    for endpoint in ("GetApiKeyInfo", "Balance"):
        assert session.call(endpoint).nonce == NonceUnit.S.floor(clock.wall_ns)
    assert len(clock.slept_s) == 1
    assert make(declared=NonceUnit.MS).guard.ahead_s(NonceUnit.MS.floor(clock.wall_ns)) < 0.05


def test_who_called_is_on_record(make: Make, store: NonceStore) -> None:
    """The doctor's own default must not become what a bot is believed to count in."""
    make().call("Balance")
    make(declared=NonceUnit.MS).call("Balance")
    assert [(record.by, record.declared) for record in store.records()] == [(DOCTOR, False), (DOCTOR, True)]


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


@pytest.mark.parametrize("over", [[True], [False, True]], ids=["before", "while it waited for the turn"])
def test_nothing_is_sent_once_the_run_has_ended(
    make: Make, key: Key, store: NonceStore, clock: ManualClock, over: list[bool]
) -> None:
    """A watch goes on, and would send what piled up in the rounds that it gave up, all at once."""
    store.advance(key_id(key.api_key), NonceUnit.MS.floor(clock.wall_ns))
    answers = iter(over)
    session = make(is_over=lambda: next(answers))
    with pytest.raises(BudgetSpentError, match="ended"):
        session.call("GetApiKeyInfo")
    assert (session.replies, key.accepted, key.mark) == ([], 0, 0)


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
    session = make(retry_delays_s=(5.0, 10.0))
    session.call("Balance")
    assert len(session.replies) == 1 + (error == "EAPI:Invalid nonce")
    assert all(slept <= 2 for slept in clock.slept_s)


def test_replies_become_evidence(make: Make) -> None:
    """Endpoint, unit, nonce, outcome: nothing of the key."""
    session = make()
    session.call("Balance")
    facts = {fact.name: fact.value for fact in session.replies[0].evidence()}
    assert facts["call.1.endpoint"] == "Balance"
    assert facts["call.1.outcome"] == "ok"
    assert facts["call.1.nonce"] == session.replies[0].nonce
