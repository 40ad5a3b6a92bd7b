"""All checks, in the order in which they are shown; a check stands below what it needs."""

from kraken_doctor import checks
from kraken_doctor.checks.base import Check
from kraken_doctor.model.registry import found_in

CATALOGUE = tuple(sorted(found_in(checks, Check), key=lambda check: check.position))
"""A new check is here as soon as its module stands in this package."""
