"""What is examined."""

from collections.abc import Iterator, Sequence

from kraken_doctor.checks.base import Check, Scope
from kraken_doctor.checks.catalogue import CATALOGUE
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.frozen import dataclass
from kraken_doctor.model.account import Account
from kraken_doctor.model.defaults import DEADLINE_S, JOBS
from kraken_doctor.model.format import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which accounts, which checks, and how much time they have."""

    accounts: tuple[Account, ...] = ()
    checks: tuple[Check, ...] = CATALOGUE
    jobs: int = JOBS
    """Accounts checked in parallel."""
    deadline_s: float = DEADLINE_S
    """For the whole run."""

    def of_scope(self, scope: Scope) -> tuple[Check, ...]:
        """Return the checks of one scope, in the catalogue's order."""
        return tuple(check for check in self.checks if check.scope is scope)

    def slots(self) -> Iterator[tuple[Check, str | None]]:
        """Yield every check with the account that it is about: the run's first, then account by account."""
        for check in self.of_scope(Scope.RUN):
            yield check, None
        for account in self.accounts:
            for check in self.of_scope(Scope.ACCOUNT):
                yield check, account.label

    @property
    def sends_nonces(self) -> bool:
        """Whether any private call is planned."""
        return any(check.private_calls for check in self.checks)

    def requests(self) -> list[str]:
        """Return each request that the run would make, for `--dry-run`."""
        return [f"{label or 'once'}: {request}" for check, label in self.slots() for request in check.requests]


def choose(
    only: Sequence[str] = (), skip: Sequence[str] = (), checks: tuple[Check, ...] = CATALOGUE
) -> tuple[Check, ...]:
    """
    Return the checks to make: those of *only* and what they need, or all; less those of *skip*.

    Raises:
        ConfigurationError: A name is no check's id, or no check is left.
    """
    by_id = {check.id: check for check in checks}
    for name in (*only, *skip):
        if name not in by_id:
            meant = did_you_mean(name, by_id, otherwise=f"; there are {', '.join(by_id)}")
            raise ConfigurationError(f"unknown check {name[:40]!r}{meant}")
    wanted = set(only) or set(by_id)
    # The catalogue lists a check below what it needs, so one pass from its end finds all.
    for check in reversed(checks):
        if check.id in wanted:
            wanted |= {*check.needs, *check.proved_by}
    # A run without a check would pass, and say so.
    if not wanted - set(skip):
        raise ConfigurationError("--only and --skip leave no check to run")
    return tuple(check for check in checks if check.id in wanted and check.id not in skip)
