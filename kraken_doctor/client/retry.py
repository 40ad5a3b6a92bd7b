"""What is tried again, when, and what never is."""

from __future__ import annotations

from typing import NamedTuple

import requests

from kraken_doctor.errors import KrakenError, Retry
from kraken_doctor.model.defaults import RETRY_ATTEMPTS, RETRY_BASE_S

# What these return may be asked for twice. Everything else may have been executed when no answer came.
READ_ONLY = frozenset({
    "Balance", "BalanceEx", "ClosedOrders", "CreditLines", "DepositMethods", "DepositStatus", "ExportStatus",
    "GetApiKeyInfo", "Ledgers", "OpenOrders", "OpenPositions", "OrderAmends", "QueryLedgers", "QueryOrders",
    "QueryTrades", "TradeBalance", "TradeVolume", "TradesHistory", "WithdrawAddresses", "WithdrawInfo",
    "WithdrawMethods", "WithdrawStatus",
})  # fmt: skip


class RetryPolicy(NamedTuple):
    """
    How long to wait before each further attempt.

    Args:
        base_s: Seconds before the second attempt; each later wait is twice the one before.
        attempts: Further attempts; with the defaults after 5, 10, 20 and 40 s.
    """

    base_s: float = RETRY_BASE_S
    attempts: int = RETRY_ATTEMPTS

    @classmethod
    def none(cls) -> RetryPolicy:
        """One attempt, whatever comes."""
        return cls(attempts=0)

    @property
    def delays_s(self) -> tuple[float, ...]:
        """The waits in seconds, in order."""
        return tuple(self.base_s * 2**n for n in range(self.attempts))


def may_repeat(failure: Exception, endpoint: str) -> bool:
    """Whether a call to *endpoint* that ended in *failure* may be sent again, with a fresh nonce."""
    if isinstance(failure, KrakenError):
        if failure.retry is Retry.FRESH_NONCE:
            return True
        return failure.retry is Retry.READ_ONLY and endpoint in READ_ONLY
    return _passing(failure) and endpoint in READ_ONLY


def _passing(failure: Exception) -> bool:
    """Whether a failure without an answer may be gone next time."""
    if isinstance(failure, requests.HTTPError) and failure.response is not None:
        return failure.response.status_code >= 500
    # Certificates, proxies and headers that requests refuses stay as they are.
    lasting = (requests.exceptions.SSLError, requests.exceptions.ProxyError)
    return isinstance(failure, (requests.Timeout, requests.ConnectionError)) and not isinstance(failure, lasting)
