"""What a check found: facts with their bounds, and the outcome."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Value = bool | int | float | str | tuple[str, ...] | None


class Outcome(enum.Enum):
    """How a check ended. Unknown is an answer of its own, and never "fine"."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    """The check itself broke: a defect of this program, said as such."""


@dataclass(frozen=True)
class Evidence:
    """One fact, and the bound it was held against."""

    name: str
    """``clock.offset``, …"""
    value: Value
    unit: str = ""
    """``s``, ``bytes``; empty for texts and counts."""
    bound: str = ""
    """``|x| <= 1``"""
    source: str = ""
    """Who said so: ``pool.ntp.org``."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check of one scope, finished."""

    id: str
    account: str | None
    """The account's label; None for what is common to the run."""
    outcome: Outcome
    summary: str
    """One line."""
    evidence: tuple[Evidence, ...] = ()
    blocked_by: str | None = None
    """For `Outcome.SKIP`: the check at the root of why it was not made."""
    duration_s: float = 0.0


def by_scope(results: Iterable[CheckResult]) -> dict[str | None, list[CheckResult]]:
    """
    The results of each account behind those of the run, which stand under None as well.

    Sorted once: looking through all results for each of a thousand accounts would take seconds.
    """
    scopes: dict[str | None, list[CheckResult]] = {None: []}
    for result in results:
        scopes.setdefault(result.account, []).append(result)
    run = scopes[None]
    return {account: own if account is None else [*run, *own] for account, own in scopes.items()}


class Facts:
    """The evidence of one scope by name, over that of the run: what the rules of the diagnosis read."""

    def __init__(self, results: Iterable[CheckResult], account: str | None = None) -> None:
        chosen = [result for result in results if result.account in (None, account)]
        self._results = {result.id: result for result in chosen}
        self._evidence = {item.name: item for result in chosen for item in result.evidence}

    def __contains__(self, name: str) -> bool:
        return name in self._evidence

    def starting(self, prefix: str) -> Iterator[Evidence]:
        """All evidence whose name begins with *prefix*, in the order it was found."""
        return (item for name, item in self._evidence.items() if name.startswith(prefix))

    def item(self, name: str) -> Evidence | None:
        """The evidence called *name*, with its source."""
        return self._evidence.get(name)

    def text(self, name: str) -> str:
        """A text; empty if it is not there."""
        value = self._value(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        """A number; None if it is not there."""
        value = self._value(name)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def integer(self, name: str) -> int | None:
        """A whole number, exact to 64 bits; None if it is not there."""
        value = self._value(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool | None:
        """A yes or no; None if it is not known."""
        value = self._value(name)
        return value if isinstance(value, bool) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty if it is not there."""
        value = self._value(name)
        return value if isinstance(value, tuple) else ()

    def outcome(self, check_id: str) -> Outcome | None:
        """How a check ended; None if it was not part of the run."""
        result = self._results.get(check_id)
        return result.outcome if result else None

    def _value(self, name: str) -> Value:
        item = self._evidence.get(name)
        return item.value if item else None
