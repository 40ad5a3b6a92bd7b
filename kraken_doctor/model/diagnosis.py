"""A named cause: what the evidence adds up to, how sure that is, and what to do."""

import enum
from dataclasses import dataclass


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
    """The first thing to mend; at most one an account, or one for the run."""
    error: str = ""
    """The exchange's own words, if it said any. Foreign text: data, not markup."""
    possible: tuple[Alternative, ...] = ()
    explains: tuple[str, ...] = ()
    """Causes that are this one's symptoms, folded under it."""
