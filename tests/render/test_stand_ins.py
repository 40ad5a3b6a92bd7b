"""Streams that can't show our symbols: a code page, ``LC_ALL=C``."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich import box

import kraken_doctor
from kraken_doctor.render.rich_page import listing, to_text
from kraken_doctor.terminal.text import (
    ASCII_SYMBOLS,
    UNICODE_SYMBOLS,
    Terminal,
    ascii_only,
    register_stand_ins,
    shows_symbols,
)  # fmt: skip

PACKAGE = Path(kraken_doctor.__file__).parent
# What is looked for in foreign text, or meant for a browser or for a log, and never shown on a terminal.
NOT_SHOWN = (
    "spellings.py",
    "damages.toml",
    "accounts/",
    "cli/pasted.py",
    "sandbox/faults/credentials.toml",
    "render/formats/html.py",
)


def texts() -> Iterator[tuple[str, str]]:
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                yield name, node.value
    for path in PACKAGE.rglob("*.toml"):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def test_each_symbol_has_its_stand_in() -> None:
    """One that is added is put into the table too: else somebody's log has a "?" there."""
    shown = {
        (name, character)
        for name, text in texts()
        if not name.startswith(NOT_SHOWN)
        for character in text
        if not (character.isascii() or ascii_only(character).isascii() or character.isspace())
    }
    assert shown == set()
    assert ascii_only("".join(UNICODE_SYMBOLS)).isascii()
    assert "".join(ASCII_SYMBOLS).isascii()
    assert ascii_only(str(box.SIMPLE_HEAD)).isascii(), "the rule of a table"


@pytest.mark.parametrize(
    ("encoding", "shows"),
    [("utf-8", True), ("utf-16", True), ("cp65001", True), ("gb18030", True)]
    + [(name, False) for name in ("cp1252", "cp437", "cp850", "latin-1", "ascii", "nonsense", None)],
)
def test_the_encoding_decides(encoding: str | None, shows: bool) -> None:
    """All symbols or none: half of a page in each would be odd."""
    assert shows_symbols(encoding) is shows


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_what_a_stream_lacks_is_replaced(encoding: str) -> None:
    """Our symbols by ASCII, a foreign character by "?"; what it has is left: a name in a path, say."""
    data = io.BytesIO()
    stream = io.TextIOWrapper(data, encoding, errors=register_stand_ins())
    table = to_text(listing(["Account"], [["José ✓ 日本"]]), Terminal(unicode=False))
    print(table, "✅ ±5 µs …", file=stream, flush=True)
    text = data.getvalue().decode(encoding)
    jose = "Jos?" if encoding == "ascii" else "José"
    assert text.splitlines()[:3] == ["Account", "-" * len("José ok 日本") + "-" * 1, f"{jose} ok ??"]
    assert "[OK]" in text
    assert "�" not in text
