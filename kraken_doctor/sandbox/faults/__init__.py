"""
The fault lab: every fault that the doctor can name, and what is odd and healthy all the same.

What the doctor should say of each stands here as text: the lab knows nothing of the rules that it puts to the test.
"""

from __future__ import annotations

from difflib import get_close_matches

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.sandbox.faults.base import Fault
from kraken_doctor.sandbox.faults.credentials import CREDENTIALS
from kraken_doctor.sandbox.faults.healthy_edge_cases import HEALTHY_EDGE_CASES
from kraken_doctor.sandbox.faults.host import HOST
from kraken_doctor.sandbox.faults.key import KEY
from kraken_doctor.sandbox.faults.nonce import NONCE
from kraken_doctor.sandbox.faults.way import WAY

SECTIONS: dict[str, tuple[Fault, ...]] = {
    "Credentials": CREDENTIALS,
    "This host": HOST,
    "The way to the exchange": WAY,
    "The key": KEY,
    "The nonce": NONCE,
    "Odd, and healthy": HEALTHY_EDGE_CASES,
}

FAULTS: dict[str, Fault] = {fault.name: fault for section in SECTIONS.values() for fault in section}


def find(name: str) -> Fault:
    """
    The fault *name*.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in FAULTS:
        similar = get_close_matches(name, FAULTS, n=1)
        meant = f"; did you mean {similar[0]}?" if similar else ""
        raise ConfigurationError(f"there is no fault {name[:40]!r}{meant}; kraken-doctor sandbox --list-faults")
    return FAULTS[name]
