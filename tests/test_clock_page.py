"""What docs/clock.md promises is what the doctor says."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_doctor.checks.base import RunSettings
from kraken_doctor.diagnosis import clock_remedies
from kraken_doctor.timesource import keeper, packet

PAGE = (Path(__file__).parent.parent / "docs" / "clock.md").read_text(encoding="utf-8")

COMMANDS = [
    *(command for _, commands in clock_remedies._RUNNING.values() for command in commands),
    *(command for remedy in clock_remedies._PLACES.values() for command in remedy.commands),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_a_remedy_is_on_the_page(command: str) -> None:
    """So that whoever reads it is told what `clock` would say."""
    assert f"`{command}`" in PAGE


@pytest.mark.parametrize("service", [service.name for service in keeper._SERVICES])
def test_every_service_that_is_looked_for_is_on_the_page(service: str) -> None:
    """By its name, and the file that shows it."""
    assert service in PAGE.lower()


def test_the_figures_are_those_of_the_code() -> None:
    """The limit, and the distance of a server from its reference."""
    assert f"The limit is {RunSettings(api_url='').max_offset_s:g} s" in PAGE
    assert f"further than {packet._MAX_DISTANCE_S} s from its reference" in PAGE
