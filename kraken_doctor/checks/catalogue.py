"""All checks, in the order in which they are shown; a check stands below what it needs."""

from __future__ import annotations

from kraken_doctor.checks import account, clock, connection, credentials, host, nonce
from kraken_doctor.checks.base import Check

CATALOGUE: tuple[Check, ...] = (
    host.krakenex,
    host.store,
    connection.path,
    connection.exchange,
    clock.clock,
    credentials.credentials,
    account.authentication,
    account.permissions,
    account.balances,
    nonce.nonce,
)
