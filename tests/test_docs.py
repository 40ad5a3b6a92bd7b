"""Pages that are written by a script are what the script writes."""

from __future__ import annotations

from docs import causes, families, man, wordings
from kraken_doctor.accounts.families import FAMILIES


def test_the_page_of_causes_is_the_catalogue() -> None:
    """`python -m docs.causes` writes it; an old text must not stay behind."""
    assert causes.PAGE.read_text(encoding="utf-8") == causes.page()


def test_the_page_of_wordings_is_the_data() -> None:
    """`python -m docs.wordings` writes it."""
    assert wordings.PAGE.read_text(encoding="utf-8") == wordings.page()


def test_the_man_page_is_the_commands_own_help() -> None:
    """`python -m docs.man` writes it."""
    assert man.PAGE.read_text(encoding="utf-8") == man.page()


def test_the_table_of_clients_is_the_list_that_init_asks_with() -> None:
    """`python -m docs.families` writes it; each client stands there with its unit."""
    text = families.PAGE.read_text(encoding="utf-8")
    assert text == families.page()
    for client in FAMILIES:
        unit = f"`{client.unit.value}`" if client.unit else client.counts.rpartition(": ")[0]
        (line,) = [line for line in text.splitlines() if f"| `{client.id}` |" in line]
        assert unit in line
