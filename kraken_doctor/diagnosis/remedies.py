"""Remedies for what the evidence shows, by their heading in remedies.toml."""

from __future__ import annotations

import functools
import re

from kraken_doctor.model.report import Remedy
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


def has_remedy(heading: str) -> bool:
    """Return whether there is a remedy under *heading*: what it is made from may have been edited."""
    return heading in _texts()


def remedy_for(problem: str, table: str, **values: object) -> Remedy | None:
    """Return what *table*, a TOML file beside this, has for what was seen or said; None where that is nothing known."""
    for fields in load(__file__, f"{table}.toml").values():
        if re.search(fields["pattern"], problem, re.IGNORECASE):
            ways = {name: fields[name] for name in ("otherwise", "avoid") if name in fields}
            return Remedy(fields["text"].format(**values), **ways)
    return None
