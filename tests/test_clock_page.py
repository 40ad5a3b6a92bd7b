"""What docs/clock.md promises is what the doctor says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kraken_doctor.checks.base import RunSettings
from kraken_doctor.diagnosis import remedies
from kraken_doctor.diagnosis.remedies import remedy as remedy_of
from kraken_doctor.timesource import ntp, time_daemon

PAGE = (Path(__file__).parent.parent / "docs" / "clock.md").read_text(encoding="utf-8")

CLOCK = re.compile(r"(?!time service).* (runs|is off)|clock of .*")
COMMANDS = [command for name in remedies._texts() if CLOCK.fullmatch(name) for command in remedy_of(name).commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_a_remedy_is_on_the_page(command: str) -> None:
    """So that whoever reads it is told what `clock` would say."""
    assert f"`{command}`" in PAGE


@pytest.mark.parametrize("service", [service.name for service in time_daemon._SERVICES])
def test_every_service_that_is_looked_for_is_on_the_page(service: str) -> None:
    """By its name, and the file that shows it."""
    assert service in PAGE.lower()


def test_the_figures_are_those_of_the_code() -> None:
    """The limit, and the distance of a server from its reference."""
    assert f"The limit of {RunSettings(api_url='').max_offset_s:g} s" in PAGE
    assert f"further than {ntp._MAX_DISTANCE_S} s from its reference" in PAGE
