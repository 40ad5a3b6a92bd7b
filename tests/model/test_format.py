"""Moments as people read them, whatever number a server names."""

from __future__ import annotations

import pytest

from kraken_doctor.model.format import span, utc_timestamp, utc_words


@pytest.mark.parametrize("unix_s", [2**63, 10**30, -(10**18), 253_402_300_800])
def test_a_time_that_no_calendar_has_is_said_as_a_number(unix_s: int) -> None:
    """Found by the fuzzer: an expiry of that size broke the whole run."""
    assert utc_words(unix_s).startswith("unix time ")
    assert utc_words(1_795_392_000, with_seconds=False) == "2026-11-23 00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 ms"), (0.9994, "999 ms"), (1.0, "1.0 s"), (119.94, "119.9 s"), (120.0, "2 minutes"),
        (7_199.0, "120 minutes"), (7_200.0, "2 hours"), (172_799.0, "48 hours"), (172_800.0, "2 days"),
    ],
)  # fmt: skip
def test_a_duration_as_people_say_it(seconds: float, words: str) -> None:
    """In the unit of which there are two or more."""
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("digits", "text"),
    [(0, "2026-11-23T00:00:01Z"), (3, "2026-11-23T00:00:01.002Z"), (9, "2026-11-23T00:00:01.002003004Z")],
)
def test_a_timestamp_has_the_digits_that_are_asked_for(digits: int, text: str) -> None:
    """Cut, not rounded: it never names a later moment."""
    assert utc_timestamp(1_795_392_001_002_003_004, digits) == text
