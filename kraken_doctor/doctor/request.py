"""What the user asked a run to be, before anything is built for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_doctor.frozen import dataclass
from kraken_doctor.model.defaults import CALL_TIMEOUT_S, DEADLINE_S, JOBS

if TYPE_CHECKING:
    from kraken_doctor.checks.base import Check
    from kraken_doctor.model.findings import Outcome


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What the user asked a run to be."""

    command: str
    users: tuple[str, ...] = ()
    master: bool = False
    everyone: bool = False
    api_url: str | None = None
    sandbox: bool = False
    faults: tuple[str, ...] = ()
    """What is to be wrong in the sandbox."""
    timeout_s: float = CALL_TIMEOUT_S
    timeout_given: bool = False
    """Whether the user chose it; else a fault of the sandbox is not waited for as long."""
    deadline_s: float = DEADLINE_S
    retry_delays_s: tuple[float, ...] = ()
    private_call_budget: int = 4
    """Per account."""
    nonce_unit: str | None = None
    needs: tuple[str, ...] = ()
    """What the bots on these keys will do: see `model.permissions.needed`."""
    ntp_servers: tuple[str, ...] = ()
    use_ntp: bool = True
    max_offset_s: float = 1.0
    wrong_clock: Outcome | None = None
    """What a clock beyond the limit is; by itself it breaks no connection."""
    amounts: bool = True
    """Whether the report says what the accounts hold."""
    dry_run: bool = False
    """List the requests, and make none."""
    static: bool = False
    """Judge what is written in the files, and nothing else: no account at all is fine."""
    requires_account: bool = False
    """Whether there is nothing to do without any; else the other checks are made."""
    resting: frozenset[str] = frozenset()
    """Labels of accounts that are left alone this time."""
    jobs: int = JOBS
    checks: tuple[Check, ...] = ()
