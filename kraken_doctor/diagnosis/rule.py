"""What makes a function of `diagnosis.rules` a rule. One that has nothing to say yields nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kraken_doctor.model.report import Diagnosis, EvidenceSet


class RunRule(NamedTuple):
    """Decorator: a rule of what is common to all accounts."""

    find: Callable[[EvidenceSet], Iterator[Diagnosis]]


class AccountRule(NamedTuple):
    """Decorator: a rule of one account, which is told by its label."""

    find: Callable[[EvidenceSet, str], Iterator[Diagnosis]]
