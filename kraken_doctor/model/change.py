"""What one report has that an earlier one had not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kraken_doctor.model.evidence import Outcome


class FindingKey(NamedTuple):
    """A finding, as far as it can be the same in two reports: neither its words nor its confidence count."""

    cause: str
    account: str | None
    severity: str


class Change(NamedTuple):
    """What a round of `watch` found that the one before it had not."""

    at_ns: int
    """Wall clock, nanoseconds since 1970."""
    before: Outcome | None
    """None for the first round."""
    outcome: Outcome
    verdict: str
    """The round in one or two sentences; foreign words may be in it."""
    new: tuple[FindingKey, ...]
    gone: tuple[FindingKey, ...]
    accounts: Mapping[str, Outcome]
    """Accounts whose outcome is another now."""
    next_step: str = ""
    """What to do first where something fails; foreign words may be in it."""
