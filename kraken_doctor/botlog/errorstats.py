"""One kind of error in a log: how often, when, in which calls, and what stood beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from kraken_doctor.botlog.events import Event

QUICK_S = 120.0
"""A bot that is refused tries again within that."""


@dataclass
class ErrorStats:
    """One error: how often, and when."""

    title: str
    kind: str
    count: int = 0
    first: float | None = None
    last: float | None = None
    endpoint: str = ""
    """The last call that had it, where that is said."""
    endpoints: Counter[str] = field(default_factory=Counter)
    hints: Counter[str] = field(default_factory=Counter)
    line: int = 0
    """Of the first one, in its file."""
    naming_kraken: int = 0
    """How many of them name Kraken, or quote it."""
    near_dns: int = 0
    """How many of them stand beside a name that did not resolve, whoever's."""
    quick_gaps: int = 0
    longest_gap_s: float = 0.0
    worked_after: bool = False
    """Whether a call worked since the last one; of a key's own errors, the same call."""
    gave_up_after: bool = False
    """Whether the bot says that it does not go on, since the last one."""

    @property
    def shown(self) -> str:
        """Return what may be shown of it: our own spelling; of an unknown error its category alone."""
        return f"{self.title}:… (line {self.line})" if self.kind == "unknown" else self.title

    def saw(self, event: Event) -> None:
        """Count one more."""
        if event.at is not None and self.last is not None:
            gap_s = max(event.at - self.last, 0.0)
            self.quick_gaps += gap_s <= QUICK_S
            self.longest_gap_s = max(self.longest_gap_s, gap_s)
        self.count, self.last, self.worked_after = self.count + 1, event.at, False
        self.first = event.at if self.first is None else self.first
        self.endpoint = event.says.endpoint
        self.endpoints[self.endpoint] += 1
        self.hints.update(event.says.hints)
        self.naming_kraken += event.says.whose.kraken
        self.gave_up_after = event.says.gave_up
