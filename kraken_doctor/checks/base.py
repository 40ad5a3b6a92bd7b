"""A check: a function from a context to a finding, and what is known of it beforehand."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from kraken_doctor.clock import Clock
from kraken_doctor.errors import NonceStoreError
from kraken_doctor.frozen import dataclass
from kraken_doctor.model.account import Account
from kraken_doctor.model.defaults import CALL_TIMEOUT_S
from kraken_doctor.model.findings import Evidence, EvidenceSet, Outcome, by_kind
from kraken_doctor.nonce.stores import NonceStore
from kraken_doctor.secret import Secret

if TYPE_CHECKING:
    from requests import Session

    from kraken_doctor.checks.session import AccountSession
    from kraken_doctor.network.public import PublicApi
    from kraken_doctor.nonce.history import KeyHistory
    from kraken_doctor.timesource.ntp import TimeServers
    from kraken_doctor.timesource.time_daemon import TimeDaemon

T = TypeVar("T")


class Scope(enum.Enum):
    """What a check is about."""

    RUN = "run"
    """Common to all accounts: asked once."""
    ACCOUNT = "account"


class CheckOutcome(NamedTuple):
    """What a check hands back."""

    outcome: Outcome
    summary: str
    evidence: tuple[Evidence, ...] = ()


def known(*evidence: Evidence) -> list[Evidence]:
    """Return what is known of *evidence*: the facts that are not None."""
    return [item for item in evidence if item.value is not None]


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What the user may choose about a run."""

    api_url: str
    embedded: bool = False
    """The exchange is the sandbox's, whatever a fault makes of its URL."""
    timeout_s: float = CALL_TIMEOUT_S
    """For one call."""
    ntp_servers: tuple[str, ...] = ()
    """Empty: don't ask any."""
    max_offset_s: float = 1.0
    """A clock off by more is worth a warning. Ours: Kraken names no limit."""
    wrong_clock: Outcome = Outcome.WARN
    """What a clock beyond the limit is: by itself it breaks no connection, but where it is the question it fails."""
    needs: tuple[str, ...] = ()
    """Permissions that the bots on these keys need, by Kraken's names."""
    private_call_budget: int = 4
    """Per account and run; a starter key that was at rest has room for 15."""


_MAKING = threading.RLock()


class locked_cached_property(cached_property[T]):  # noqa: N801 - a decorator
    """
    ``cached_property`` for several threads.

    Since Python 3.12 that has no lock of its own: two checks that begin together would each make one, and each ask
    the exchange.
    """

    def __get__(self, instance: object, owner: type[object] | None = None) -> Any:
        with _MAKING:
            return super().__get__(instance, owner)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Instruments:
    """The instruments of a run, built by whoever starts it."""

    settings: RunSettings
    clock: Clock
    store: NonceStore
    make_http: Callable[[], Session]
    """Makes the session that all calls of the run share."""
    krakenex: Callable[[], ModuleType]
    """Imports krakenex; raises ImportError."""
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Variables that change the network path."""
    environ_in_files: tuple[str, ...] = ()
    """Such variables that stand in a .env alone, without logins, each with its file."""
    environ_in_files_used: bool = False
    """Whether they are part of *environ*: the keys stand in the same file, so a bot that loads it uses both."""
    accounts: tuple[Account, ...] = ()
    store_source: str = ""
    """The file that names the store, where that is not the process's environment: the library reads no .env."""
    store_place: str = ""
    """Where the store is, without a login, and who names it."""
    env_files_readable_by_others: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Paths of them, by the origin of what was read there."""
    keeper: Callable[[], TimeDaemon | None] = lambda: None
    """Finds out what keeps this host's clock."""
    env_files_in_git: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @locked_cached_property
    def http(self) -> Session:
        """Return the session, made when first used: a run without network calls does not load requests."""
        return self.make_http()

    @locked_cached_property
    def api(self) -> PublicApi:
        """The exchange's public side."""
        from kraken_doctor.network.public import PublicApi

        return PublicApi(self.settings.api_url, self.http, self.settings.timeout_s, self.clock)

    @locked_cached_property
    def histories(self) -> dict[str, KeyHistory]:
        """Return by key id what the audit log proves of each account's key; a log that can't be read proves nothing."""
        from kraken_doctor.nonce.history import key_histories

        with contextlib.suppress(NonceStoreError):
            return key_histories(self.store, filter(None, {account.key_id for account in self.accounts}))
        return {}

    @locked_cached_property
    def time_servers(self) -> TimeServers:
        """Return the time servers; they remember for the whole run which of them asked to be left alone."""
        from kraken_doctor.timesource.ntp import TimeServers

        return TimeServers(self.clock)

    @locked_cached_property
    def _by_key(self) -> dict[Secret | None, list[Account]]:
        return by_kind(self.accounts, lambda account: account.key)

    def with_key(self, key: Secret | None) -> list[Account]:
        """Return the accounts that carry *key*; found without comparing each with each, which a thousand would feel."""
        sharing: list[Account] = self._by_key.get(key, [])
        return sharing

    @property
    def has_called(self) -> bool:
        """Whether there is a session; asking for `http` would make one."""
        return "http" in self.__dict__

    def close(self) -> None:
        """Close what was opened."""
        if self.has_called:
            self.http.close()


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class AccountContext:
    """One account's part of the run."""

    run: Instruments
    account: Account
    session: AccountSession
    evidence: Callable[[], EvidenceSet]
    """What is known so far of this account and of the run."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check as the catalogue lists it."""

    id: str
    title: str
    position: int = 0
    """Its place in the catalogue: what it needs has a lower one."""
    scope: Scope
    run: Callable[..., CheckOutcome]
    needs: tuple[str, ...] = ()
    """Checks without whose success this one can't succeed."""
    proved_by: tuple[str, ...] = ()
    """Checks that come along, since it judges what they have sent; it is made also where they fail."""
    requests: tuple[str, ...] = ()
    """What it sends, for `--dry-run`."""
    private_calls: int = 0
    """The most it takes from an account's call counter."""


def check(id: str, **listed: Any) -> Callable[[Callable[..., CheckOutcome]], Check]:  # noqa: A002 - as everywhere else
    """Make a `Check` of a function; *listed* are its other fields."""
    return lambda function: Check(id=id, run=function, **listed)
