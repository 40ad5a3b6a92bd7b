"""Generated pages are what their sources make of them now; one command writes them all."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import docs

GENERATED = [
    module.name
    for module in pkgutil.iter_modules(docs.__path__, "docs.")
    if not module.name.endswith("__main__") and hasattr(importlib.import_module(module.name), "PAGE")
]


def test_which_they_are() -> None:
    """A new one is found by itself; none is lost."""
    assert {"docs.causes", "docs.checks", "docs.families", "docs.fault_table", "docs.man"} <= set(GENERATED)


@pytest.mark.parametrize("name", [name for name in GENERATED if name != "docs.fault_table"])  # that has its own test
def test_they_are_up_to_date(name: str) -> None:
    """Run ``python -m docs``."""
    module = importlib.import_module(name)
    assert module.PAGE.read_text(encoding="utf-8") == module.page()
