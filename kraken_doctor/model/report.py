"""A finished run: what is common to it, its accounts, and what changed between two."""

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any, NamedTuple

from kraken_doctor.frozen import dataclass
from kraken_doctor.model.findings import CheckResult, Diagnosis, Outcome
from kraken_doctor.model.payloads import Extra

SCHEMA_VERSION = 1
"""Of the JSON form: fields may be added, none changes its meaning."""


@dataclass(frozen=True)
class Balances:
    """What an account holds in the two currencies that a bot pays with, in all their forms."""

    usd: Decimal
    usdt: Decimal
    asset_codes: Mapping[str, Decimal] = field(default_factory=dict)
    """Kraken's codes that were added up, those with an amount: ``ZUSD``, ``USD.F``, …"""
    others: Mapping[str, Decimal] = field(default_factory=dict)
    """The other assets with an amount, by Kraken's codes."""

    @property
    def total(self) -> Decimal:
        """Return the sum, one USDT counted as one USD."""
        return self.usd + self.usdt


@dataclass(frozen=True, kw_only=True)
class NonceReport:
    """How the nonces of an account were made."""

    unit: str
    in_order: bool
    store: str
    last: int | None
    """The last nonce sent; None if none was."""
    unit_from: str = ""
    """Who said which unit: an option, a variable, a bot's accepted call, or ``default``; empty in older reports."""


@dataclass(frozen=True, kw_only=True)
class AccountReport:
    """One account's part of a run."""

    label: str
    outcome: Outcome
    key_tail: str
    """The key's last characters behind an ellipsis; never more."""
    key_id: str | None
    source: str
    balances: Balances | None = None
    nonce: NonceReport | None = None
    private_calls: int = 0
    connected: bool | None = None
    """Whether a private call was accepted, and nothing failed; None where the run could not tell, or did not try."""
    error: str = ""
    """What the exchange, or the way there, said when it failed."""


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


@dataclass(frozen=True, kw_only=True)
class Report:
    """A finished run."""

    command: str
    started_at_ns: int
    """Wall clock, nanoseconds since 1970."""
    duration_s: float
    outcome: Outcome
    exit_status: int
    api_url: str
    sandbox: bool = False
    host: str = ""
    """The name of the host that it ran on; empty in older reports."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    accounts: tuple[AccountReport, ...] = ()
    named: tuple[str, ...] = ()
    """Labels of the accounts that were asked for by name: a page tells of them one by one."""
    extra: Extra = field(default_factory=Extra)
    """What a command has beside these."""

    @property
    def primary(self) -> Diagnosis | None:
        """Return the run's primary diagnosis, or the first account's."""
        return next((diagnosis for diagnosis in self.diagnoses if diagnosis.primary), None)

    def to_json(self) -> str:
        """Return the document that ``-o json`` prints, see schema.json."""
        from kraken_doctor.model.json_report import render  # which is made of this very class

        return render(self)
