"""The .env files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_doctor.accounts import dotenv
from kraken_doctor.errors import ConfigurationError


def test_the_nearest_file_is_found(tmp_path: Path) -> None:
    """In the folder or its parents, nearest first."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / ".env").write_text("")
    assert dotenv.find(inner) == tmp_path / ".env"
    (tmp_path / "a" / ".env").write_text("")
    assert dotenv.find(inner) == tmp_path / "a" / ".env"
    (inner / ".env").mkdir()
    assert dotenv.find(inner) == tmp_path / "a" / ".env"


def test_values_are_taken_as_they_stand(tmp_path: Path) -> None:
    """Nothing is interpolated; a byte order mark and quotes of the format are no part of a value."""
    path = tmp_path / ".env"
    path.write_text("\ufeffA=$HOME/x\nexport B='two words'\nC=\n# comment\nD\nE=a#b\n", encoding="utf-8")
    file = dotenv.read(path)
    assert file.values == {"A": "$HOME/x", "B": "two words", "C": "", "E": "a#b"}


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """What it was meant to set is missing, so its number is told."""
    path = tmp_path / ".env"
    path.write_text("A=1\nB='unclosed\nC=3\n")
    file = dotenv.read(path)
    assert file.damaged_lines == (2,)
    assert file.values["A"] == "1"


@pytest.mark.parametrize(("mode", "readable"), [(0o600, False), (0o640, True), (0o604, True)])
def test_the_mode_is_judged(tmp_path: Path, mode: int, readable: bool) -> None:
    """Whether others of this host may read it."""
    path = tmp_path / ".env"
    path.write_text("A=1")
    path.chmod(mode)
    assert dotenv.read(path).readable_by_others is readable


def test_what_can_not_be_read_is_a_clear_error(tmp_path: Path) -> None:
    """Missing, a folder, binary, enormous: one line that names the file."""
    binary, large = tmp_path / "binary", tmp_path / "large"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    large.write_bytes(b"A=1\n" * 300_000)
    for path in (tmp_path / "missing", tmp_path, binary, large):
        with pytest.raises(ConfigurationError, match=str(path)):
            dotenv.read(path)


def test_no_value_is_in_the_repr(tmp_path: Path) -> None:
    """Reprs end up in tracebacks."""
    path = tmp_path / ".env"
    path.write_text("A=hidden")
    assert "hidden" not in repr(dotenv.read(path))
