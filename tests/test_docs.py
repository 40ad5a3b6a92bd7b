"""Pages that are made from the code are what the code says now."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from docs import __main__ as regen
from docs import families
from kraken_doctor.accounts.families import FAMILIES

GENERATORS = {module.__name__.partition(".")[2]: module for module in regen.generators()}
RUNS_EACH_FAULT = "fault_table"
"""Its rows are compared one by one, in tests/sandbox/test_fault_lab.py."""


@pytest.mark.parametrize("module", [m for n, m in GENERATORS.items() if n != RUNS_EACH_FAULT], ids=lambda m: m.__name__)
def test_a_written_page_is_up_to_date(module: ModuleType) -> None:
    """An old text must not stay behind."""
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run make regen"


def test_regen_finds_the_generators() -> None:
    """Each by having a page; a module that draws or measures is none."""
    assert {"causes", "families", "fault_table", "man", "threads"} <= set(GENERATORS)
    assert "pictures" not in GENERATORS


def test_regen_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    """And writes nothing then."""
    assert regen.main(["cause"]) == 2
    assert "no such page: cause" in capsys.readouterr().err


def test_the_table_of_clients_is_the_list_that_init_asks_with() -> None:
    """Each client stands there with its unit."""
    text = families.PAGE.read_text(encoding="utf-8")
    for client in FAMILIES:
        unit = f"`{client.unit.value}`" if client.unit else client.counts.rpartition(": ")[0]
        (line,) = [line for line in text.splitlines() if f"| `{client.id}` |" in line]
        assert unit in line


def test_every_picture_is_used_and_says_what_it_shows() -> None:
    """On a page, with words for who can't see it; what stands for the exchange is not called Kraken's."""
    folder = Path(families.__file__).parent
    pages = [page.read_text(encoding="utf-8") for page in (folder.parent / "README.md", *folder.rglob("*.md"))]
    for picture in (folder / "pictures").iterdir():
        shows = re.compile(rf"!\[[^\]]{{30,}}\]\([\w/.]*pictures/{picture.name}\)")
        assert any(shows.search(text) for text in pages), picture.name
        if picture.suffix == ".svg":
            shown = picture.read_text(encoding="utf-8").replace("&#160;", " ")
            assert "api.kraken.com" not in shown
            assert ("$ kraken-doctor check" in shown) == ("embedded exchange" in shown)
