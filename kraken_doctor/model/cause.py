"""A cause as the catalogue describes it, apart from any run."""

from __future__ import annotations

from dataclasses import dataclass

from kraken_doctor.model.diagnosis import Remedy, Severity


@dataclass(frozen=True, kw_only=True)
class Cause:
    """
    What the doctor can name.

    The id is permanent: it may get a better text, never another meaning.
    """

    id: str
    severity: Severity
    title: str
    """One line, no full stop."""
    meaning: str
    proof: str
    """What evidence names it."""
    remedy: Remedy
    wrong_when: str
    """When the verdict can be wrong."""
    errors: tuple[str, ...] = ()
    """Kraken's own strings that point here."""
    links: tuple[str, ...] = ()
