"""Pages that are written by a script are what the script writes."""

from __future__ import annotations

from docs import causes, man


def test_the_page_of_causes_is_the_catalogue() -> None:
    """`python -m docs.causes` writes it; an old text must not stay behind."""
    assert causes.PAGE.read_text(encoding="utf-8") == causes.page()


def test_the_man_page_is_the_commands_own_help() -> None:
    """`python -m docs.man` writes it."""
    assert man.PAGE.read_text(encoding="utf-8") == man.page()
