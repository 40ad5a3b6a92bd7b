"""Private calls of one `krakenex.API`, one in flight a key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import requests

from kraken_doctor.client import wire
from kraken_doctor.client.forked import begin_anew_in_child
from kraken_doctor.client.form import Form
from kraken_doctor.client.guarding import cleaned, cleanse, refuse_demo_key
from kraken_doctor.client.ledger import Ledger
from kraken_doctor.client.options import CallOptions
from kraken_doctor.client.retry import may_repeat
from kraken_doctor.errors import is_failure, kraken_error

logger = logging.getLogger(__name__)


class PrivateCalls:
    """
    What `KrakenClient` and `install` put in the place of krakenex's ``query_private`` and ``_nonce``.

    Args:
        api: The ``krakenex.API``: it keeps the key, signs, and owns the session.
        options: How to call.
        own_query: The object's class made its own way of sending; it is used, whatever it does.
    """

    def __init__(self, api: Any, options: CallOptions, *, own_query: bool = False) -> None:
        self.options = options
        self._api = api
        self._own_query = own_query
        self._ledger = Ledger(lambda: str(api.key), options)
        begin_anew_in_child(api)

    def nonce(self) -> int:
        """The nonce hook of krakenex, for callers that sign by themselves."""
        return self._ledger.generator.next()

    def query(self, method: str, data: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """
        ``krakenex.API.query_private``: the API's own answer, with order, fresh nonces and retries.

        Raises:
            NonceError: No nonce, or no turn: nothing was sent.
            requests.RequestException: As krakenex raises it, after the last attempt.
        """
        try:
            return self._query(method, data, timeout)
        except BaseException as exc:
            proxies = {f"{scheme}_proxy": url for scheme, url in self._api.session.proxies.items()}
            cleanse(exc, self._api.key, self._api.secret, self.options.otp, settings=proxies)
            raise

    def _query(self, method: str, data: Mapping[str, Any] | None, timeout: float | None) -> Any:
        if not self._api.key or not self._api.secret:
            raise ValueError("Either key or secret is not set! (Use `load_key()`.)")
        refuse_demo_key(self._api.key, self._api.uri)
        form = Form(data)
        timeout_s = self.options.timeout if timeout is None else timeout
        for delay_s in self.options.retry.delays_s:
            try:
                answer = self._attempt(method, form, timeout_s)
            except requests.RequestException as exc:
                if not may_repeat(exc, method):
                    raise
                failure = wire.as_transport_error(exc).kind
            else:
                errors = () if wire.flaw_of(answer, method) else wire.error_strings(answer)
                if not is_failure(errors) or not may_repeat(kraken_error(errors), method):
                    return answer
                failure = ", ".join(errors)
            # The turn is free while we wait: other calls of this key go on.
            shown = cleaned(failure, self._api.key, self._api.secret, self.options.otp)
            logger.warning("%s: %s; trying again in %g s with a fresh nonce", method, shown, delay_s)
            self.options.clock.sleep(delay_s)
        return self._attempt(method, form, timeout_s)

    def _attempt(self, method: str, form: Form, timeout_s: float) -> Any:
        """One request, from taking the nonce to the answer inside the key's turn."""
        api = self._api
        urlpath = f"/{api.apiversion}/private/{method}"
        exchange = wire.OwnQuery(api, urlpath, timeout_s) if self._own_query else wire.Post(api, urlpath, timeout_s)
        call = self._ledger.begin(method)
        try:
            with self._ledger.turn(timeout_s) as turn:
                response = exchange.send(*self._signed(form, urlpath, call.take_nonce(turn)))
                call.answered()
            answer = exchange.read(response)
            call.outcome = wire.outcome_of_answer(answer, method)
        except requests.RequestException as exc:
            call.outcome = "ok" if wire.archive_in(exc, method) else wire.as_transport_error(exc).kind
            raise
        finally:
            call.close()
        return answer

    def _signed(self, form: Form, urlpath: str, nonce: int) -> tuple[Form, dict[str, str]]:
        api, otp = self._api, self.options.otp
        signed = form.with_fields(nonce=str(nonce), **({} if otp is None else {"otp": otp}))
        # krakenex signs: `Form` sees to it that what it signs is what is sent.
        return signed, {"API-Key": api.key, "API-Sign": api._sign(signed, urlpath)}  # noqa: SLF001
