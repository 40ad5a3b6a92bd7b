"""Private calls of one `krakenex.API`, one in flight a key."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

import krakenex
import requests

from kraken_doctor.client import wire
from kraken_doctor.client.form import Form
from kraken_doctor.client.guarding import cleaned, cleanse, refuse_demo_key
from kraken_doctor.client.ledger import Ledger
from kraken_doctor.client.retry import may_repeat
from kraken_doctor.errors import KrakenError, is_failure, kraken_error
from kraken_doctor.network.answer import as_transport_error, error_strings, flaw_of
from kraken_doctor.network.route import own_proxies

logger = logging.getLogger(__name__)


class InOrder:
    """What goes before krakenex's methods, in `KrakenClient` and in an object that `install` was given."""

    _kraken_doctor: PrivateCalls

    def query_private(self, method: str, data: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """The call of krakenex, with order, fresh nonces and retries: see `PrivateCalls.query`."""
        return self._kraken_doctor.query(self, method, data, timeout)

    def _nonce(self) -> int:
        return self._kraken_doctor.nonce(self.doctor_where()[0])

    def doctor_where(self) -> tuple[str, str]:
        """Key and URL of a call now."""
        return str(self.key), str(self.uri)  # type: ignore[attr-defined] # krakenex's

    def doctor_own_query(self) -> bool:
        """Whether the class, or somebody who changed the object, made another way of sending: it is used."""
        return getattr(super()._query, "__func__", None) is not krakenex.API._query  # type: ignore[misc] # noqa: SLF001

    def _query(
        self,
        urlpath: str,
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        if self.doctor_own_query():
            return super()._query(urlpath, data, headers, timeout=timeout)  # type: ignore[misc] # krakenex's
        default = self._kraken_doctor.options.timeout
        return wire.query(self, urlpath, data, headers, default if timeout is None else timeout)


class PrivateCalls(Ledger):
    """The private calls of a ``krakenex.API`` and of its copies: each keeps its key, signs, and owns its session."""

    def query(self, api: Any, method: str, data: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """
        ``krakenex.API.query_private``: the API's own answer, with order, fresh nonces and retries.

        Raises:
            NonceError: No nonce, or no turn: nothing was sent. What may pass is a ``requests.ConnectionError`` too.
            requests.RequestException: As krakenex raises it, after the last attempt.
        """
        try:
            return self._query(api, method, data, timeout)
        except BaseException as exc:
            cleanse(exc, api.key, api.secret, self.options.otp, settings=own_proxies(api.session))
            raise

    def _query(self, api: Any, method: str, data: Mapping[str, Any] | None, timeout: float | None) -> Any:
        if not api.key or not api.secret:
            raise ValueError("Either key or secret is not set! (Use `load_key()`.)")
        refuse_demo_key(*api.doctor_where())
        form = Form(data)
        timeout_s = self.options.timeout if timeout is None else timeout
        with self.also_as:
            for delay_s in self.options.retry.delays_s:
                try:
                    answer = self._attempt(api, method, form, timeout_s)
                except requests.RequestException as exc:
                    if not may_repeat(exc, method):
                        raise
                    failure: requests.RequestException | KrakenError = exc
                else:
                    errors = () if flaw_of(answer, method) else error_strings(answer)
                    if not is_failure(errors) or not may_repeat(kraken_error(errors), method):
                        return answer
                    failure = kraken_error(errors)
                # The turn is free while we wait: other calls of this key go on.
                self._say_again(api, method, failure, delay_s)
                self.options.clock.sleep(delay_s)
            return self._attempt(api, method, form, timeout_s)

    def _say_again(
        self, api: Any, method: str, failure: requests.RequestException | KrakenError, delay_s: float
    ) -> None:
        with contextlib.suppress(Exception):  # words, and handlers that raise, are not worth an answer
            text = (
                as_transport_error(failure).kind
                if isinstance(failure, requests.RequestException)
                else ", ".join(failure.errors)
            )
            shown = cleaned(text, api.key, api.secret, self.options.otp)
            logger.warning("%s: %s; trying again in %g s with a fresh nonce", method, shown, delay_s)

    def _attempt(self, api: Any, method: str, form: Form, timeout_s: float) -> Any:
        """One request, from taking the nonce to the answer inside the key's turn."""
        urlpath = f"/{api.apiversion}/private/{method}"
        exchange = (
            wire.OwnQuery(api, urlpath, timeout_s) if api.doctor_own_query() else wire.Post(api, urlpath, timeout_s)
        )
        key = str(api.key)
        call = self.begin(key, method)
        try:
            with self.turn(key, timeout_s) as turn:
                response = exchange.send(*self._signed(api, form, urlpath, call.take_nonce(turn)), call.sending)
                call.answered()
            answer = exchange.read(response)
            call.judge(answer)
        except requests.RequestException as exc:
            failure = exc
            call.failed(lambda: "ok" if wire.archive_in(failure, method) else as_transport_error(failure).kind)
            raise
        finally:
            call.close()
        return answer

    def _signed(self, api: Any, form: Form, urlpath: str, nonce: int) -> tuple[Form, dict[str, str]]:
        otp = self.options.otp
        signed = form.with_fields(nonce=str(nonce), **({} if otp is None else {"otp": otp}))
        # krakenex signs: `Form` sees to it that what it signs is what is sent.
        return signed, {"API-Key": api.key, "API-Sign": api._sign(signed, urlpath)}  # noqa: SLF001
