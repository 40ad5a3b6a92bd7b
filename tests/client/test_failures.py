"""What a call failed with, as the step of the way that failed."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import requests
import urllib3

from kraken_doctor.network.answer import as_transport_error, error_strings

_POOL: Any = None
_SILENT = urllib3.exceptions.ReadTimeoutError(_POOL, "/", "Read timed out.")
_NO_ROUTE = urllib3.exceptions.MaxRetryError(_POOL, "/", urllib3.exceptions.NewConnectionError(_POOL, "no route"))


def _untrusted() -> ssl.SSLCertVerificationError:
    exc = ssl.SSLCertVerificationError()
    exc.verify_code, exc.verify_message = 18, "self-signed certificate"
    return exc


def answered(status: int) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason, response._content = status, "Reason", b""
    return response


@pytest.mark.parametrize(
    ("failure", "kind", "detail"),
    [
        (requests.HTTPError(response=answered(502)), "edge-error", "HTTP 502 Reason"),
        (requests.exceptions.InvalidHeader("header b'key'"), "credentials-damaged", "can't be sent as a header"),
        (requests.exceptions.ProxyError("refused"), "proxy-failed", "refused"),
        (requests.exceptions.InvalidProxyURL("no host"), "proxy-failed", "no host"),
        (requests.exceptions.InvalidSchema("Missing SOCKS"), "proxy-failed", "Missing SOCKS"),
        (requests.exceptions.ConnectTimeout("slow"), "connection-timeout", "slow"),
        (requests.exceptions.ReadTimeout("silent"), "read-timeout", "silent"),
        (requests.exceptions.JSONDecodeError("no JSON", "", 0), "response-invalid", "no JSON"),
        (requests.exceptions.ContentDecodingError("no gzip"), "response-invalid", "no gzip"),
        # Where the system has said nothing, urllib3 has.
        (requests.exceptions.SSLError("something of TLS"), "tls-failed", "something of TLS"),
        (requests.exceptions.SSLError(_untrusted()), "tls-untrusted", "self-signed certificate"),
        (requests.ConnectionError(_SILENT), "read-timeout", "Read timed out"),
        (requests.ConnectionError(_NO_ROUTE), "connection-timeout", "no route"),
        (requests.ConnectionError(ConnectionRefusedError(111, "Connection refused")), "connection-refused", "refused"),
        (requests.ConnectionError("cut"), "connection-reset", "cut"),
        (requests.ConnectionError(), "connection-reset", ""),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_each_failure_has_its_step(failure: requests.RequestException, kind: str, detail: str) -> None:
    """By its type, by what the system said, by what urllib3 said; and in words."""
    found = as_transport_error(failure)
    assert found.kind == kind
    assert detail in found.detail


def test_the_key_is_not_in_the_words() -> None:
    """requests quotes the header that it refuses."""
    assert "b'key'" not in str(as_transport_error(requests.exceptions.InvalidHeader("header b'key'")))


@pytest.mark.parametrize(
    ("answer", "errors"),
    [
        ({"error": ["EFoo:Bar", 5]}, ("EFoo:Bar", "5")),
        ({"error": []}, ()),
        ({"error": "EFoo:Bar"}, ()),
        ({"result": 1}, ()),
        ([{"error": ["EFoo:Bar"]}], ()),
        (None, ()),
    ],
)
def test_the_errors_of_an_answer(answer: object, errors: tuple[str, ...]) -> None:
    """A list of texts, or none."""
    assert error_strings(answer) == errors
