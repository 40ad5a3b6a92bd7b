"""Remedies for what the evidence shows, by their heading in remedies.toml."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

from kraken_doctor.model.diagnosis import Remedy


def remedy(heading: str, *commands: str, **values: object) -> Remedy:
    """
    Return the remedy under *heading*, with *values* in its texts.

    Args:
        heading: See remedies.toml.
        commands: Further ones, that only the evidence knows.
        values: What stands in braces there.
    """
    fields = dict(_texts()[heading])
    more = (*fields.pop("commands", ()), *commands)
    return Remedy(commands=more, **{name: text.format(**values) for name, text in fields.items()})


@functools.cache
def _texts() -> dict[str, dict[str, Any]]:
    # Read when the first is needed: a healthy run never does.
    return tomllib.loads(Path(__file__).with_name("remedies.toml").read_text(encoding="utf-8"))
