"""The project's own files say what is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import kraken_doctor
from kraken_doctor.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    """One for the main job, one for the tests, each on a line of its own."""
    assert len(re.findall(r"^.*kraken-doctor check --sandbox$", README, re.M)) == 1
    assert len(re.findall(r"^.*python -m pytest$", README, re.M)) == 1


def test_the_readme_lists_every_command() -> None:
    """And none that is not there."""
    listed = re.findall(r"^\| `([a-z]+)` \|", README, re.M)
    assert listed == list(COMMANDS)


def test_the_readmes_links_lead_somewhere() -> None:
    """Those into the repository."""
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / link).exists(), link


def test_the_example_environment_names_only_what_is_read() -> None:
    """Every variable of .env.example occurs in the documentation of its command or in the code."""
    names = re.findall(r"^#?(KRAKEN_[A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M)
    assert "KRAKEN_USER_DAIVON_API_KEY" in names
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "kraken_doctor").rglob("*.py"))
    for name in names:
        known = name in source or name.rpartition("_")[2] in ("KEY", "SECRET", "OTP", "UNIT")
        assert known, name


def test_the_version_is_said_once() -> None:
    """The build takes it from the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", kraken_doctor.__version__)
