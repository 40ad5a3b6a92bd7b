"""What is data and not code: TOML files beside the modules that use them."""

import functools
from pathlib import Path
from typing import Any


@functools.cache
def load(module: str, name: str) -> dict[str, Any]:
    """Return the file *name* beside *module*, a ``__file__``; read once, and not to be changed."""
    import tomllib  # read when the first is needed: a healthy run needs few

    return tomllib.loads(Path(module).with_name(name).read_text(encoding="utf-8"))
