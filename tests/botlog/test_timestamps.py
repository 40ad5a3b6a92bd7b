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
