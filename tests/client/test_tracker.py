"""What is told of a call: when it asked, when it had its turn, when its answer was there."""

from __future__ import annotations

from typing import Any

import pytest

from kraken_doctor import key_id
from kraken_doctor.client.options import CallOptions
from kraken_doctor.client.tracker import CallAttempt, CallTracker
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.nonce.turn import Turn
from tests.clocks import ManualClock


class Desk:
    """A tracker with its store, its clock, and what it told."""

    def __init__(self, now_ns: int = 1_795_392_000_000_000_000, **options: Any) -> None:
        self.clock, self.store = ManualClock(now_ns), MemoryStore()
        self.clock.monotonic_s = 1_000.0
        self.told: list[CallRecord] = []
        chosen: dict[str, Any] = {
            "store": self.store,
            "clock": self.clock,
            "observers": (self.told.append,),
            "metrics": False,
        }
        self.tracker = CallTracker(CallOptions(**{**chosen, **options}), ConnectionError)

    def begin(self) -> CallAttempt:
        return CallAttempt(self.tracker, "a-key-of-nobody", "Balance")


def test_the_times_of_a_call() -> None:
    """How long it waited, how long the exchange took, and by the wall clock when it began; reading does not count."""
    desk = Desk(unit=NonceUnit.MS)
    call = desk.begin()
    desk.clock.step(2.0)
    began_ns = desk.clock.wall_ns
    assert call.take_nonce(Turn()) == NonceUnit.MS.floor(began_ns)
    desk.clock.step(0.5)
    call.answered()
    desk.clock.step(4.0)
    call.outcome = "ok"
    call.close()
    (record,) = desk.told
    assert (record.at_ns, record.nonce) == (began_ns, NonceUnit.MS.floor(began_ns))
    assert (record.key_id, record.unit) == (key_id("a-key-of-nobody"), "ms")
    assert (record.endpoint, record.outcome) == ("Balance", "ok")
    assert record.latency_s == pytest.approx(0.5)
    assert record.waited_s == pytest.approx(2.0)
    assert list(desk.store.records()) == [record]


def test_a_call_without_an_answer() -> None:
    """It lasted until it was given up; and what was not sent is said so."""
    desk = Desk()
    call = desk.begin()
    call.take_nonce(Turn())
    desk.clock.step(3.0)
    call.close()
    (record,) = desk.told
    assert record.latency_s == pytest.approx(3.0)
    assert record.outcome == "not-sent"


def test_without_a_nonce_there_is_nothing_to_tell() -> None:
    """The turn did not come. The first nonce of all is one, though: 0, by a clock that begins anew."""
    desk = Desk(now_ns=0)
    desk.begin().close()
    assert desk.told == []
    call = desk.begin()
    call.take_nonce(Turn())
    call.close()
    assert [record.nonce for record in desk.told] == [0]


@pytest.mark.parametrize("audit", [True, False])
def test_the_store_keeps_a_record_where_it_is_wanted(audit: bool) -> None:
    """Observers are told in any case."""
    desk = Desk(audit=audit)
    for _ in range(2):
        call = desk.begin()
        call.take_nonce(Turn())
        call.close()
    assert len(desk.told) == 2
    assert list(desk.store.records()) == (desk.told if audit else [])


def test_a_servers_words_are_cleaned_before_they_are_told() -> None:
    """Of the key and of the one-time password that were sent."""
    desk = Desk(otp="sesame-7391")
    call = desk.begin()
    call.take_nonce(Turn())
    call.outcome = "EFoo:sesame-7391 and a-key-of-nobody"
    call.close()
    assert desk.told[0].outcome == "EFoo:[hidden] and [hidden]"
