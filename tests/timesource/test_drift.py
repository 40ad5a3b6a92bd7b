"""A clock over time: its rate as an interval that holds the truth, and steps told from running."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.timesource.sample import ClockPair, OffsetInterval, rate, step_between
from tests.clocks import ManualClock

LOOKS = st.lists(
    st.tuples(st.floats(0.1, 100), st.floats(0.0001, 0.05), st.floats(0.0001, 0.05)), min_size=2, max_size=20
)


@given(slope=st.floats(-1e-3, 1e-3), start=st.floats(-10, 10), looks=LOOKS)
def test_the_true_rate_is_within_the_interval(
    slope: float, start: float, looks: list[tuple[float, float, float]]
) -> None:
    """However wide or lopsided the bounds of the single looks are, while they hold the truth."""
    now, seen = 0.0, []
    for wait_s, below_s, above_s in looks:
        now += wait_s
        truth = start + slope * now
        seen.append(OffsetInterval(now, truth - below_s, truth + above_s))
    found = rate(seen)
    assert found is not None
    least, most = found
    assert least - 1e-9 <= slope <= most + 1e-9


def test_a_longer_watch_knows_more() -> None:
    """Twelve millionths, seen through bounds of 8 ms."""
    looks = [OffsetInterval(t, 12e-6 * t - 0.008, 12e-6 * t + 0.008) for t in range(0, 4001, 1000)]
    short, long = rate(looks[:2]), rate(looks)
    assert short is not None
    assert long is not None
    assert short[0] < 0 < short[1], "too short to tell even the direction"
    assert list(long) == pytest.approx([8e-6, 16e-6])


def test_no_steady_rate_explains_a_clock_that_turns() -> None:
    """First it falls behind, then it runs ahead."""
    looks = [OffsetInterval(0, -0.001, 0.001), OffsetInterval(100, 0.999, 1.001), OffsetInterval(200, -0.001, 0.001)]
    assert rate(looks) is None


def test_one_look_has_no_rate() -> None:
    """Nor have two at the same moment."""
    assert rate([]) is None
    assert rate([OffsetInterval(0, 0, 1)]) is None
    assert rate([OffsetInterval(0, 0, 1), OffsetInterval(0, 0, 1)]) is None


@pytest.mark.parametrize("seconds", [-3600.0, -0.02, 0.02, 86_400.0])
def test_a_clock_that_is_set(seconds: float) -> None:
    """Twenty milliseconds, as containers step back, or a day."""
    clock = ManualClock()
    before = ClockPair.take(clock)
    clock.step(10)
    clock.set_back(-seconds)
    assert step_between(before, ClockPair.take(clock)) == pytest.approx(seconds, abs=1e-6)


def test_running_is_no_step() -> None:
    """Nor is what may be an interruption between reading two clocks."""
    clock = ManualClock()
    before = ClockPair.take(clock)
    clock.step(86_400)
    assert step_between(before, ClockPair.take(clock)) == 0
    first, late = ClockPair(0, 0.0, 0.0), ClockPair(10**10 + 400_000_000, 10.0, 0.5)
    assert step_between(first, late) == 0


def test_the_closest_of_several_readings_counts() -> None:
    """A process that is interrupted between the two clocks tries again."""

    class Interrupted(ManualClock):
        turns = 0

        def now_ns(self) -> int:
            self.turns += 1
            if self.turns == 1:
                self.step(3)
            return super().now_ns()

    assert ClockPair.take(Interrupted()).doubt_s == 0
