"""Public calls, each asked once a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import requests

from kraken_doctor.client.wire import as_transport_error, error_strings
from kraken_doctor.clock import Clock
from kraken_doctor.errors import TransportError, is_failure, kraken_error


class PublicAnswer(NamedTuple):
    """An answer of the API, and when it was under way by this host's clock."""

    result: Mapping[str, Any]
    headers: Mapping[str, str]
    """Names in lower case."""
    sent_ns: int
    received_ns: int
    latency_s: float


class PublicApi:
    """
    The public side of one exchange, for a run that wants few calls.

    Args:
        url: Base URL.
        session: Sends the requests; its proxies and authorities apply.
        timeout_s: For one call.
        clock: Stamps the answers.
    """

    def __init__(self, url: str, session: requests.Session, timeout_s: float, clock: Clock) -> None:
        self.url = url
        self._session = session
        self._timeout_s = timeout_s
        self._clock = clock
        self._guard = threading.Lock()
        self._asked: dict[str, _Once] = {}

    def ask(self, endpoint: str) -> PublicAnswer:
        """
        ``GET /0/public/<endpoint>``; later callers get the first one's answer, or its failure.

        Raises:
            TransportError: No answer of the API.
            KrakenError: The API refused.
        """
        with self._guard:
            once = self._asked.setdefault(endpoint, _Once(lambda: self._ask(endpoint)))
        return once.get()

    def _ask(self, endpoint: str) -> PublicAnswer:
        sent_ns, began = self._clock.now_ns(), self._clock.monotonic()
        try:
            response = self._session.get(
                f"{self.url}/0/public/{endpoint}", timeout=self._timeout_s, allow_redirects=False
            )
            received_ns, latency_s = self._clock.now_ns(), self._clock.monotonic() - began
            if response.status_code != 200:
                raise requests.HTTPError(response=response)
            answer = response.json()
        except requests.RequestException as exc:
            raise as_transport_error(exc) from exc
        errors = error_strings(answer)
        if is_failure(errors):
            raise kraken_error(errors)
        result = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(result, dict):
            raise TransportError("response-invalid", f"{endpoint}: JSON, but without the API's result")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return PublicAnswer(
            result=result, headers=headers, sent_ns=sent_ns, received_ns=received_ns, latency_s=latency_s
        )


class _Once:
    """A call that is made by the first who asks; the others wait for it."""

    def __init__(self, call: Callable[[], PublicAnswer]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._answer: PublicAnswer | None = None
        self._failure: Exception | None = None

    def get(self) -> PublicAnswer:
        with self._lock:
            if self._answer is None and self._failure is None:
                try:
                    self._answer = self._call()
                except Exception as exc:  # noqa: BLE001 - kept for every caller, and raised below
                    self._failure = exc
        if self._answer is None:
            raise self._failure or RuntimeError("unreachable")
        return self._answer
