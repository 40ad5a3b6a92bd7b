"""`krakenex.API` without invalid nonces."""

import logging
import threading
from collections.abc import Mapping
from typing import Any, Self, Unpack

import krakenex
import requests

from kraken_doctor.client.calls import KrakenexMethods, KrakenexTracker
from kraken_doctor.client.observers import log_safely
from kraken_doctor.client.options import CallKeywords, CallOptions
from kraken_doctor.client.safety import redacted, refuse_demo_key
from kraken_doctor.client.wire import export_archive
from kraken_doctor.errors import NonceError, TransportError, is_failure, kraken_error
from kraken_doctor.network.answer import as_transport_error, envelope_problem, error_strings
from kraken_doctor.network.sessions import reset_in_child
from kraken_doctor.network.url import checked_url

logger = logging.getLogger(__name__)


class KrakenClient(KrakenexMethods, krakenex.API):  # type: ignore[misc] # krakenex has no types
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
        refuse_demo_key(*self.doctor_key_and_url())
        self._owns_session = session is None
        if session is not None:
            self.session = session
        self._kraken_doctor = KrakenexTracker(CallOptions(**options), requests.ConnectionError)
        reset_in_child(self.session)

    def call(self, method: str, data: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """
        Make a private call; return its ``result``, or raise a typed error.

        An empty account may have no result: None. Of ``RetrieveExport`` it is the archive's bytes. Warnings of the API
        beside a result (``W...``) are logged.

        Raises:
            KrakenError: The API refused; the subclass says why.
            NonceError: No nonce, or no turn: nothing was sent.
            TransportError: No answer of the API, or one that has not its form.
            HostLimitError: This process can't open another connection; nothing was sent.
        """
        try:
            answer = self.query_private(method, data, timeout)
        except NonceError:  # which is one of requests' as well
            raise
        except (requests.RequestException, UnicodeEncodeError) as exc:
            if archive := export_archive(exc, method):
                return archive
            raise as_transport_error(exc) from exc
        if flaw := envelope_problem(answer, method):
            raise TransportError("response-invalid", flaw)
        # What a server says goes into logs, and some servers repeat what they were sent.
        otp = self._kraken_doctor.options.otp
        errors = [redacted(text, self.key, self.secret, otp) for text in error_strings(answer)]
        if is_failure(errors):
            raise kraken_error(errors)
        if errors:
            log_safely(logger, logging.WARNING, "%s: accepted, with %s", method, ", ".join(errors))
        return answer.get("result")

    @property
    def response(self) -> Any:
        """Return the last response that this thread received; krakenex keeps one for all threads."""
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

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        # What a thread received last is nothing that a copy has received.
        return {name: value for name, value in vars(self).items() if name != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _local=threading.local())
