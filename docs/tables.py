"""All TOML files of the package in one of JSON, which `kraken_doctor.tables` reads a hundred times as fast."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import kraken_doctor
from kraken_doctor.tables import checksum_of

_PACKAGE = Path(kraken_doctor.__file__).parent
PAGE = _PACKAGE / "tables.json"


def page() -> str:
    """The file: a line for each of a table's names, so that a change is seen where it was made."""
    paths = sorted(_PACKAGE.rglob("*.toml"))
    return "{\n" + ",\n".join(f'"{path.relative_to(_PACKAGE).as_posix()}": {_read(path)}' for path in paths) + "\n}\n"


def _read(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in tomllib.loads(text).items())
    return f"[{checksum_of(text)}, {{\n" + ",\n".join(lines) + "\n}]"
