"""All checks, in the order in which they are shown; a check stands below what it needs."""

from __future__ import annotations

from kraken_doctor.checks import account, clock, credentials, host, nonce, path
from kraken_doctor.checks.base import Check

CATALOGUE: tuple[Check, ...] = (
    host.krakenex,
    host.store,
    path.path,
    path.exchange,
    clock.clock,
    credentials.credentials,
    account.authentication,
    account.permissions,
    account.balances,
    nonce.nonce,
)
