"""
The fault lab: every fault that the doctor can name, and what is odd and healthy all the same.

A fault is a table in one of the TOML files beside this module, headed by its name, with the fields of `Fault`; what
else stands in it changes the scenario, see `changes`. What the doctor should say of each stands there as text: the lab
knows nothing of the rules that it puts to the test.
"""

import copy
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.format import did_you_mean
from kraken_doctor.sandbox.faults.changes import CHANGES
from kraken_doctor.sandbox.scenarios import Scenario


class Fault(NamedTuple):
    """One fault of the lab."""

    name: str
    """That of its cause, where it is the plainest form of it."""
    title: str
    changes: Mapping[str, Any]
    """By what they change, see `CHANGES`; empty where it is there anyway."""
    cause: str
    """What should be named first; empty where all is well."""
    severity: str = "fail"
    """``fail``, ``warn`` or ``info``."""
    of_run: bool = False
    """It concerns the whole run, not one account."""
    command: str = ""
    """The arguments that show it, where ``check --sandbox --fault NAME`` is not enough."""

    def inject(self, scenario: Scenario) -> None:
        """Change *scenario*, before it is served."""
        for name, values in self.changes.items():
            CHANGES[name](scenario, copy.deepcopy(values))


def _faults(file: str) -> tuple[Fault, ...]:
    text = Path(__file__).with_name(f"{file}.toml").read_text(encoding="utf-8")
    return tuple(_fault(name, table) for name, table in tomllib.loads(text).items())


def _fault(name: str, table: dict[str, Any]) -> Fault:
    fields = {"cause": name} | {field: table.pop(field) for field in Fault._fields if field in table}
    return Fault(name=name, changes=table, **fields)


SECTIONS: dict[str, tuple[Fault, ...]] = {
    "Credentials": _faults("credentials"),
    "This host": _faults("host"),
    "The way to the exchange": _faults("connection"),
    "The key": _faults("key"),
    "The nonce": _faults("nonce"),
    "Odd, and healthy": _faults("healthy_edge_cases"),
}

FAULTS: dict[str, Fault] = {fault.name: fault for section in SECTIONS.values() for fault in section}


def find(name: str) -> Fault:
    """
    Return the fault *name*.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in FAULTS:
        meant = did_you_mean(name, FAULTS)
        raise ConfigurationError(f"there is no fault {name[:40]!r}{meant}; kraken-doctor sandbox --list-faults")
    return FAULTS[name]
