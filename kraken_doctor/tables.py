"""What is data and not code: TOML files beside the modules that use them."""

import functools
from contextlib import suppress
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@functools.cache
def load(module: str, name: str) -> dict[str, Any]:
    """Return the file *name* beside *module*, a ``__file__``; read once, and not to be changed."""
    path = Path(module).with_name(name)
    text = path.read_text(encoding="utf-8")
    checksum, table = _read_before().get(path.relative_to(_HERE).as_posix(), (0, {}))
    if checksum == checksum_of(text):
        return table
    import tomllib

    return tomllib.loads(text)


def checksum_of(text: str) -> int:
    """Return what tells a file from one that was changed since tables.json was made."""
    import zlib  # not for `--help`

    return zlib.crc32(text.encode())


@functools.cache
def _read_before() -> dict[str, tuple[int, dict[str, Any]]]:
    # `tomllib` is written in Python: it took a tenth of a short run, and a third of one that has a fault to explain.
    import json

    with suppress(OSError, ValueError):
        return dict(json.loads((_HERE / "tables.json").read_text(encoding="utf-8")))
    return {}
