"""All checks, in the order in which they are shown; a check stands below what it needs."""

from __future__ import annotations

from kraken_doctor import checks
from kraken_doctor.checks.base import Check
from kraken_doctor.model.registry import found_in
from kraken_doctor.tables import load

_FOUND = {check.id: check for check in found_in(checks, Check)}

CATALOGUE = tuple(_FOUND[name] for name in load(__file__, "catalogue.toml"))
"""A new check is here as soon as it stands in a module of this package, and in the table beside it."""
