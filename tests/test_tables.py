"""The package's TOML files are read from one of JSON, and by themselves as soon as they differ from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kraken_doctor import tables


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with one table, whose JSON says what no TOML does: so one sees what was read."""
    (tmp_path / "words.toml").write_text('word = "toml"\n', encoding="utf-8")
    checksum = tables.checksum_of('word = "toml"\n')
    (tmp_path / "tables.json").write_text(json.dumps({"words.toml": [checksum, {"word": "json"}]}), encoding="utf-8")
    monkeypatch.setattr(tables, "_HERE", tmp_path)
    _forget()
    yield tmp_path / "module.py"
    _forget()


def _forget() -> None:
    tables.load.cache_clear()
    tables._read_before.cache_clear()


def test_a_table_is_read_from_the_json(package: Path) -> None:
    """It is a hundred times as fast."""
    assert tables.load(str(package), "words.toml") == {"word": "json"}


def test_a_changed_table_is_read_itself(package: Path) -> None:
    """Nobody who edits one has to make the JSON anew before he sees it."""
    package.with_name("words.toml").write_text('word = "new"\n', encoding="utf-8")
    assert tables.load(str(package), "words.toml") == {"word": "new"}


@pytest.mark.parametrize("content", [None, "<<<<<<< two branches changed a table"])
def test_without_the_json_all_is_read(package: Path, content: str | None) -> None:
    """As in a checkout in the middle of a merge: `make regen` must run there."""
    if content is None:
        package.with_name("tables.json").unlink()
    else:
        package.with_name("tables.json").write_text(content, encoding="utf-8")
    assert tables.load(str(package), "words.toml") == {"word": "toml"}
