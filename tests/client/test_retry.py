"""What may be sent again, and what never: each failure, for a read and for an order."""

from __future__ import annotations

import pytest
import requests

from kraken_doctor import RetryPolicy
from kraken_doctor.client.retry import READ_ONLY, may_repeat
from kraken_doctor.error_strings import kraken_error


def http_error(status: int | None) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status or 0
    return requests.HTTPError(response=response if status else None)


FAILURES: list[tuple[Exception, bool, bool]] = [
    # The failure; whether a read goes again, and an order.
    (kraken_error(("EAPI:Invalid nonce",)), True, True),
    (kraken_error(("EService:Unavailable",)), True, False),
    (kraken_error(("EAPI:Invalid key",)), False, False),
    (kraken_error(("EFoo:Bar",)), False, False),
    (http_error(500), True, False),
    (http_error(502), True, False),
    (http_error(499), False, False),
    (http_error(302), False, False),
    (http_error(None), False, False),
    (requests.ConnectTimeout(), True, False),
    (requests.ReadTimeout(), True, False),
    (requests.ConnectionError(), True, False),
    (requests.exceptions.SSLError(), False, False),
    (requests.exceptions.ProxyError(), False, False),
    (requests.exceptions.InvalidHeader(), False, False),
    (requests.exceptions.JSONDecodeError("", "", 0), False, False),
    (ValueError(), False, False),
]


@pytest.mark.parametrize(("failure", "read", "order"), FAILURES, ids=[repr(failure) for failure, *_ in FAILURES])
def test_each_failure(failure: Exception, read: bool, order: bool) -> None:
    """Refused before execution goes again; what may have been executed only where it changes nothing."""
    assert may_repeat(failure, "Balance") is read
    assert may_repeat(failure, "AddOrder") is order


def test_what_only_reads() -> None:
    """By name, so that an endpoint that is new is not taken for one; what each does is in Kraken's reference,
    https://docs.kraken.com/api-reference."""
    documented = """
        Balance BalanceEx CreditLines TradeBalance OpenOrders ClosedOrders QueryOrders OrderAmends TradesHistory
        QueryTrades OpenPositions Ledgers QueryLedgers TradeVolume ExportStatus GetApiKeyInfo
        DepositMethods DepositStatus WithdrawMethods WithdrawAddresses WithdrawInfo WithdrawStatus
    """
    assert sorted(READ_ONLY) == sorted(documented.split())
    # It makes a new address each time with `new`; the others move money, orders or rights.
    for name in ("DepositAddresses", "AddOrder", "CancelAll", "Withdraw", "WalletTransfer", "AddExport"):
        assert name not in READ_ONLY


def test_the_waits() -> None:
    """Twice as long each time; none for one attempt."""
    assert RetryPolicy().delays_s == (5.0, 10.0, 20.0, 40.0)
    assert RetryPolicy(1.5, 2).delays_s == (1.5, 3.0)
    assert RetryPolicy.none().delays_s == ()
