"""
The catalogue of causes and of their signs: one source for reports, `explain` and docs/causes.md.

It is prose, and stands in the TOML files beside this module: a table a cause, headed by its id, or a table a sign,
headed by its title, with the fields of `Cause` and `Sign`. One that is missing, or that there is none of, is an error
as soon as this is imported.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kraken_doctor import errors
from kraken_doctor.model.cause import Cause, Sign
from kraken_doctor.model.diagnosis import Remedy, Severity


def _tables(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    text = Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8")
    return ((heading, _frozen(fields)) for heading, fields in tomllib.loads(text).items())


def _frozen(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _causes(name: str) -> tuple[Cause, ...]:
    return tuple(_cause(cause, fields) for cause, fields in _tables(name))


def _cause(cause: str, fields: dict[str, Any]) -> Cause:
    severity, remedy = Severity(fields.pop("severity")), Remedy(**_frozen(fields.pop("remedy")))
    return Cause(id=cause, severity=severity, remedy=remedy, **fields)


def signs(name: str) -> tuple[Sign, ...]:
    """Return the signs of ``NAME.toml``; those with ``errors`` are also known by all strings of these types."""
    return tuple(_sign(title, fields) for title, fields in _tables(name))


@functools.cache
def _wordings() -> dict[str, dict[str, Any]]:
    return dict(_tables("client_wordings"))


def _sign(title: str, fields: dict[str, Any]) -> Sign:
    more = _wordings().get(title, {}).get("patterns", ())
    kinds = [getattr(errors, kind) for kind in fields.pop("errors", ())]
    known = [errors.pattern_of(text) for kind in kinds for text, other in errors.STRINGS.items() if other is kind]
    return Sign(title=title, pattern="|".join(filter(None, (*known, fields.pop("pattern", ""), *more))), **fields)


SECTIONS: dict[str, tuple[Cause, ...]] = {
    "Credentials": _causes("credentials"),
    "This host": _causes("host"),
    "The way to the exchange": _causes("way"),
    "The key": _causes("key"),
    "The nonce": _causes("nonce"),
}

CAUSES: dict[str, Cause] = {cause.id: cause for section in SECTIONS.values() for cause in section}
"""In this order a cause comes before what it may bring about: the first of several is the one to mend first."""
