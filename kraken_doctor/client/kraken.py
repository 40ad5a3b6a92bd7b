"""
Private calls of `krakenex.API`, one in flight per key, signed anew and retried where that is safe.

`KrakenClient` is a subclass that makes them so; `install` gives an object that somebody else made the same methods.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Self, Unpack

import krakenex
import requests

from kraken_doctor.client import transport
from kraken_doctor.client.adapters.krakenex import is_defined_in
from kraken_doctor.client.observers import log_safely
from kraken_doctor.client.options import CallKeywords, CallOptions
from kraken_doctor.client.retry import may_repeat
from kraken_doctor.client.safety import redact_exception, redacted, refuse_demo_key
from kraken_doctor.client.tracker import CallAttempt, CallTracker
from kraken_doctor.client.transport import Fields, PostParams, export_archive
from kraken_doctor.error_strings import is_failure, kraken_error
from kraken_doctor.errors import KrakenError, NonceError, TransportError
from kraken_doctor.network.answer import api_error, envelope_problem, error_strings
from kraken_doctor.network.route import session_proxies
from kraken_doctor.network.sessions import reset_in_child
from kraken_doctor.network.url import checked_url

logger = logging.getLogger(__name__)

_Failure = requests.RequestException | KrakenError


class KrakenexMethods:
    """The methods that replace krakenex's, in `KrakenClient` and in an object that `install` was given."""

    _kraken_doctor: KrakenexTracker

    def query_private(self, method: str, data: Fields = None, timeout: float | None = None) -> Any:
        """Make the call of krakenex with order, fresh nonces and retries: see `KrakenexTracker.query`."""
        theirs = getattr(super().query_private, "__code__", None)  # type: ignore[misc] # krakenex's
        if vars(self._kraken_doctor).setdefault("theirs", theirs) is not theirs:
            self._kraken_doctor.tell("query_private")  # put into the class since: a dry run, a limit on orders
            return super().query_private(method, data, timeout)  # type: ignore[misc]
        return self._kraken_doctor.query(self, method, data, timeout)

    def _nonce(self) -> int:
        return self._kraken_doctor.nonce(self.doctor_key_and_url()[0], self, "query_private")

    def doctor_key_and_url(self) -> tuple[str, str]:
        """Return the API key and the URL of a call that is made now."""
        return str(self.key), str(self.uri)  # type: ignore[attr-defined] # krakenex's

    def doctor_overrides_query(self) -> bool:
        """Return whether ``_query``, or how its session posts, is the bot's own: it had a reason, so theirs is used."""
        session = self.session  # type: ignore[attr-defined]
        posts = all(is_defined_in(requests.sessions, getattr(session, name, None)) for name in ("post", "request"))
        return "_query" in vars(self) or not (posts and is_defined_in(krakenex.api, super()._query))  # type: ignore[misc]

    def _query(self, urlpath: str, data: Fields, headers: Fields = None, timeout: float | None = None) -> Any:
        if self.doctor_overrides_query():
            return super()._query(urlpath, data, headers, timeout=timeout)  # type: ignore[misc] # krakenex's
        if "/private/" in urlpath and "query_private" in vars(self):
            self._kraken_doctor.tell("query_private")
        default = self._kraken_doctor.options.timeout
        return transport.query(self, urlpath, data, headers, default if timeout is None else timeout)


class KrakenexTracker(CallTracker):
    """Track the calls of a ``krakenex.API`` and of its copies: each has its own key, signature and session."""

    def query(self, api: Any, method: str, data: Fields = None, timeout: float | None = None) -> Any:
        """
        Return the API's own answer, as ``krakenex.API.query_private`` does, with order, fresh nonces and retries.

        Raises:
            NonceError: No nonce, or no turn: nothing was sent. What may pass is a ``requests.ConnectionError`` too.
            requests.RequestException: As krakenex raises it, after the last attempt.
        """
        try:
            return self._query(api, method, data, timeout)
        except BaseException as exc:
            redact_exception(exc, api.key, api.secret, self.options.otp, settings=session_proxies(api.session))
            raise

    def _query(self, api: Any, method: str, data: Fields, timeout: float | None) -> Any:
        if not api.key or not api.secret:
            raise ValueError("Either key or secret is not set! (Use `load_key()`.)")
        refuse_demo_key(*api.doctor_key_and_url())
        params = PostParams(data)
        timeout_s = self.options.timeout if timeout is None else timeout
        with self.also_network_error:
            for delay_s in self.options.retry.delays_s:
                try:
                    answer = self._attempt(api, method, params, timeout_s)
                except requests.RequestException as exc:
                    if not may_repeat(exc, method):
                        raise
                    failure: _Failure = exc
                else:
                    errors = () if envelope_problem(answer, method) else error_strings(answer)
                    if not is_failure(errors) or not may_repeat(kraken_error(errors), method):
                        return answer
                    failure = kraken_error(errors)
                # The turn is free while we wait: other calls of this key go on.
                self._log_retry(api, method, failure, delay_s)
                self.options.clock.sleep(delay_s)
            return self._attempt(api, method, params, timeout_s)

    def _log_retry(self, api: Any, method: str, failure: _Failure, delay_s: float) -> None:
        error = failure if isinstance(failure, KrakenError) else api_error(failure)
        shown = redacted(error.outcome, api.key, api.secret, self.options.otp)
        log_safely(logger, logging.WARNING, "%s: %s; retrying in %g s with a fresh nonce", method, shown, delay_s)

    def _attempt(self, api: Any, method: str, params: PostParams, timeout_s: float) -> Any:
        """Make one request: from taking the nonce to the answer inside the key's turn."""
        urlpath = f"/{api.apiversion}/private/{method}"
        kind = transport.SubclassTransport if api.doctor_overrides_query() else transport.StagedPost
        exchange, key = kind(api, urlpath, timeout_s), str(api.key)
        call = CallAttempt(self, key, method)
        try:
            with self.turn(key, timeout_s) as turn:
                response = exchange.send(*self._signed(api, params, urlpath, call.take_nonce(turn)), call.sending)
                call.answered()
            answer = exchange.read(response)
            call.judge(answer)
        except requests.RequestException as exc:
            failure = exc
            call.failed(lambda: "ok" if export_archive(failure, method) else api_error(failure).outcome)
            raise
        finally:
            call.close()
        return answer

    def _signed(self, api: Any, params: PostParams, urlpath: str, nonce: int) -> tuple[PostParams, dict[str, str]]:
        otp = self.options.otp
        signed = params.with_fields(nonce=str(nonce), **({} if otp is None else {"otp": otp}))
        # krakenex signs what urlencode makes of a mapping; `PostParams` sees to it that requests sends the same bytes.
        return signed, {"API-Key": api.key, "API-Sign": api._sign(signed, urlpath)}  # noqa: SLF001


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
            failure = api_error(exc)
            raise (self._refusal(failure) if isinstance(failure, KrakenError) else failure) from exc
        if flaw := envelope_problem(answer, method):
            raise TransportError("response-invalid", flaw)
        if errors := error_strings(answer):
            refusal = self._refusal(KrakenError(errors[0], errors))
            if is_failure(errors):
                raise refusal
            log_safely(logger, logging.WARNING, "%s: accepted, with %s", method, ", ".join(refusal.errors))
        return answer.get("result")

    def _refusal(self, found: KrakenError) -> KrakenError:
        """Return *found* typed and redacted: a server's words go into logs, and some repeat what they were sent."""
        otp = self._kraken_doctor.options.otp
        return kraken_error([redacted(text, self.key, self.secret, otp) for text in found.errors], found.seen)

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
