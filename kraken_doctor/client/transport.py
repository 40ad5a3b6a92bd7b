"""krakenex's HTTP step, its parameters and what its answers say, without krakenex's traps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import requests

from kraken_doctor.client.safety import redact_exception
from kraken_doctor.error_strings import is_failure
from kraken_doctor.network.answer import envelope_problem, error_strings, map_value_errors, no_auth, parse_json
from kraken_doctor.network.route import proxies_for, session_proxies, settings_for
from kraken_doctor.network.sessions import refuse_redirects, reset_in_child


class PostParams(Mapping[str, str]):
    """
    Hold the parameters of a call as pairs of strings, in the order given.

    krakenex signs ``urllib.parse.urlencode(data)``, requests sends its own encoding of the same dict. The two
    differ for lists, None and dicts, and Kraken answers such a call with ``EAPI:Invalid key``. Both ask a
    mapping for its `items`: here these are plain pairs, so both encode the same bytes.

    Lists become repeated names and None is left out, as requests does it.

    Raises:
        TypeError: A value is a dict; Kraken's spelling is a name with brackets, ``close[ordertype]``.
    """

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        self._pairs = [(str(name), text) for name, value in (data or {}).items() for text in _texts(name, value)]

    def with_fields(self, **fields: str) -> PostParams:
        """Return new parameters with *fields* set; the caller's dict and these stay as they are."""
        params = PostParams(None)
        params._pairs = [pair for pair in self._pairs if pair[0] not in fields]
        params._pairs.extend(fields.items())
        return params

    def __getitem__(self, name: str) -> str:
        return dict(reversed(self._pairs))[name]  # of a repeated name the first

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override] # with repeated names, unlike a dict
        return list(self._pairs)


def _texts(name: str, value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        raise TypeError(f"parameter {name!r} is a dict; spell its entries as '{name}[entry]' parameters")
    if isinstance(value, bytes):
        return [value.decode()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [text for item in value for text in _texts(name, item)]
    return [str(value)]


Fields = Mapping[str, Any] | None
"""Parameters, or headers, as a bot passes them to krakenex."""


class StagedPost:
    """
    Send one private call in three steps, of which only the middle one needs the key's turn.

    What requests looks up in the environment takes as long as the signature, and reading the answer too: done
    inside the turn, both would hold up every other call of the key.
    """

    def __init__(self, api: Any, urlpath: str, timeout_s: float) -> None:
        self._api = api
        self._url = api.uri + urlpath
        reset_in_child(api.session)
        self._settings = settings_for(api.session, self._url) | {"timeout": timeout_s, "allow_redirects": False}

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
        # Text, as it is signed, and as no parameters are: of a mapping, an empty one too, requests finds out again and
        # again what kind of thing it is, which takes a twentieth of a quick call.
        session, body = self._api.session, urlencode(data)
        none = None if session.params else ""
        request = requests.Request("POST", self._url, dict(headers), data=body, params=none, auth=no_auth)
        prepared = session.prepare_request(request)
        prepared.headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        sending()
        with map_value_errors():
            response: requests.Response = session.send(prepared, **self._settings)
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
        refuse_redirects(self._api.session)
        sending()
        return self._api._query(self._urlpath, data, headers, timeout=self._timeout_s)  # noqa: SLF001

    def read(self, answer: Any) -> Any:
        """Return *answer*, which the subclass has read."""
        return answer


def query(api: Any, urlpath: str, data: Fields, headers: Fields, timeout_s: float | None) -> Any:
    """
    Do what ``krakenex.API._query`` does, with two differences.

    The response is judged from a local variable: krakenex reads ``self.response`` back, which another thread
    may have replaced meanwhile. And redirects are not followed.

    Raises:
        requests.RequestException: As krakenex raises it; also for a redirect.
    """
    reset_in_child(api.session)
    send = {"headers": dict(headers or {}), "timeout": timeout_s, "allow_redirects": False}
    send |= {"proxies": proxies_for(api.session, api.uri)}
    try:
        with map_value_errors():
            if "/public/" in urlpath:
                response = api.session.get(api.uri + urlpath, params=data, **send)
            else:
                response = api.session.post(api.uri + urlpath, data=data, **send)
        return _read(api, response)
    except requests.RequestException as exc:
        redact_exception(exc, api.key, api.secret, settings=session_proxies(api.session))
        raise


def _read(api: Any, response: requests.Response) -> Any:
    api.response = response
    if response.status_code not in (200, 201, 202):
        response.raise_for_status()
        raise requests.HTTPError(f"{response.status_code} is not an API answer: {response.url}", response=response)
    try:
        return parse_json(response, **getattr(api, "_json_options", {}))
    except requests.exceptions.JSONDecodeError as exc:
        exc.response = response  # who sent it instead is in the page and its headers
        raise


def outcome_of_answer(answer: object, endpoint: str) -> str:
    """
    Return what a record says of *answer*: ``ok``, the strings of a refusal, or ``response-invalid``.

    Args:
        answer: As JSON values; or what another client has of it: a ``requests.Response``, the bytes of an archive.
        endpoint: ``Balance``, …
    """
    if export_archive(answer, endpoint):
        return "ok"
    answer = getattr(answer, "content", answer)
    if isinstance(answer, (bytes, str)):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError):
            answer = None
    errors = error_strings(answer)
    if envelope_problem(answer, endpoint):
        return "response-invalid"
    return ", ".join(errors) if is_failure(errors) else "ok"


def export_archive(source: object, endpoint: str) -> bytes | None:
    """
    Return the archive that *endpoint* is answered with; None where there is none.

    Args:
        source: Bytes, a response, or the exception that krakenex has instead of its JSON.
        endpoint: ``RetrieveExport`` is the one.
    """
    response = getattr(source, "response", source)
    content = getattr(response, "content", response)
    return content if endpoint == "RetrieveExport" and isinstance(content, bytes) and content[:2] == b"PK" else None
