"""Times in the forms that loggers write."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.botlog.timestamps import Timestamps
from tests.botlog.logs import BEGAN_S, NOW_S


def moment_of(text: str, now_s: float) -> float | None:
    """Read one line as the first of its log."""
    return Timestamps(now_s).time_of(text)


NOON_S = datetime(2024, 1, 31, 12, 0, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31 12:00:05,123 INFO x", NOON_S + 0.123),
        ("2024-01-31 12:00:05.123456 INFO x", NOON_S + 0.123456),
        ("2024-01-31T12:00:05Z x", NOON_S),
        ("2024-01-31T12:00:05.5+01:00 x", NOON_S + 0.5 - 3600),
        ("2024-01-31T12:00:05-0530 x", NOON_S + 5.5 * 3600),
        ("[2024/01/31 12:00:05] x", NOON_S),
        ("bot-1  | 2024-01-31 12:00:05 x", NOON_S),
        ("INFO:root:2024-01-31_12:00:05 x", NOON_S),
        ('{"time": "2024-01-31T12:00:05.250Z", "msg": "x"}', NOON_S + 0.25),
        ('{"level": "info", "ts": 1706702405.25}', NOON_S + 0.25),
        ('{"timestamp": 1706702405250, "msg": "x"}', NOON_S + 0.25),
        ('{"timestamp":"1706702405","msg":"x"}', NOON_S),
        ('{"ts":1706702405250000000}', NOON_S + 0.25),
        ("1706702405.25 x", NOON_S + 0.25),
        ("[1706702405250] x", NOON_S + 0.25),
        ("1706702405: x", NOON_S),
        ("Nov 23 00:00:00 host bot[12]: x", BEGAN_S),
        ("<13>Nov 23 00:00:00 host bot: x", BEGAN_S),
        ("Dec 25 00:00:00 host bot: x", datetime(2025, 12, 25, tzinfo=UTC).timestamp()),
        ("07/09/2026 12:00:05 x", datetime(2026, 7, 9, 12, 0, 5, tzinfo=UTC).timestamp()),
        ("31/01/2024 12:00:05 x", NOON_S),
        ("04/08/2019 10:12:31 CEST -- x", datetime(2019, 8, 4, 8, 12, 31, tzinfo=UTC).timestamp()),
        ("[ 01/31/2024 12:00:05 ]", NOON_S),
        ("[31-Jan-2024 12:00:05 UTC] PHP Fatal error", NOON_S),
        ("04/10 20:28:53.398006 GW x", datetime(2026, 4, 10, 20, 28, 53, 398006, tzinfo=UTC).timestamp()),
        ("Jan 31, 2024 12:00:05 PM x", NOON_S),
        ("Jan 31, 2024 12:00:05 AM x", NOON_S - 43_200),
        ("[Nest] 12  - 01/31/2024, 12:00:05 PM     LOG x", NOON_S),
        ("31.01.2024 12:00:05 x", NOON_S),
        ("I1122 10:00:00.250000       1 x.go:55] x", datetime(2026, 11, 22, 10, tzinfo=UTC).timestamp() + 0.25),
        ("Wed Jan 31 12:00:05 2024 x", NOON_S),
        ("Wed, 31 Jan 2024 12:00:05 GMT x", NOON_S),
        ("20240131 12:00:05 x", NOON_S),
        ("2024-01-31 12:00:05 EST x", NOON_S + 5 * 3600),
        ("Feb 26 20:57:35: ERROR [2024-01-31 12:00:05,000] x", NOON_S),
        ('127.0.0.1 - - [31/Jan/2024:12:00:05 +0000] "POST /0/private/Balance HTTP/1.1" 200', NOON_S),
    ],
)
def test_forms(text: str, expected: float) -> None:
    """With fractions and zones, and without a year."""
    assert moment_of(text, NOW_S) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    ["", "Traceback (most recent call last):", "2024-13-45 99:00:00 x", "nonce=1706702405250 x", "Foo 23 00:00:00 x",
     '{"nonce": 1706702405250}', "17067024052501 x", "[99/Jan/2024:12:00:05 +0000] x"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    """A nonce is not the line's time."""
    assert moment_of(text, NOW_S) is None


def test_what_a_log_says_once_holds_for_all_its_lines() -> None:
    """The year that journald leaves out, which of two numbers is the day, and the day of a time alone."""
    times = Timestamps(NOW_S)
    times.look_at(b"Apr 24 11:17:10 host bot: 2022-04-24 11:17:10 INFO up\n")
    assert times.time_of("Apr 25 00:00:00 host bot: x") == datetime(2022, 4, 25, tzinfo=UTC).timestamp()
    days = Timestamps(NOW_S)
    assert days.time_of("13/01/2024 00:00:00 x") == datetime(2024, 1, 13, tzinfo=UTC).timestamp()
    assert days.time_of("05/01/2024 00:00:00 x") == datetime(2024, 1, 5, tzinfo=UTC).timestamp()
    clock = Timestamps(NOW_S)
    evening, night = clock.time_of("23:59:50.000 [main] x"), clock.time_of("00:00:10.000 [main] x")
    assert evening is not None
    assert night is not None
    assert night - evening == 20


@given(st.text(max_size=200))
def test_any_line(text: str) -> None:
    """A finite time or none."""
    at = moment_of(text, NOW_S)
    assert at is None or math.isfinite(at)


@given(st.datetimes(min_value=datetime(1971, 1, 2), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - Hypothesis wants them so
def test_what_python_logs_is_read_back(moment: datetime) -> None:
    """To the millisecond."""
    text = f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03} x"
    at = moment_of(text, NOW_S)
    assert at == pytest.approx(moment.replace(tzinfo=UTC).timestamp(), abs=0.001)
