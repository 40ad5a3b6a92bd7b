"""
The fault lab: every fault that the doctor can name, and what is odd and healthy all the same.

What the doctor should say of each stands here as text: the lab knows nothing of the rules that it puts to the test.
"""

from __future__ import annotations

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.suggestions import did_you_mean
from kraken_doctor.sandbox.faults.base import Fault
from kraken_doctor.sandbox.faults.connection import CONNECTION
from kraken_doctor.sandbox.faults.credentials import CREDENTIALS
from kraken_doctor.sandbox.faults.healthy_edge_cases import HEALTHY_EDGE_CASES
from kraken_doctor.sandbox.faults.host import HOST
from kraken_doctor.sandbox.faults.key import KEY
from kraken_doctor.sandbox.faults.nonce import NONCE

SECTIONS: dict[str, tuple[Fault, ...]] = {
    "Credentials": CREDENTIALS,
    "This host": HOST,
    "The way to the exchange": CONNECTION,
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
        meant = did_you_mean(name, FAULTS)
        raise ConfigurationError(f"there is no fault {name[:40]!r}{meant}; kraken-doctor sandbox --list-faults")
    return FAULTS[name]
