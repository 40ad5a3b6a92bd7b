"""Moments as people read them, whatever number a server names."""

from __future__ import annotations

import pytest

from kraken_doctor.diagnosis.words import day


@pytest.mark.parametrize("unix_s", [2**63, 10**30, -(10**18), 253_402_300_800])
def test_a_time_that_no_calendar_has_is_said_as_a_number(unix_s: int) -> None:
    """Found by the fuzzer: an expiry of that size broke the whole run."""
    assert day(unix_s).startswith("unix time ")
    assert day(1_795_392_000) == "2026-11-23 00:00 UTC"
