"""
Writes every page that is made from the code: each module of this folder with a ``PAGE`` and a function ``page``.

    python -m docs [NAME ...]

The pictures and the measured pages are not among them: they differ from run to run. CONTRIBUTING.md has
their commands.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

import docs


def generators() -> Iterator[ModuleType]:
    """The modules that write a page, by name; a new one is found by itself."""
    for found in pkgutil.iter_modules(docs.__path__):
        if found.name != "__main__":
            module = importlib.import_module(f"docs.{found.name}")
            if hasattr(module, "PAGE") and hasattr(module, "page"):
                yield module


def main(wanted: list[str]) -> int:
    """Write the pages named in *wanted*, or all; say which of them changed."""
    known = {module.__name__.partition(".")[2]: module for module in generators()}
    if strangers := sorted(set(wanted) - set(known)):
        print(f"no such page: {', '.join(strangers)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in wanted or known:
        path, text = known[name].PAGE, known[name].page()
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(path.parent.parent)}: {'unchanged' if text == before else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
