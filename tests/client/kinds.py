"""Every kind of client that `install` takes, made and asked in one way; a test is a coroutine that runs in one loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import aiohttp
import ccxt
import ccxt.async_support
import ccxt.pro
import krakenex
import pytest
import requests
from kraken.spot import SpotAsyncClient, User

from kraken_doctor import KrakenClient, RetryPolicy, install, open_store
from kraken_doctor.model.unit import NonceUnit

NOBODY, SECRET = "a-key-of-nobody", "QUFB" * 21 + "QQ=="


class Kind(NamedTuple):
    """One kind of client."""

    name: str
    make: Callable[[str, str, str], Any]
    """With key, secret and URL."""
    call: Callable[[Any], Any]
    """A private read; gives the answer, or what is to be awaited for it."""
    network_error: type[Exception]
    unit: NonceUnit
    key: str
    """Where it keeps its key."""
    is_async: bool = False

    async def ask(self, client: Any) -> Any:
        answer = self.call(client)
        return await answer if inspect.isawaitable(answer) else answer

    async def close(self, client: Any) -> None:
        closing = client.close() if hasattr(client, "close") else None
        if inspect.isawaitable(closing):
            await closing

    def installed(self, key: str, secret: str, url: str, **options: Any) -> Any:
        """A client in order; the package's own is so from the start."""
        options = {"store": options.pop("store", None) or open_store("memory://"), "metrics": False, **options}
        if self.network_error is _NET and self.name != "sdk":
            options.setdefault("retry", RetryPolicy.none())
        if self.name == "client":
            return KrakenClient(key, secret, url=url, **options)
        client = self.make(key, secret, url)
        assert install(client, **options)
        return client


def _of(kind: Any) -> Callable[[str, str, str], Any]:
    def make(key: str, secret: str, url: str) -> Any:
        api = kind(key, secret)
        api.uri = url
        return api

    return make


class OwnQuery(krakenex.API):  # type: ignore[misc]
    """Has a way of sending of its own: requests', with all that it does by itself."""

    def _query(self, urlpath: str, data: Any, headers: Any = None, timeout: Any = None) -> Any:
        self.response = self.session.post(self.uri + urlpath, data=data, headers=headers, timeout=timeout)
        return self.response.json()


def _ccxt(module: Any) -> Callable[[str, str, str], Any]:
    def make(key: str, secret: str, url: str) -> Any:
        exchange = module.kraken({"apiKey": key, "secret": secret, "enableRateLimit": False})
        exchange.timeout_on_exit = 0
        for section in ("public", "private"):
            exchange.urls["api"][section] = url
        return exchange

    return make


def _sdk(kind: Any) -> Callable[[str, str, str], Any]:
    return lambda key, secret, url: kind(key=key, secret=secret, url=url)


def _query_private(api: Any) -> Any:
    answer = api.query_private("Balance")
    return answer["result"] if not answer["error"] else answer


def _for_pykrakenapi(key: str, secret: str, url: str) -> Any:
    pytest.importorskip("pykrakenapi", exc_type=ImportError)
    return _of(krakenex.API)(key, secret, url)


def _through_pykrakenapi(api: Any) -> Any:
    """As pykrakenapi itself does it: through the object that it was given."""
    pykrakenapi = pytest.importorskip("pykrakenapi", exc_type=ImportError)
    return pykrakenapi.KrakenAPI(api, retry=0, crl_sleep=0).get_open_orders()


def _request(client: Any) -> Any:
    return client.request("POST", "/0/private/Balance")


_NET, _AIO = requests.ConnectionError, aiohttp.ClientConnectionError
_CCXT, _MS, _US, _TEN = ccxt.NetworkError, NonceUnit.MS, NonceUnit.US, NonceUnit.TEN_NS

CLIENT = Kind("client", lambda key, secret, url: KrakenClient(key, secret, url=url), _query_private, _NET, _US, "key")
KRAKENEX = Kind("krakenex", _of(krakenex.API), _query_private, _NET, _US, "key")
OWN = Kind("own query", _of(OwnQuery), _query_private, _NET, _US, "key")
PYKRAKENAPI = Kind("pykrakenapi", _for_pykrakenapi, _through_pykrakenapi, _NET, _US, "key")
CCXT = Kind("ccxt", _ccxt(ccxt), lambda client: client.private_post_balance(), _CCXT, _MS, "apiKey")
CCXT_ASYNC = CCXT._replace(name="ccxt.async_support", make=_ccxt(ccxt.async_support), is_async=True)
CCXT_PRO = CCXT._replace(name="ccxt.pro", make=_ccxt(ccxt.pro), is_async=True)
SDK = Kind("sdk", _sdk(User), _request, _NET, _TEN, "_key")
SDK_ASYNC = Kind("sdk async", _sdk(SpotAsyncClient), _request, _AIO, _TEN, "_key", is_async=True)

FOREIGN = [CCXT, CCXT_ASYNC, CCXT_PRO, SDK, SDK_ASYNC]
KINDS = [CLIENT, KRAKENEX, OWN, PYKRAKENAPI, *FOREIGN]
BLOCKING = [kind for kind in KINDS if not kind.is_async]
ASYNC = [kind for kind in KINDS if kind.is_async]


def named(kind: Kind) -> str:
    return kind.name
