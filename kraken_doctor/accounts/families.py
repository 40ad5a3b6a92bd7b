"""
What trades on keys: the clients of Kraken's Spot API, and the unit of their nonces.

Read from their sources at the versions named, late in 2026. docs/nonce.md has its table from here.
"""

import re
from typing import NamedTuple

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.format import did_you_mean
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.tables import load


class Family(NamedTuple):
    """One client, or several that make their nonces in the same way."""

    id: str
    """What ``init --trades`` takes."""
    name: str
    unit: NonceUnit | None
    """None where no unit of ours follows its nonces."""
    guard: str = "none"
    """Against repeated nonces, as its source has it."""
    counts: str = ""
    """How, where the unit does not say it all."""

    @property
    def needs_own_key(self) -> bool:
        """Whether the doctor can't count as it does: each call would be refused, or lock it out."""
        return self.unit is None and self is not NOTHING


NOTHING = Family("nothing", "nothing yet", None)

FAMILIES = tuple(
    Family(name, **{**fields, "unit": NonceUnit(fields["unit"]) if "unit" in fields else None})
    for name, fields in load(__file__, "families.toml").items()
)


def find(text: str) -> Family:
    """
    The client that *text* names, by its id in any spelling, or any client of a unit that it names.

    Raises:
        ConfigurationError: It names neither; a client is never guessed, since its unit can't be taken back.
    """
    wanted = re.sub(r"[^a-z0-9]+", "-", text.strip().lower()).strip("-")
    units = (Family(unit.value, f"a client in {unit.words}", unit) for unit in NonceUnit)
    known = {family.id: family for family in (NOTHING, *FAMILIES, *units)}
    if wanted not in known:
        meant = did_you_mean(wanted, known, most=3, otherwise=f"; use one of {', '.join(known)}")
        raise ConfigurationError(f"{text[:40]!r} is not a known client or nonce unit{meant}")
    return known[wanted]


def by_unit() -> dict[NonceUnit | None, list[Family]]:
    """The clients of each unit, small to large; last those that none of ours follows."""
    return {unit: [family for family in FAMILIES if family.unit is unit] for unit in (*NonceUnit, None)}
