"""
The catalogue of causes and of their symptoms: one source for reports, `explain` and docs/causes.md.

It is prose, and stands in the TOML files beside this module: a table a cause, headed by its id, or a table a symptom,
headed by its title, with the fields of `Cause` and `Symptom`. A field that is missing, or that there is none of, is an
error as soon as this is imported.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kraken_doctor import errors
from kraken_doctor.error_strings import pattern_of
from kraken_doctor.model.cause import Cause, Everywhere, Symptom, Transient
from kraken_doctor.model.findings import Alternative, Remedy, Severity
from kraken_doctor.tables import load


def _tables(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((heading, _frozen(fields)) for heading, fields in load(__file__, f"{name}.toml").items())


def _frozen(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _causes(name: str) -> tuple[Cause, ...]:
    return tuple(_cause(cause, fields) for cause, fields in _tables(name))


def _cause(cause: str, fields: dict[str, Any]) -> Cause:
    made = {name: _MADE[name](value) for name, value in fields.items() if name in _MADE}
    return Cause(id=cause, **{**fields, **made})


def _alternatives(values: Iterable[dict[str, str]]) -> tuple[Alternative, ...]:
    return tuple(Alternative(**value) for value in values)


def _remedy(fields: dict[str, Any]) -> Remedy:
    return Remedy(**_frozen(fields))


_MADE: dict[str, Callable[[Any], object]] = {
    "severity": Severity, "transient": Transient, "remedy": _remedy, "possible": _alternatives,
    "possible_with_otp": _alternatives,
    "everywhere": lambda said: Everywhere(said["summary"], _alternatives(said["possible"]), _remedy(said["remedy"])),
}  # fmt: skip


def load_symptoms(name: str) -> tuple[Symptom, ...]:
    """Return the symptoms of ``NAME.toml``; those with ``errors`` are also known by all strings of these types."""
    return tuple(_symptom(title, fields) for title, fields in _tables(name))


@functools.cache
def _wordings() -> dict[str, dict[str, Any]]:
    return dict(_tables("client_wordings"))


def _symptom(title: str, fields: dict[str, Any]) -> Symptom:
    more = _wordings().get(title, {}).get("patterns", ())
    kinds = [getattr(errors, kind) for kind in fields.pop("errors", ())]
    known = [pattern_of(text) for kind in kinds for text, other in errors.STRINGS.items() if other is kind]
    return Symptom(title=title, pattern="|".join(filter(None, (*known, fields.pop("pattern", ""), *more))), **fields)


SECTIONS: dict[str, tuple[Cause, ...]] = {
    "Credentials": _causes("credentials"),
    "This host": _causes("host"),
    "The connection to the exchange": _causes("connection"),
    "The key": _causes("key"),
    "The nonce": _causes("nonce"),
}

CAUSES: dict[str, Cause] = {cause.id: cause for section in SECTIONS.values() for cause in section}
"""In this order a cause comes before what it may bring about: the first of several is the one to mend first."""
