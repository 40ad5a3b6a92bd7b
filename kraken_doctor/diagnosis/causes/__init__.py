"""The catalogue of causes: one source for reports, `explain` and docs/causes.md."""

from __future__ import annotations

from kraken_doctor.diagnosis.causes.credentials import CREDENTIALS
from kraken_doctor.diagnosis.causes.host import HOST
from kraken_doctor.diagnosis.causes.key import KEY
from kraken_doctor.diagnosis.causes.nonce import NONCE
from kraken_doctor.diagnosis.causes.way import WAY
from kraken_doctor.model.cause import Cause

SECTIONS: dict[str, tuple[Cause, ...]] = {
    "Credentials": CREDENTIALS,
    "This host": HOST,
    "The way to the exchange": WAY,
    "The key": KEY,
    "The nonce": NONCE,
}

CAUSES: dict[str, Cause] = {cause.id: cause for section in SECTIONS.values() for cause in section}
"""In this order a cause comes before what it may bring about: the first of several is the one to mend first."""
