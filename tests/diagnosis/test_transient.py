"""Which failures pass by themselves: a field of the cause, and what all that retries goes by."""

from __future__ import annotations

import pytest
import requests

from kraken_doctor.client.retry import may_repeat
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.errors import STRINGS, KrakenError, Retry
from kraken_doctor.model.cause import Transient

TRANSIENT = {
    "connection-reset", "read-timeout", "edge-error", "response-invalid", "dns-failed", "connection-refused",
    "connection-timeout", "exchange-maintenance", "exchange-restricted", "exchange-unavailable", "exchange-busy",
    "exchange-error", "exchange-throttled", "rate-limited",
}  # fmt: skip
AT_ONCE = {
    "connection-reset", "read-timeout", "edge-error", "response-invalid", "exchange-unavailable", "exchange-busy",
    "exchange-error",
}  # fmt: skip


def test_which_they_are() -> None:
    """A change here is one of what is sent again: certificates, refusals and lockouts never are."""
    assert {cause.id for cause in CAUSES.values() if cause.transient} == TRANSIENT
    assert {cause.id for cause in CAUSES.values() if cause.transient is Transient.INSTANT} == AT_ONCE


@pytest.mark.parametrize("kind", sorted(set(STRINGS.values()), key=str))
def test_the_table_of_kraken_s_strings_agrees(kind: type[KrakenError]) -> None:
    """What a client may send again is transient; what forbids every retry and is of the key is not."""
    transient = CAUSES[kind.cause].transient
    assert transient is not None or kind.retry is not Retry.READ_ONLY
    assert transient is None or kind.retry is Retry.READ_ONLY or kind.cause == "exchange-restricted"


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (requests.ConnectTimeout(), "connection-timeout"),
        (requests.ReadTimeout(), "read-timeout"),
        (requests.ConnectionError(ConnectionRefusedError()), "connection-refused"),
        (requests.ConnectionError(ConnectionResetError()), "connection-reset"),
        (requests.exceptions.SSLError(), "tls-untrusted"),
        (requests.exceptions.ProxyError(), "proxy-failed"),
        (requests.HTTPError(response=type("R", (), {"status_code": 502})()), "edge-error"),
        (requests.HTTPError(response=type("R", (), {"status_code": 403})()), "edge-blocked"),
    ],
)
def test_the_client_agrees(failure: Exception, cause: str) -> None:
    """It stands below the causes and goes by types, since a bot's exception names no cause."""
    assert may_repeat(failure, "Balance") is (CAUSES[cause].transient is not None)
    assert not may_repeat(failure, "AddOrder")
