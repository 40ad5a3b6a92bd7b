"""Public calls, each made once a run."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

import requests

from kraken_doctor.clock import Clock
from kraken_doctor.error_strings import is_failure, kraken_error
from kraken_doctor.errors import TransportError
from kraken_doctor.network import answer as answers
from kraken_doctor.network.connection import Timing
from kraken_doctor.network.edge import from_foreign_response
from kraken_doctor.network.transport import timing_of


class PublicAnswer(NamedTuple):
    """An answer of the API, and when it was under way by this host's clock."""

    result: Mapping[str, Any]
    headers: Mapping[str, str]
    """Names in lower case."""
    sent_ns: int
    """When the request was sent, at the earliest."""
    received_ns: int
    """When the answer began to come, at the latest."""
    latency_s: float
    """Of the call as a whole, connecting included."""
    timing: Timing | None = None
    """Its parts, where the session measures them."""


class PublicApi:
    """
    Make the public calls of a run: each once, however many checks ask for it.

    Args:
        url: Base URL.
        session: Sends the requests; its proxies and authorities apply.
        timeout_s: For one call.
        clock: Stamps the answers.
    """

    def __init__(self, url: str, session: requests.Session, timeout_s: float, clock: Clock) -> None:
        self.url = url
        self._session, self._timeout_s, self._clock = session, timeout_s, clock
        self._guard = threading.Lock()
        self._asked: dict[str, Future[PublicAnswer]] = {}
        self.dates: dict[str, tuple[str, int, int]] = {}
        """By endpoint: the ``Date`` of whatever answered last, between which two times by this host's clock."""

    def ask(self, endpoint: str, *, again: bool = False) -> PublicAnswer:
        """
        Return the answer to ``GET /0/public/<endpoint>``; later callers get the first one's, or its failure.

        Args:
            endpoint: ``Time``, …
            again: Make the call in any case; from then on its answer is the one that others get.

        Raises:
            TransportError: No answer of the API.
            KrakenError: The API refused.
        """
        with self._guard:
            mine = again or endpoint not in self._asked
            call = self._asked[endpoint] = Future() if mine else self._asked[endpoint]
        if mine:
            try:
                call.set_result(self._ask(endpoint))
            except BaseException as exc:
                call.set_exception(exc)  # those who wait for it must not wait for ever
                raise
        return call.result()

    def answers(self) -> list[PublicAnswer]:
        """Return the answers that have come so far, without a call."""
        with self._guard:
            asked = list(self._asked.values())
        return [call.result() for call in asked if call.done() and call.exception() is None]

    def _ask(self, endpoint: str) -> PublicAnswer:
        url = f"{self.url}/0/public/{endpoint}"
        called_ns, began = self._clock.now_ns(), self._clock.monotonic()
        try:
            with answers.map_value_errors():
                response = self._session.get(url, timeout=self._timeout_s, allow_redirects=False, auth=answers.no_auth)
            latency_s, timing = self._clock.monotonic() - began, timing_of(response)
            # The time that the answer names lies between the two; connecting would only blur it. The later one must not
            # be pieced together from the parts of the call: a busy processor spends time between them. Nor is it read
            # from the wall clock again, which may have been set while the call was under way.
            sent_ns = called_ns + round((timing.until_sent_s if timing else 0) * 1e9)
            received_ns = called_ns + round(latency_s * 1e9)
            self.dates[endpoint] = response.headers.get("date", ""), sent_ns, received_ns
            if response.status_code != 200:
                raise requests.HTTPError(response=response)
            answer = answers.parse_json(response)
        except requests.exceptions.JSONDecodeError as exc:
            raise from_foreign_response(response) from exc
        except requests.RequestException as exc:
            raise answers.api_error(exc) from exc
        errors = answers.error_strings(answer)
        flaw = answers.envelope_problem(answer, endpoint)
        if not flaw and is_failure(errors):
            raise kraken_error(errors)
        if flaw or not isinstance(result := answer.get("result"), dict):
            raise TransportError("response-invalid", f"{endpoint}: {flaw or 'a result that is not an object'}")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return PublicAnswer(result, headers, sent_ns, received_ns, latency_s, timing)
