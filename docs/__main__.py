"""
Writes every generated page anew: each module of this folder that has a PAGE and says what is on it.

    python -m docs
"""

from __future__ import annotations

import importlib
import pkgutil

import docs


def main() -> None:
    for module in pkgutil.iter_modules(docs.__path__, "docs."):
        if not module.name.endswith("__main__") and hasattr(found := importlib.import_module(module.name), "PAGE"):
            found.PAGE.write_text(found.page(), encoding="utf-8")


if __name__ == "__main__":
    main()
