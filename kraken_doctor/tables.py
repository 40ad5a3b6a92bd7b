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
    found = _read_before().partition(f'"{path.relative_to(_HERE).as_posix()}": ')[2]
    with suppress(ValueError):
        import json

        checksum, table = json.JSONDecoder().raw_decode(found)[0]
        if checksum == checksum_of(text):
            return dict(table)
    import tomllib

    return tomllib.loads(text)


def checksum_of(text: str) -> int:
    """Return what tells a file from one that was changed since tables.json was made."""
    import zlib  # not for `--help`

    return zlib.crc32(text.encode())


@functools.cache
def _read_before() -> str:
    # `tomllib` is written in Python: it took a tenth of a short run, and a third of one that has a fault to explain.
    with suppress(OSError, ValueError):
        return (_HERE / "tables.json").read_text(encoding="utf-8")
    return ""
