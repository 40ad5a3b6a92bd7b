"""What is retried, after which waits, and what never is because it may have been executed."""

from __future__ import annotations

from typing import NamedTuple

import requests

from kraken_doctor.errors import KrakenError, Retry, TurnHeldError
from kraken_doctor.model.defaults import RETRY_ATTEMPTS, RETRY_BASE_S
from kraken_doctor.tables import load

READ_ONLY = frozenset(load(__file__, "retry.toml")["read_only"])
"""
Calls that change nothing, and may be made twice; any other may have been executed when no answer came:
https://docs.kraken.com/api-reference
"""


class RetryPolicy(NamedTuple):
    """
    Say how long to wait before each further attempt.

    Args:
        base_s: Seconds before the second attempt; each later wait is twice the one before.
        attempts: Further attempts; with the defaults after 5, 10, 20 and 40 s.
    """

    base_s: float = RETRY_BASE_S
    attempts: int = RETRY_ATTEMPTS

    @classmethod
    def none(cls) -> RetryPolicy:
        """Return the policy that makes one attempt, whatever comes."""
        return cls(attempts=0)

    @property
    def delays_s(self) -> tuple[float, ...]:
        """Return the waits before the further attempts, in seconds."""
        return tuple(self.base_s * 2**n for n in range(self.attempts))


def may_repeat(failure: Exception, endpoint: str) -> bool:
    """
    Return whether a call to *endpoint* that ended in *failure* may be sent again, with a fresh nonce.

    A nonce is refused before execution: any call may follow. Everything else may have been executed when no answer, or
    an answer of a busy exchange, came back: an order sent again could be placed twice.
    """
    if isinstance(failure, KrakenError):
        if failure.retry is Retry.FRESH_NONCE:
            return True
        return failure.retry is Retry.READ_ONLY and endpoint in READ_ONLY
    return _is_transient(failure) and endpoint in READ_ONLY


def _is_transient(failure: Exception) -> bool:
    """Return whether a failure without an answer may be gone next time."""
    if isinstance(failure, requests.HTTPError) and failure.response is not None:
        return failure.response.status_code >= 500
    # Certificates, proxies and headers that requests refuses stay as they are, and so does a call inside a call.
    lasting = (requests.exceptions.SSLError, requests.exceptions.ProxyError, TurnHeldError)
    return isinstance(failure, (requests.Timeout, requests.ConnectionError)) and not isinstance(failure, lasting)
