"""krakenex's HTTP step, and what its answers say, without krakenex's traps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
import urllib3

from kraken_doctor.client.edge import not_the_api
from kraken_doctor.client.forked import begin_anew_in_child
from kraken_doctor.client.redirects import keep_home
from kraken_doctor.client.route import own_proxies, proxies_for
from kraken_doctor.client.safety import redact_exception
from kraken_doctor.errors import TransportError, is_failure
from kraken_doctor.network.failures import said, transport_error


class StagedPost:
    """
    Send one private call in three steps, of which only the middle one needs the key's turn.

    What requests looks up in the environment takes as long as the signature, and reading the answer too: done
    inside the turn, both would hold up every other call of the key.
    """

    def __init__(self, api: Any, urlpath: str, timeout_s: float) -> None:
        self._api = api
        self._url = api.uri + urlpath
        self._timeout_s = timeout_s
        begin_anew_in_child(api.session)
        proxies = proxies_for(api.session, self._url)
        self._settings = api.session.merge_environment_settings(self._url, proxies, None, None, None)

    def send(
        self, data: Mapping[str, Any], headers: Mapping[str, str], sending: Callable[[], None]
    ) -> requests.Response:
        """
        Send *data*; redirects are not followed: requests would repeat the key's headers to wherever they point.

        *sending* is called just before something may leave.

        Raises:
            requests.RequestException: No answer.
        """
        # The password of a .netrc file has no place in this API, and looking for one costs as much as signing.
        request = requests.Request("POST", self._url, data=data, headers=dict(headers), auth=as_it_is)
        session = self._api.session
        prepared = session.prepare_request(request)
        sending()
        with answer_judged():
            response: requests.Response = session.send(
                prepared, timeout=self._timeout_s, allow_redirects=False, **self._settings
            )
        return response

    def read(self, response: requests.Response) -> Any:
        """Return the answer as krakenex gives it, or raise what krakenex raises."""
        return _read(self._api, response)


class SubclassTransport:
    """Send by the ``_query`` of a subclass that overrides it: all of it inside the turn."""

    def __init__(self, api: Any, urlpath: str, timeout_s: float) -> None:
        self._api, self._urlpath, self._timeout_s = api, urlpath, timeout_s

    def send(self, data: Mapping[str, Any], headers: Mapping[str, str], sending: Callable[[], None]) -> Any:
        """Return whatever its ``_query`` gives; see `StagedPost.send`."""
        keep_home(self._api.session)
        sending()
        return self._api._query(self._urlpath, data, headers, timeout=self._timeout_s)  # noqa: SLF001

    def read(self, answer: Any) -> Any:
        """Return *answer*, which the subclass has read."""
        return answer


def as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """In the place of a login: none, not even the one that a .netrc file has for this host."""
    return request


def query(
    api: Any,
    urlpath: str,
    data: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    timeout_s: float | None,
) -> Any:
    """
    Do what ``krakenex.API._query`` does, with two differences.

    The response is judged from a local variable: krakenex reads ``self.response`` back, which another thread
    may have replaced meanwhile. And redirects are not followed.

    Raises:
        requests.RequestException: As krakenex raises it; also for a redirect.
    """
    begin_anew_in_child(api.session)
    send = {"headers": dict(headers or {}), "timeout": timeout_s, "allow_redirects": False}
    send |= {"proxies": proxies_for(api.session, api.uri)}
    try:
        with answer_judged():
            if "/public/" in urlpath:
                response = api.session.get(api.uri + urlpath, params=data, **send)
            else:
                response = api.session.post(api.uri + urlpath, data=data, **send)
        return _read(api, response)
    except requests.RequestException as exc:
        redact_exception(exc, api.key, api.secret, settings=own_proxies(api.session))
        raise


@contextmanager
def answer_judged() -> Iterator[None]:
    """
    Inside, what requests makes of an answer fails as one of its own exceptions.

    It looks where a redirect leads also when it is not to follow, and a Location that is no URL is a bare ValueError.
    """
    try:
        yield
    except (requests.RequestException, UnicodeError):  # the latter is of what was to be sent
        raise
    except ValueError as exc:
        raise requests.exceptions.ContentDecodingError(f"the answer can't be read: {exc}") from exc


def _read(api: Any, response: requests.Response) -> Any:
    api.response = response
    if response.status_code not in (200, 201, 202):
        response.raise_for_status()
        raise requests.HTTPError(f"{response.status_code} is no answer of the API: {response.url}", response=response)
    try:
        return json_of(response, **getattr(api, "_json_options", {}))
    except requests.exceptions.JSONDecodeError as exc:
        exc.response = response  # who sent it instead is in the page and its headers
        raise


def json_of(response: requests.Response, **options: Any) -> Any:
    """
    The JSON of *response*.

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
    """The ``error`` list of an answer; empty if the answer has none."""
    errors = answer.get("error") if isinstance(answer, dict) else None
    return tuple(str(error) for error in errors) if isinstance(errors, list) else ()


# Documented with an object as result: https://docs.kraken.com/api-reference. Others give a list, or only "true".
_OBJECTS = frozenset({
    "AddOrder", "AddOrderBatch", "AmendOrder", "Balance", "BalanceEx", "CancelAll", "CancelOrder", "ClosedOrders",
    "EditOrder", "GetApiKeyInfo", "GetWebSocketsToken", "Ledgers", "OpenOrders", "QueryLedgers", "QueryOrders",
    "QueryTrades", "TradeBalance", "TradeVolume", "TradesHistory",
})  # fmt: skip


def flaw_of(answer: object, endpoint: str) -> str:
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


def outcome_of_answer(answer: object, endpoint: str) -> str:
    """
    Return what a record says of *answer*: ``ok``, the strings of a refusal, or ``response-invalid``.

    Args:
        answer: As JSON values; or what another client has of it: a ``requests.Response``, the bytes of an archive.
        endpoint: ``Balance``, …
    """
    if archive_in(answer, endpoint):
        return "ok"
    answer = getattr(answer, "content", answer)
    if isinstance(answer, (bytes, str)):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError):
            answer = None
    errors = error_strings(answer)
    if flaw_of(answer, endpoint):
        return "response-invalid"
    return ", ".join(errors) if is_failure(errors) else "ok"


def archive_in(source: object, endpoint: str) -> bytes | None:
    """
    Return the archive that *endpoint* is answered with; None where there is none.

    Args:
        source: Bytes, a response, or the exception that krakenex has instead of its JSON.
        endpoint: ``RetrieveExport`` is the one.
    """
    response = getattr(source, "response", source)
    content = getattr(response, "content", response)
    return content if endpoint == "RetrieveExport" and isinstance(content, bytes) and content[:2] == b"PK" else None


def as_transport_error(exc: requests.RequestException | UnicodeEncodeError) -> TransportError:
    """*exc* as the step of the way that failed."""
    response = getattr(exc, "response", None)
    answered = (requests.HTTPError, requests.exceptions.JSONDecodeError)
    if isinstance(exc, answered) and response is not None:
        return not_the_api(response)
    if isinstance(exc, (requests.exceptions.InvalidHeader, UnicodeEncodeError)):
        # requests and Python quote the header, and the header is the key.
        return TransportError("credentials-damaged", "the key can't be sent as a header")
    for types, kind in _SAID_BY_TYPE:
        if isinstance(exc, types):
            return TransportError(kind, said(exc))
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
    The step, where the system's own word is none that tells.

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
