"""
``ccxt.kraken``, blocking, asynchronous or pro; freqtrade's exchange is one.

ccxt signs first and then waits for its rate limiter or retries: signing is put off until the turn is there, right
before sending.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kraken_doctor.client.adapters import Adapter
from kraken_doctor.client.adapters.foreign import ForeignCalls
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.network.redirects import keep_home


def adapter(exchange: Any) -> Adapter:
    """For *exchange*."""
    from ccxt import NetworkError

    mixin = _InLoop if inspect.iscoroutinefunction(type(exchange).fetch) else _Blocking
    return Adapter(mixin, ForeignCalls, NetworkError, lambda: NonceUnit.MS)


class _Later(dict[str, str]):
    """Stands where the headers of a signed request will be; a dict, since ccxt looks into it."""

    def __init__(self, path: str, sign: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self.path = path
        self.sign = sign
        self.request: dict[str, Any] = {"url": path, "method": "POST", "headers": self, "body": None}
        """What ccxt takes for the request, and may keep to show it."""


class _Common:
    """What is the same in all of them. Attributes that are not defined here are ccxt's."""

    _kraken_doctor: ForeignCalls

    def nonce(self) -> int:
        return self._kraken_doctor.next_nonce(str(self.apiKey))  # type: ignore[attr-defined]

    def incrementing_nonce(self) -> int:
        return self.nonce()

    def sign(self, path: str, *arguments: Any, **named: Any) -> Any:
        sign = super().sign  # type: ignore[misc]
        # Its default is a section's name or a list with one, by the version: none is passed that the caller did not.
        api = arguments[0] if arguments else named.get("api", "public")
        section = api[0] if isinstance(api, (list, tuple)) else api
        if section != "private":
            return sign(path, *arguments, **named)
        return _Later(path, lambda: sign(path, *arguments, **named)).request

    def set_last_request(self, request: Any) -> None:
        # What is not signed yet was not requested either: the last request is still the one before.
        if not isinstance(request["headers"], _Later):
            super().set_last_request(request)  # type: ignore[misc]

    def doctor_where(self) -> tuple[str, str]:
        """Key and URL of a call now."""
        api = self.urls["api"]  # type: ignore[attr-defined]
        return str(self.apiKey), str(api["private"] if isinstance(api, dict) else api)  # type: ignore[attr-defined]

    def doctor_sign(self, later: _Later) -> tuple[Any, ...]:
        """The request for ``fetch``, and what the exchange shows of it."""
        request = later.sign()
        later.request.update(request)
        self.last_request_headers, self.last_request_body = request["headers"], request["body"]
        self.last_request_url = request["url"]
        return request["url"], request["method"], request["headers"], request["body"]


class _Blocking(_Common):
    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        keep_home(self.session)  # type: ignore[attr-defined]
        if not isinstance(headers, _Later):
            return super().fetch(url, method, headers, body)  # type: ignore[misc]
        with self._kraken_doctor.call(self, headers.path, self.timeout / 1000):  # type: ignore[attr-defined]
            answer = super().fetch(*self.doctor_sign(headers))  # type: ignore[misc]
            self._kraken_doctor.judge(answer)
            return answer


class _InLoop(_Common):
    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if not isinstance(headers, _Later):
            return await super().fetch(url, method, headers, body)  # type: ignore[misc]
        async with self._kraken_doctor.call_async(self, headers.path, self.timeout / 1000):  # type: ignore[attr-defined]
            answer = await super().fetch(*self.doctor_sign(headers))  # type: ignore[misc]
            self._kraken_doctor.judge(answer)
            return answer

    def open(self, *arguments: Any, **named: Any) -> Any:
        opened = super().open(*arguments, **named)  # type: ignore[misc]
        keep_home(self.session)  # type: ignore[attr-defined]
        return opened

    def get_socks_proxy_session(self, *arguments: Any, **named: Any) -> Any:
        session = super().get_socks_proxy_session(*arguments, **named)  # type: ignore[misc]
        keep_home(session)
        return session
