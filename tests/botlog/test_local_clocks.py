"""Logs whose times name no zone: across a change of the clocks, and where a time is asked for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from kraken_doctor.botlog.counters import elapsed_s
from kraken_doctor.botlog.examine import examine
from kraken_doctor.botlog.reading import Reader
from kraken_doctor.model.findings import Severity
from tests.botlog.logs import NOW_S, findings

AUTUMN, SPRING = "2026-10-25", "2026-03-29"
"""Sundays on which Europe's clocks go back at 3 and forward at 2."""
TIMEOUT = "ERROR kraken Balance: Read timed out."
REFUSED = "ERROR Balance: EAPI:Invalid nonce"


def at(day: str, clock: str, text: str, zone: str = "") -> str:
    return f"{day} {clock},000{zone} {text}\n"


def seconds(day: str, clock: str) -> float:
    return datetime.fromisoformat(f"{day}T{clock}+00:00").timestamp()


@pytest.mark.parametrize(
    ("day", "since", "until", "expected"),
    [
        (AUTUMN, "02:59:50", "02:00:05", 15),
        (AUTUMN, "02:10:00", "02:50:00", 2_400),
        (AUTUMN, "02:59:50", "01:59:50", 0),
        (AUTUMN, "02:01:00", "02:00:00", -60),
        (AUTUMN, "02:00:01", "02:00:00", -1),
        (SPRING, "01:59:50", "03:00:05", 15),
        (SPRING, "02:00:00", "03:00:05", 3_605),
        ("2026-03-30", "01:59:50", "03:00:05", 3_615),
        ("2026-10-26", "02:59:50", "02:00:05", -3_585),
    ],
    ids=[
        "repeated hour",
        "within it",
        "the whole hour",
        "a minute",
        "threads",
        "missing hour",
        "an hourly bot",
        "a Monday",
        "a Monday back",
    ],
)
def test_how_long_it_was(day: str, since: str, until: str, expected: float) -> None:
    """An hour that repeats or is missing is none, on the one night on which that happens."""
    assert elapsed_s(seconds(day, since), seconds(day, until)) == expected


@pytest.mark.parametrize(("day", "cut", "again"), [(AUTUMN, "02:59:50", "02:00:05"), (SPRING, "01:59:50", "03:00:05")])
def test_what_follows_across_the_change_follows(day: str, cut: str, again: str) -> None:
    """A refusal 15 s after a timeout, whatever the clock shows."""
    assert findings(at(day, cut, TIMEOUT) + at(day, again, REFUSED)).stats.refused_after_cut == 1


def test_the_hour_that_repeats_is_no_silence() -> None:
    """A log that ends seconds after the failure ends so, though an earlier line shows a later time."""
    log = at(AUTUMN, "02:59:00", "INFO tick") + at(AUTUMN, "02:05:00", TIMEOUT) + at(AUTUMN, "02:05:09", "INFO tick")
    found = findings(log)
    assert found.extents[0].last == seconds(AUTUMN, "02:05:09")
    assert found.diagnoses[0].severity is Severity.FAIL
    quiet = findings(log + at(AUTUMN, "02:30:00", "INFO tick"))
    assert quiet.diagnoses[0].severity is Severity.WARN


@pytest.fixture(params=["America/New_York", "Europe/Berlin", "UTC"])
def host_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX can change the zone of a process")
def test_since_never_leaves_out_what_may_be_new(host_zone: str) -> None:
    """A log without zones is in UTC or in this host's; one with zones is exact."""
    now_s = NOW_S
    hour_ago = datetime.fromtimestamp(now_s - 3_600, UTC)

    def count(log: str) -> int:
        found = examine([BytesIO(log.encode())], now_s, now_s - 7_200)
        return sum(error.count for error in found.stats.errors.values())

    local = hour_ago.astimezone()
    for moment in (hour_ago, local):
        assert count(at(f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}", TIMEOUT)) == 1, host_zone
    old = datetime.fromtimestamp(now_s - 3 * 3_600, UTC)
    assert count(at(f"{old:%Y-%m-%d}", f"{old:%H:%M:%S}", TIMEOUT, "Z")) == 0
    long_ago = datetime.fromtimestamp(now_s - 2 * 86_400, UTC)
    assert count(at(f"{long_ago:%Y-%m-%d}", f"{long_ago:%H:%M:%S}", TIMEOUT)) == 0


def times_of(log: str) -> list[tuple[float | None, bool, int]]:
    reader = Reader(BytesIO(log.encode()), NOW_S)
    return [(entry.at, entry.zoned, len(entry.again)) for entry in reader.entries()]


def test_each_line_says_by_itself_whether_it_names_its_zone() -> None:
    """Also one whose minute is known from the line before, in either direction, and one in another form."""
    read = times_of(
        at(SPRING, "01:00:01", TIMEOUT)
        + at(SPRING, "01:00:02", REFUSED, "Z")
        + at(SPRING, "01:00:03", TIMEOUT)
        + at(SPRING, "01:00:04", REFUSED, "+0000")
        + f"Mar 29 01:00:05 host bot[7]: {TIMEOUT}\n"
        + f"{seconds(SPRING, '01:00:06'):.0f} {REFUSED}\n"
    )
    began_s = seconds(SPRING, "01:00:00")
    assert [(moment or 0) - began_s for moment, _, _ in read] == [1, 2, 3, 4, 5, 6]
    assert [zoned for _, zoned, _ in read] == [False, True, False, True, False, True]


@pytest.mark.parametrize("zone", ["", "Z"])
def test_since_takes_each_of_what_comes_again(zone: str) -> None:
    """Days of equal lines are one entry, of which the older part is left out; exactly where there is a zone."""
    began = datetime.fromtimestamp(NOW_S - 3 * 86_400, UTC)
    moments = [began + timedelta(hours=hour) for hour in range(72)]
    log = "".join(at(f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}", REFUSED, zone) for moment in moments)
    assert times_of(log)[0] == (began.timestamp(), zone == "Z", 70)
    found = examine([BytesIO(log.encode())], NOW_S, NOW_S - 9.5 * 3_600)
    assert found.stats.refused == 9 if zone else 9 <= found.stats.refused < 24


@pytest.mark.parametrize(
    ("day", "clocks"),
    [(AUTUMN, ("02:59:00", "02:59:50", "02:00:05", "02:00:20")), (SPRING, ("01:59:00", "01:59:50", "03:00:05"))],
)
def test_gaps_between_equal_lines_are_those_of_the_clock(day: str, clocks: tuple[str, ...]) -> None:
    """Quick tries on the night on which the clocks change, though they are one entry."""
    error = findings("".join(at(day, clock, REFUSED) for clock in clocks)).stats.errors["EAPI:Invalid nonce"]
    assert (error.count, error.quick_gaps, error.longest_gap_s) == (len(clocks), len(clocks) - 1, 50)


def test_what_follows_the_missing_hour_is_counted_each() -> None:
    """Equal refusals within a minute of a timeout, which the clock shows an hour later."""
    refused = "".join(at(SPRING, f"03:00:{second:02}", REFUSED) for second in (5, 20, 35, 40))
    assert findings(at(SPRING, "01:59:50", TIMEOUT) + refused).stats.refused_after_cut == 4
