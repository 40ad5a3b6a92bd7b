"""Remedies for what the evidence shows, by their heading in remedies.toml."""

from __future__ import annotations

import functools

from kraken_doctor.model.diagnosis import Remedy
from kraken_doctor.tables import load

_texts = functools.partial(load, __file__, "remedies.toml")


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
