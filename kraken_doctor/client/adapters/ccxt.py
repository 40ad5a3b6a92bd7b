"""
``ccxt.kraken``, blocking, asynchronous or pro; freqtrade's exchange is one.

ccxt signs first and then waits for its rate limiter or retries: signing is put off until the turn is there, right
before sending.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kraken_doctor.client.adapters import Adapter, FirstCall, type_name
from kraken_doctor.model.unit import NonceUnit

if TYPE_CHECKING:
    from kraken_doctor.client.foreign import ForeignTracker


class CcxtAdapter(Adapter):
    """ccxt: ``sign`` takes a nonce, ``fetch`` sends."""

    name = "ccxt"
    hooks = ("sign", "fetch", "nonce")
    nonce_method = "incrementing_nonce"
    credentials = ("apiKey", "secret")
    modules, classes = ("ccxt.kraken", "ccxt.async_support.kraken", "ccxt.pro.kraken"), ("kraken",)
    url, sends = "urls", "fetch"
    network_errors = ("ccxt:NetworkError", "ccxt:NetworkError")
    unit = NonceUnit.MS

    def unsupported(self, client: Any) -> str:
        if "kraken" not in {base.__name__ for base in type(client).__mro__}:
            return f"{type_name(client)} is not Kraken's spot exchange, which is ccxt.kraken"
        return ""

    def methods(self, client: Any) -> Any:
        return _InLoop if self.in_loop(client) else _Blocking

    def first_call(self, client: Any) -> type[FirstCall]:
        return _FirstSign

    def next_nonce(self, client: Any) -> Callable[[], Any]:
        nonce: Callable[[], Any] = getattr(client, self.nonce_method, client.nonce)  # older versions have `nonce` alone
        return nonce

    def private_call(self, client: Any) -> Any:
        # Its limiter spaces the calls of a thread by a second and does not keep two threads apart.
        client.enableRateLimit = False
        return client.private_post_balance()


class _FirstSign(FirstCall, method="sign"): ...


class _SignedLater(dict[str, str]):
    """Stand in for the headers of a request that is not signed yet; a dict, since ccxt looks into it."""

    early: ForeignTracker | None = None
    """Of a request that was signed at once, since another ``fetch`` than ours may send it."""

    def __init__(self, path: str, sign: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self.path = path
        self.sign = sign
        self.request: dict[str, Any] = {"url": path, "method": "POST", "headers": self, "body": None}
        """What ccxt takes for the request, and may keep as its last one."""

    def __del__(self) -> None:
        if self.early:  # and so it was
            self.early.tell("fetch")


class _Common:
    """What blocking and asynchronous clients share. Attributes that are not defined here are ccxt's."""

    _kraken_doctor: ForeignTracker
    doctor_nonces = ("nonce", "incrementing_nonce")

    def nonce(self) -> int:
        return self._kraken_doctor.next_nonce(str(self.apiKey), self, "sign")  # type: ignore[attr-defined]

    incrementing_nonce = nonce

    def sign(self, path: str, *arguments: Any, **named: Any) -> Any:
        sign = super().sign  # type: ignore[misc]
        # Its default is a section's name or a list with one, by the version: none is passed that the caller did not.
        api = arguments[0] if arguments else named.get("api", "public")
        section = api[0] if isinstance(api, (list, tuple)) else api
        if section != "private":
            return sign(path, *arguments, **named)
        later = _SignedLater(path, lambda: sign(path, *arguments, **named))
        if "fetch" in vars(self):  # put there after ours, which it calls or not
            later.early, later.request = self._kraken_doctor, later.sign()
            later.update(later.request["headers"])
            return {**later.request, "headers": later}
        return later.request

    def set_last_request(self, request: Any) -> None:
        # What is not signed yet was not requested either: the last request is still the one before.
        if not isinstance(request["headers"], _SignedLater):
            super().set_last_request(request)  # type: ignore[misc]

    def doctor_key_and_url(self) -> tuple[str, str]:
        """Return the API key and the URL of a call that is made now."""
        api = self.urls["api"]  # type: ignore[attr-defined]
        return str(self.apiKey), str(api["private"] if isinstance(api, dict) else api)  # type: ignore[attr-defined]

    def doctor_sign(self, later: _SignedLater) -> tuple[Any, ...]:
        """Sign now, and return the request for ``fetch``; ccxt shows it as its last one."""
        request, later.early = later.sign(), None
        later.request.update(request)
        self.last_request_headers, self.last_request_body = request["headers"], request["body"]
        self.last_request_url = request["url"]
        return request["url"], request["method"], request["headers"], request["body"]


class _Blocking(_Common):
    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        self._kraken_doctor.refuse_redirects(self.session)  # type: ignore[attr-defined]
        if not isinstance(headers, _SignedLater):
            return super().fetch(url, method, headers, body)  # type: ignore[misc]
        with self._kraken_doctor.call(self, headers.path, self.timeout / 1000):  # type: ignore[attr-defined]
            answer = super().fetch(*self.doctor_sign(headers))  # type: ignore[misc]
            self._kraken_doctor.judge(answer)
            return answer


class _InLoop(_Common):
    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if not isinstance(headers, _SignedLater):
            return await super().fetch(url, method, headers, body)  # type: ignore[misc]
        async with self._kraken_doctor.call_async(self, headers.path, self.timeout / 1000):  # type: ignore[attr-defined]
            answer = await super().fetch(*self.doctor_sign(headers))  # type: ignore[misc]
            self._kraken_doctor.judge(answer)
            return answer

    def open(self, *arguments: Any, **named: Any) -> Any:
        opened = super().open(*arguments, **named)  # type: ignore[misc]
        self._kraken_doctor.refuse_redirects(self.session)  # type: ignore[attr-defined]
        return opened

    def get_socks_proxy_session(self, *arguments: Any, **named: Any) -> Any:
        session = super().get_socks_proxy_session(*arguments, **named)  # type: ignore[misc]
        self._kraken_doctor.refuse_redirects(session)
        return session
