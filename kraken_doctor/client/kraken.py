"""`krakenex.API` without invalid nonces."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack

import krakenex
import requests

from kraken_doctor.client.calls import PrivateCalls
from kraken_doctor.client.guarding import cleaned, refuse_demo_key
from kraken_doctor.client.options import CallKeywords, CallOptions
from kraken_doctor.client.wire import archive_in, as_transport_error, error_strings, flaw_of, query
from kraken_doctor.errors import TransportError, is_failure, kraken_error
from kraken_doctor.network.url import checked_url

logger = logging.getLogger(__name__)


class KrakenClient(krakenex.API):  # type: ignore[misc] # krakenex has no types
    """
    A ``krakenex.API`` whose private calls arrive in order and are never refused for their nonce.

    Usable wherever a ``krakenex.API`` is expected, from any number of threads.

    Args:
        key: The API key.
        secret: The private key, base64.
        url: The API's base URL; ``http://`` for loopback alone.
        session: Another ``requests.Session``; it is then the caller's to close.
        options: The fields of `CallOptions`: store, unit, timeout, retry, otp, in_order, …

    Raises:
        ConfigurationError: *url* can't be used; or *key* is a demo key of the sandbox, and *url* another host.
    """

    def __init__(
        self,
        key: str = "",
        secret: str = "",
        *,
        url: str | None = None,
        session: requests.Session | None = None,
        **options: Unpack[CallKeywords],
    ) -> None:
        self._local = threading.local()
        super().__init__(key, secret)
        if url is not None:
            self.uri = checked_url(url)
        refuse_demo_key(key, self.uri)
        self._owns_session = session is None
        if session is not None:
            self.session = session
        self._calls = PrivateCalls(self, CallOptions(**options))

    def query_private(self, method: str, data: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """
        A private call; krakenex's own answer, ``{"error": [...], "result": {...}}``.

        Raises:
            NonceError: No nonce, or no turn: nothing was sent.
            requests.RequestException: No answer of the API, after the last attempt.
        """
        return self._calls.query(method, data, timeout)

    def call(self, method: str, data: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """
        A private call; its ``result``, or a typed error.

        An empty account may have no result: None. Of ``RetrieveExport`` it is the archive's bytes. Warnings of the API
        beside a result (``W...``) are logged.

        Raises:
            KrakenError: The API refused; the subclass says why.
            NonceError: No nonce, or no turn: nothing was sent.
            TransportError: No answer of the API, or one that has not its form.
        """
        try:
            answer = self._calls.query(method, data, timeout)
        except (requests.RequestException, UnicodeEncodeError) as exc:
            if archive := archive_in(exc, method):
                return archive
            raise as_transport_error(exc) from exc
        if flaw := flaw_of(answer, method):
            raise TransportError("response-invalid", flaw)
        # What a server says goes into logs, and some servers repeat what they were sent.
        errors = [cleaned(text, self.key, self.secret, self._calls.options.otp) for text in error_strings(answer)]
        if is_failure(errors):
            raise kraken_error(errors)
        if errors:
            logger.warning("%s: accepted, with %s", method, ", ".join(errors))
        return answer.get("result")

    @property
    def response(self) -> Any:
        """The last response that this thread received; krakenex keeps one for all threads."""
        return getattr(self._local, "response", None)

    @response.setter
    def response(self, response: Any) -> None:
        self._local.response = response

    def close(self) -> None:
        """Close the session, unless it came from the caller."""
        if self._owns_session:
            self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _nonce(self) -> int:
        return self._calls.nonce()

    def _query(
        self,
        urlpath: str,
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        return query(self, urlpath, data, headers, self._calls.options.timeout if timeout is None else timeout)
