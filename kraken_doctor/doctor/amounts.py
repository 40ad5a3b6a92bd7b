"""Results without what the accounts hold: for a log that others can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kraken_doctor.model import facts
from kraken_doctor.model.evidence import CheckResult

LEFT_OUT = "read; amounts left out"

_NO_AMOUNT = (facts.BALANCES_EMPTY.name, facts.BALANCES_NO_RESULT.name, facts.BALANCES_UNREADABLE.name)
"""Evidence of the balances that tells no amount; whatever else is called so may."""


def tells_amount(name: str) -> bool:
    """Return whether the fact *name* may say what an account holds."""
    return name.startswith("balances.") and name not in _NO_AMOUNT


def without_amounts(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """Return *results* as they lead to the same diagnoses, and to no balances."""
    return tuple(map(_without, results))


def _without(result: CheckResult) -> CheckResult:
    kept = tuple(item for item in result.evidence if not tells_amount(item.name))
    return result if kept == result.evidence else replace(result, summary=LEFT_OUT, evidence=kept)
