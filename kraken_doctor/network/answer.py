"""What an answer of the API is: its JSON, its errors, its flaws; and what an exception of requests means."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
import urllib3

from kraken_doctor.error_strings import is_failure, kraken_error
from kraken_doctor.errors import KrakenError, TransportError
from kraken_doctor.network.edge import from_foreign_response
from kraken_doctor.network.failures import layers, root_message, transport_error
from kraken_doctor.tables import load


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Log in nowhere: without an ``auth`` requests would send what a .netrc file has for this host."""
    return request


@contextmanager
def map_value_errors() -> Iterator[None]:
    """
    Turn a ValueError that an answer causes inside requests into one of requests' own exceptions.

    It looks where a redirect leads also when it is not to follow, and a Location that is no URL is a bare ValueError.
    """
    try:
        yield
    except (requests.RequestException, UnicodeError):  # the latter is of what was to be sent
        raise
    except ValueError as exc:
        raise requests.exceptions.ContentDecodingError(f"the answer can't be read: {exc}") from exc


def parse_json(response: requests.Response, **options: Any) -> Any:
    """
    Return the JSON of *response*.

    Raises:
        requests.exceptions.JSONDecodeError: It is none that can be read. What Python raises by itself for a number of
            5,000 digits, for JSON nested too deep, or for a charset that can't decode, is one too.
    """
    try:
        return response.json(**options)
    except requests.exceptions.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as exc:
        raise requests.exceptions.JSONDecodeError(str(exc), "", 0) from exc


def error_strings(answer: object) -> tuple[str, ...]:
    """Return the ``error`` list of an answer; empty if the answer has none."""
    errors = answer.get("error") if isinstance(answer, dict) else None
    return tuple(str(error) for error in errors) if isinstance(errors, list) else ()


_OBJECTS = frozenset(load(__file__, "answer.toml")["objects"])
"""Endpoints with an object as result."""


def envelope_problem(answer: object, endpoint: str) -> str:
    """
    Return why *answer* is not the API's envelope; empty where it is.

    That is a JSON object whose ``error`` is a list of strings, with a ``result`` unless that list has any:
    https://docs.kraken.com/exchange/guides/rest/introduction. An empty account's ``Balance`` may have none.
    """
    if not isinstance(answer, dict):
        return f"JSON, but not the API's: {type(answer).__name__}"
    errors = answer.get("error")
    if not isinstance(errors, list) or not all(isinstance(error, str) and error.strip() for error in errors):
        return "JSON, but without the API's list of errors"
    result = answer.get("result")
    if is_failure(errors) or (result is None and (errors or endpoint == "Balance")):
        return ""
    if "result" not in answer:
        return "JSON, but without the API's result"
    return f"a result of type {type(result).__name__}" if endpoint in _OBJECTS and not isinstance(result, dict) else ""


_FORM = re.compile(r"\s*E[A-Z][A-Za-z]{1,20}\s*:")
"""Of Kraken's errors, known or not: ``E<category>:<text>``."""


def api_error(exc: requests.RequestException | UnicodeEncodeError) -> KrakenError | TransportError:
    """Return *exc* as the API's own refusal, where that came with another status than 200; else as no answer."""
    failure = as_transport_error(exc)
    response = getattr(exc, "response", None)
    if isinstance(exc, requests.HTTPError) and response is not None:
        with suppress(requests.exceptions.JSONDecodeError):
            answer = parse_json(response)
            errors = error_strings(answer)
            # A gateway's {"error": ["Forbidden"]} is none of Kraken's.
            if not envelope_problem(answer, "") and is_failure(errors) and any(map(_FORM.match, errors)):
                return kraken_error(errors, failure.seen)
    return failure


def as_transport_error(exc: requests.RequestException | UnicodeEncodeError) -> TransportError:
    """Return *exc* as the step of the connection that failed."""
    response = getattr(exc, "response", None)
    answered = (requests.HTTPError, requests.exceptions.JSONDecodeError)
    if isinstance(exc, answered) and response is not None:
        return from_foreign_response(response)
    if isinstance(exc, (requests.exceptions.InvalidHeader, UnicodeEncodeError)):
        # requests and Python quote the header, and the header is the key.
        return TransportError("credentials-damaged", "the key can't be sent as a header")
    if ours := next((inner for inner in layers(exc) if isinstance(inner, TransportError)), None):
        return ours
    for types, kind in _SAID_BY_TYPE:
        if isinstance(exc, types):
            return TransportError(kind, root_message(exc))
    return transport_error(exc, _by_step(exc))


_SAID_BY_TYPE: tuple[tuple[type[requests.RequestException], str], ...] = (
    (requests.exceptions.ProxyError, "proxy-failed"),
    (requests.exceptions.InvalidProxyURL, "proxy-failed"),
    # Raised for a SOCKS proxy without PySocks; the API's own URL has been checked before.
    (requests.exceptions.InvalidSchema, "proxy-failed"),
    (requests.exceptions.ConnectTimeout, "connection-timeout"),
    (requests.exceptions.ReadTimeout, "read-timeout"),
    (requests.exceptions.InvalidJSONError, "response-invalid"),
    (requests.exceptions.ContentDecodingError, "response-invalid"),
)


def _by_step(exc: requests.RequestException) -> str:
    """
    Return the step that failed, where the operating system's error does not say it.

    requests has one type for all that can go wrong with a connection; urllib3's exception inside tells them apart.
    """
    if isinstance(exc, requests.exceptions.SSLError):
        return "tls-failed"
    inner = exc.args[0] if exc.args else None
    if isinstance(inner, urllib3.exceptions.ReadTimeoutError):
        return "read-timeout"  # the body was too slow
    if isinstance(getattr(inner, "reason", None), urllib3.exceptions.NewConnectionError):
        return "connection-timeout"  # no route: nobody at the other end said anything
    return "connection-reset"
