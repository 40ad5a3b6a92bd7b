"""What a run finds: facts with their bounds, how each check ended, and the causes that they add up to."""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar, cast, get_origin, overload

from kraken_doctor.frozen import dataclass

Texts = tuple[str, ...]
Value = bool | int | float | str | Texts | None
T = TypeVar("T", bound=Value)
Item = TypeVar("Item")
Kind = TypeVar("Kind", bound=Hashable)


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


@dataclass(frozen=True)
class Fact(Generic[T]):
    """
    What a check may state, declared once in `model.facts`; who reads it, reads it by the same object.

    A fact that is read by another name than it is stated by would be absent, and advice would silently not be given.
    """

    name: str
    """``clock.offset``, …: published, so it is permanent."""
    kind: type[T]
    meaning: str
    unit: str = ""
    """``s``, ``bytes``; empty for texts and counts."""
    for_reader: bool = False
    """Whether it is there for the reader of a report alone: no rule and no page interprets it."""

    def of(self, value: T | None, *, bound: str = "", source: str = "") -> Evidence:
        """Return the evidence that this fact is *value*; None where it was looked for and is not known."""
        return Evidence(self.name, value, self.unit, bound, source)

    def allows(self, value: Value) -> bool:
        """Return whether *value* is of this fact's type; a whole number may stand for any number."""
        if isinstance(value, bool):  # an int to Python, and no number
            return self.kind is bool
        return isinstance(value, (int, float) if self.kind is float else get_origin(self.kind) or self.kind)


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


def by_kind(items: Iterable[Item], kind: Callable[[Item], Kind]) -> dict[Kind, list[Item]]:
    """Return *items* by their *kind*, each in its order; a kind stands where its first one was."""
    groups: dict[Kind, list[Item]] = {}
    for item in items:
        groups.setdefault(kind(item), []).append(item)
    return groups


def by_scope(results: Iterable[CheckResult]) -> dict[str | None, list[CheckResult]]:
    """
    Return the results of each account behind those of the run, which stand under None as well.

    Sorted once: looking through all results for each of a thousand accounts would take seconds.
    """
    scopes: dict[str | None, list[CheckResult]] = {None: [], **by_kind(results, lambda result: result.account)}
    run = scopes[None]
    return {account: own if account is None else [*run, *own] for account, own in scopes.items()}


class EvidenceSet:
    """The evidence of one scope, over that of the run: what the rules of the diagnosis read."""

    def __init__(self, results: Iterable[CheckResult], account: str | None = None) -> None:
        self.account = account
        chosen = [result for result in results if result.account in (None, account)]
        self._results = {result.id: result for result in chosen}
        self._evidence = {item.name: item for result in chosen for item in result.evidence}

    @classmethod
    def of(cls, evidence: Iterable[Evidence]) -> EvidenceSet:
        """Return the set of *evidence* that is in no result yet."""
        made = cls(())
        made._evidence = {item.name: item for item in evidence}
        return made

    @overload
    def get(self, fact: Fact[T]) -> T | None: ...
    @overload
    def get(self, fact: Fact[T], default: T) -> T: ...
    def get(self, fact: Fact[T], default: T | None = None) -> T | None:
        """Return what was stated of *fact*; *default* where nothing was, or where it is not known."""
        item = self._evidence.get(fact.name)
        # Only a saved report can have another type: it was edited, and what it says there is not known.
        return cast("T", item.value) if item is not None and fact.allows(item.value) else default

    def source(self, fact: Fact[Any]) -> str:
        """Return who stated *fact*; empty where nobody did, or nobody was named."""
        item = self._evidence.get(fact.name)
        return item.source if item is not None else ""

    def outcome(self, check_id: str) -> Outcome | None:
        """Return how a check ended; None if it was not part of the run."""
        result = self._results.get(check_id)
        return result.outcome if result else None


class Severity(enum.Enum):
    """What a cause does to the connection."""

    FAIL = "fail"
    """It does not work."""
    WARN = "warn"
    """It works, with a harm that is happening or dated."""
    INFO = "info"
    """Worth knowing."""

    @property
    def rank(self) -> int:
        """Return 0 for the worst."""
        return list(Severity).index(self)


class Confidence(enum.Enum):
    """How far the evidence carries."""

    CERTAIN = "certain"
    """It excludes every other cause."""
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True)
class Remedy:
    """What to do next."""

    text: str
    """One step, imperative."""
    commands: tuple[str, ...] = ()
    """Safe to run as they stand."""
    otherwise: str = ""
    """A second way, with its price."""
    avoid: str = ""
    """What people do here that makes it worse."""


@dataclass(frozen=True)
class Alternative:
    """Another cause that the evidence leaves open."""

    text: str
    told_apart_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One cause, found in one account or in what all share."""

    cause: str
    """Id of a cause, see docs/causes.md."""
    account: str | None
    """The account's label; None when the cause is common to the run."""
    severity: Severity
    confidence: Confidence
    summary: str
    """One line."""
    because: tuple[str, ...]
    """The facts that prove it."""
    remedy: Remedy
    primary: bool = False
    """The first thing to fix; at most one an account, or one for the run."""
    error: str = ""
    """The exchange's own words, if it said any. Foreign text: data, not markup."""
    possible: tuple[Alternative, ...] = ()
    explains: tuple[str, ...] = ()
    """Causes that are this one's symptoms, folded under it."""
