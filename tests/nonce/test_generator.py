"""The generator against clocks that do what real ones do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.errors import TurnTimeoutError
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.nonce.stores.memory import MemoryStore
from tests.clocks import ManualClock


def generator(clock: ManualClock, unit: NonceUnit = NonceUnit.US) -> NonceGenerator:
    return NonceGenerator("key", store=open_store("memory://"), unit=unit, clock=clock)


@pytest.mark.parametrize(
    ("unit", "first"),
    [
        (NonceUnit.S, 1795392000),
        (NonceUnit.MS, 1795392000000),
        (NonceUnit.US, 1795392000000000),
        (NonceUnit.TEN_NS, 179539200000000000),
        (NonceUnit.NS, 1795392000000000000),
    ],
)
def test_starts_from_the_current_time_in_its_unit(unit: NonceUnit, first: int) -> None:
    """The first nonce of a fresh key is the clock, so that a lost store does no harm."""
    assert generator(ManualClock(), unit).next() == first


@given(
    steps=st.lists(st.floats(-50, 50), min_size=1, max_size=50),
    unit=st.sampled_from(NonceUnit),
)
def test_strictly_increasing_and_never_below_the_clock(steps: list[float], unit: NonceUnit) -> None:
    """Whatever the clock does: each nonce is above the last, and not below the time."""
    clock = ManualClock()
    numbers = generator(clock, unit)
    last = -1
    for step in steps:
        clock.set_back(-step)
        nonce = numbers.next()
        assert nonce > last
        assert nonce >= unit.floor(clock.wall_ns)
        last = nonce


def test_goes_on_by_one_while_the_clock_is_behind() -> None:
    """After the clock was set back an hour nonces rise by one until it is there again: no jumps."""
    clock = ManualClock()
    numbers = generator(clock)
    before = numbers.next()
    clock.set_back(3600)
    assert [numbers.next() for _ in range(3)] == [before + 1, before + 2, before + 3]
    assert numbers.lead_s() == pytest.approx(3600, abs=0.01)
    clock.step(3601)
    assert numbers.next() == NonceUnit.US.floor(clock.wall_ns)


def test_lead_is_unknown_for_a_key_never_seen() -> None:
    """No mark, no lead: not zero."""
    assert generator(ManualClock()).lead_s() is None


def test_two_generators_on_one_store_share_the_key() -> None:
    """A bot and the doctor on one store never give the same nonce."""
    clock, store = ManualClock(), open_store("memory://")
    pair = [NonceGenerator("key", store=store, clock=clock) for _ in range(2)]
    nonces = [numbers.next() for _ in range(10) for numbers in pair]
    assert nonces == sorted(set(nonces))


def test_turn_is_the_keys_turn() -> None:
    """Inside it a nonce can be taken."""
    numbers = generator(ManualClock())
    with numbers.turn(1) as turn:
        turn.confirm()
        assert numbers.next() > 0


def test_what_is_said_of_the_turn_reaches_the_store() -> None:
    """How long to wait, and how long it is needed."""
    asked: list[tuple[str, float, float]] = []

    class Watching(MemoryStore):
        def turn(self, key_id: str, timeout_s: float, lease_s: float = 30.0) -> Any:
            asked.append((key_id, timeout_s, lease_s))
            return super().turn(key_id, timeout_s, lease_s)

    numbers = NonceGenerator("key", store=Watching())

    def ask() -> None:
        with pytest.raises(TurnTimeoutError, match=r"in flight for 0\.01 s"), numbers.turn(0.01):
            pass

    with numbers.turn(1.5, 7.0), ThreadPoolExecutor(1) as another:
        another.submit(ask).result()
    assert asked == [("key", 1.5, 7.0), ("key", 0.01, 30.0)]


def test_without_a_store_it_is_the_users_own(tmp_path: Path) -> None:
    """The SQLite file that every process of this user shares."""
    numbers = NonceGenerator("key")
    first = numbers.next()
    assert open_store(f"sqlite:///{tmp_path / 'state' / 'kraken-doctor' / 'nonce.db'}").mark("key") == first
    numbers.store.close()
