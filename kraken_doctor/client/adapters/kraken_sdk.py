"""The spot clients of python-kraken-sdk, blocking or asynchronous: they sign and send in ``request``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kraken_doctor.client.adapters import Adapter, FirstCall, missing, type_name
from kraken_doctor.model.unit import NonceUnit

if TYPE_CHECKING:
    from kraken_doctor.client.foreign import ForeignTracker


class KrakenSdkAdapter(Adapter):
    """python-kraken-sdk: ``request`` takes a nonce, signs and sends."""

    name = "python-kraken-sdk"
    hooks = ("request", "get_nonce")
    nonce_method = "get_nonce"
    credentials = ("_key", "_secret")
    modules, classes, url = ("kraken.base_api",), ("SpotClient", "SpotAsyncClient"), "URL"
    sends = "request"
    session = "_SpotClient__session"
    unit = NonceUnit.TEN_NS

    def unsupported(self, client: Any) -> str:
        families = {base.__name__ for base in type(client).__mro__}
        spot = next((name for name in ("SpotAsyncClient", "SpotClient") if name in families), None)
        if spot is None:
            return f"{type_name(client)} is not a spot client of python-kraken-sdk: futures use other keys and nonces"
        names = missing(client, [f"_{spot}__check_{name}" for name in ("renew_session", "response_data")])
        return f"no {', '.join(names)} in {type_name(client)}" if names else ""

    def methods(self, client: Any) -> Any:
        return _InLoop if self.in_loop(client) else _Blocking

    def first_call(self, client: Any) -> type[FirstCall]:
        return _FirstRequestInLoop if self.in_loop(client) else _FirstRequest

    def private_call(self, client: Any) -> Any:
        return client.request("POST", "/0/private/Balance")


class _FirstRequest(FirstCall, method="request"): ...


class _FirstRequestInLoop(FirstCall, method="request", in_loop=True): ...


class _Common:
    """What blocking and asynchronous clients share. Attributes that are not defined here are the SDK's."""

    _kraken_doctor: ForeignTracker
    doctor_nonces = ("get_nonce",)

    def get_nonce(self) -> str:
        return str(self._kraken_doctor.next_nonce(str(self._key), self, "request"))  # type: ignore[attr-defined]

    def doctor_key_and_url(self) -> tuple[str, str]:
        """Return the API key and the URL of a call that is made now."""
        return str(self._key), str(self.URL)  # type: ignore[attr-defined]


class _Blocking(_Common):
    def request(self, method: str, uri: str, *arguments: Any, **named: Any) -> Any:
        if not named.get("auth", True):
            return super().request(method, uri, *arguments, **named)  # type: ignore[misc]
        with self._kraken_doctor.call(self, uri.rpartition("/")[2], float(self.TIMEOUT)):  # type: ignore[attr-defined]
            return super().request(method, uri, *arguments, **named)  # type: ignore[misc]

    def _SpotClient__check_renew_session(self) -> None:  # noqa: N802 - its name from outside
        """Prepare the session that is used next: the SDK makes a new one every five minutes, in this method."""
        super()._SpotClient__check_renew_session()  # type: ignore[misc]
        self._kraken_doctor.refuse_redirects(self._SpotClient__session)  # type: ignore[attr-defined]

    def _SpotClient__check_response_data(self, response: Any, **named: Any) -> Any:  # noqa: N802
        """Judge an answer before the SDK unpacks it: what ``request`` returns has lost the API's envelope."""
        self._kraken_doctor.judge(response if response.status_code == 200 else None)
        return super()._SpotClient__check_response_data(response=response, **named)  # type: ignore[misc]


class _InLoop(_Common):
    async def request(self, method: str, uri: str, *arguments: Any, **named: Any) -> Any:
        if not named.get("auth", True):
            return await super().request(method, uri, *arguments, **named)  # type: ignore[misc]
        async with self._kraken_doctor.call_async(self, uri.rpartition("/")[2], float(self.TIMEOUT)):  # type: ignore[attr-defined]
            return await super().request(method, uri, *arguments, **named)  # type: ignore[misc]

    async def _SpotAsyncClient__check_renew_session(self) -> None:  # noqa: N802
        await super()._SpotAsyncClient__check_renew_session()  # type: ignore[misc]
        self._kraken_doctor.refuse_redirects(self._SpotAsyncClient__session)  # type: ignore[attr-defined]

    async def _SpotAsyncClient__check_response_data(self, response: Any, **named: Any) -> Any:  # noqa: N802
        # aiohttp keeps what was read, for the client to read again.
        self._kraken_doctor.judge(await response.read() if response.status == 200 else None)
        return await super()._SpotAsyncClient__check_response_data(response=response, **named)  # type: ignore[misc]
