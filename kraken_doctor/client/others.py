"""
Nonces in order for clients of other makers, without a dependency on them.

They are known by what they have, not by their class: a ``ccxt.kraken`` (freqtrade's exchange is one) signs in `sign`
and sends in `fetch`; python-kraken-sdk's spot clients do both in `request` and take their nonce from `get_nonce`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

from kraken_doctor.client.asyncturn import AsyncTurns
from kraken_doctor.client.guarding import refuse_demo_key
from kraken_doctor.client.ledger import Ledger, Ongoing
from kraken_doctor.client.options import CallOptions
from kraken_doctor.nonce.turn import Turn


def adapter_for(client: Any) -> Callable[[Any, CallOptions], None] | None:
    """What installs itself on *client*; None for a client of neither kind."""
    if _has(client, "sign", "fetch", "nonce") and hasattr(client, "apiKey"):
        return install_on_ccxt
    if _has(client, "request", "get_nonce") and hasattr(client, "_key"):
        return install_on_sdk
    return None


def install_on_ccxt(exchange: Any, options: CallOptions) -> None:
    """
    Make a ``ccxt.kraken``, blocking or asynchronous, take turns.

    ccxt signs first and then waits for its rate limiter or retries: signing is put off until the turn is
    there, right before sending.
    """
    calls = _Calls(lambda: str(exchange.apiKey), _ccxt_url(exchange), options, exchange.timeout / 1000)
    sign, fetch = exchange.sign, exchange.fetch
    exchange.nonce = exchange.incrementing_nonce = calls.next_nonce

    def sign_later(path: str, *arguments: Any, **named: Any) -> Any:
        # Its default is a section's name or a list with one, by the version: none is passed that the caller did not.
        api = arguments[0] if arguments else named.get("api", "public")
        section = api[0] if isinstance(api, (list, tuple)) else api
        if section != "private":
            return sign(path, *arguments, **named)
        later = _SignLater(path, lambda: sign(path, *arguments, **named))
        return {"url": path, "method": "POST", "headers": later, "body": None}

    def fetch_in_turn(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if not isinstance(headers, _SignLater):
            return fetch(url, method, headers, body)
        with calls.call(headers.path):
            request = headers.sign()
            return fetch(request["url"], request["method"], request["headers"], request["body"])

    async def fetch_in_turn_async(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if not isinstance(headers, _SignLater):
            return await fetch(url, method, headers, body)
        async with calls.call_async(headers.path):
            request = headers.sign()
            return await fetch(request["url"], request["method"], request["headers"], request["body"])

    exchange.sign = sign_later
    exchange.fetch = fetch_in_turn_async if inspect.iscoroutinefunction(fetch) else fetch_in_turn


def _ccxt_url(exchange: Any) -> Callable[[], str]:
    def url() -> str:
        api = exchange.urls["api"]
        return str(api["private"] if isinstance(api, dict) else api)

    return url


def install_on_sdk(client: Any, options: CallOptions) -> None:
    """Make a spot client of python-kraken-sdk, blocking or asynchronous, take turns."""
    calls = _Calls(lambda: str(client._key), lambda: str(client.URL), options, float(client.TIMEOUT))  # noqa: SLF001
    request = client.request
    client.get_nonce = lambda: str(calls.next_nonce())

    def request_in_turn(method: str, uri: str, *arguments: Any, **named: Any) -> Any:
        if not named.get("auth", True):
            return request(method, uri, *arguments, **named)
        with calls.call(uri.rpartition("/")[2]):
            return request(method, uri, *arguments, **named)

    async def request_in_turn_async(method: str, uri: str, *arguments: Any, **named: Any) -> Any:
        if not named.get("auth", True):
            return await request(method, uri, *arguments, **named)
        async with calls.call_async(uri.rpartition("/")[2]):
            return await request(method, uri, *arguments, **named)

    client.request = request_in_turn_async if inspect.iscoroutinefunction(request) else request_in_turn


class _Calls:
    """The calls of one client object: each inside its turn, with its nonce and its record."""

    def __init__(self, key: Callable[[], str], url: Callable[[], str], options: CallOptions, timeout_s: float) -> None:
        refuse_demo_key(key(), url())
        self._key, self._url = key, url
        self._ledger = Ledger(key, options)
        self._timeout_s = timeout_s
        self._async_turns = AsyncTurns(lambda: self._ledger.turn(timeout_s))
        # A variable of the context: threads and tasks alike see the call that they are in themselves.
        self._current: ContextVar[tuple[Ongoing, Turn] | None] = ContextVar("current", default=None)

    def next_nonce(self) -> int:
        """The nonce of the call that the caller is in; outside of any, just the next one."""
        current = self._current.get()
        if current is None:
            return self._ledger.generator.next()
        call, turn = current
        return call.take_nonce(turn)

    @contextmanager
    def call(self, endpoint: str) -> Iterator[None]:
        """A call to *endpoint*, from its turn to its answer."""
        refuse_demo_key(self._key(), self._url())
        ongoing = self._ledger.begin(endpoint)
        with self._told(ongoing), self._ledger.turn(self._timeout_s) as turn, self._inside(ongoing, turn):
            yield

    @asynccontextmanager
    async def call_async(self, endpoint: str) -> AsyncIterator[None]:
        """The same in an event loop."""
        refuse_demo_key(self._key(), self._url())
        ongoing = self._ledger.begin(endpoint)
        with self._told(ongoing):
            async with self._async_turns.turn() as turn:
                with self._inside(ongoing, turn):
                    yield

    @contextmanager
    def _inside(self, ongoing: Ongoing, turn: Turn) -> Iterator[None]:
        token = self._current.set((ongoing, turn))
        try:
            yield
        finally:
            self._current.reset(token)
            ongoing.answered()

    @staticmethod
    @contextmanager
    def _told(ongoing: Ongoing) -> Iterator[None]:
        try:
            yield
            ongoing.outcome = "ok"
        except Exception as exc:
            # Their exceptions quote the exchange somewhere in their text; if not, their type says what happened.
            quoted = re.search(r"E[A-Z][A-Za-z]{0,20}:[^\"'\],]{1,200}", str(exc))
            ongoing.outcome = quoted[0] if quoted else type(exc).__name__
            raise
        finally:
            ongoing.close()


class _SignLater(dict[str, str]):
    """Stands where the headers of a signed request will be; a dict, since ccxt looks into it."""

    def __init__(self, path: str, sign: Callable[[], Any]) -> None:
        super().__init__()
        self.path = path
        self.sign = sign


def _has(client: Any, *names: str) -> bool:
    return all(callable(getattr(client, name, None)) for name in names)
