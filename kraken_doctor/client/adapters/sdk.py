"""The spot clients of python-kraken-sdk, blocking or asynchronous: they sign and send in ``request``."""

from __future__ import annotations

import inspect
from typing import Any

from kraken_doctor.client.adapters import Adapter
from kraken_doctor.client.adapters.foreign import ForeignCalls
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.network.redirects import keep_home


def adapter(client: Any) -> Adapter:
    """For *client*."""
    import aiohttp
    import requests

    if inspect.iscoroutinefunction(type(client).request):
        return Adapter(_InLoop, ForeignCalls, aiohttp.ClientConnectionError, lambda: NonceUnit.TEN_NS)
    return Adapter(_Blocking, ForeignCalls, requests.ConnectionError, lambda: NonceUnit.TEN_NS)


class _Common:
    """What is the same in both. Attributes that are not defined here are the SDK's."""

    _kraken_doctor: ForeignCalls

    def get_nonce(self) -> str:
        return str(self._kraken_doctor.next_nonce(str(self._key)))  # type: ignore[attr-defined]

    def doctor_where(self) -> tuple[str, str]:
        """Key and URL of a call now."""
        return str(self._key), str(self.URL)  # type: ignore[attr-defined]


class _Blocking(_Common):
    def request(self, method: str, uri: str, *arguments: Any, **named: Any) -> Any:
        if not named.get("auth", True):
            return super().request(method, uri, *arguments, **named)  # type: ignore[misc]
        with self._kraken_doctor.call(self, uri.rpartition("/")[2], float(self.TIMEOUT)):  # type: ignore[attr-defined]
            return super().request(method, uri, *arguments, **named)  # type: ignore[misc]

    def _SpotClient__check_renew_session(self) -> None:  # noqa: N802 - its name from outside
        """The last that it asks before it sends: a session is not used for longer than five minutes."""
        super()._SpotClient__check_renew_session()  # type: ignore[misc]
        keep_home(self._SpotClient__session)  # type: ignore[attr-defined]

    def _SpotClient__check_response_data(self, response: Any, **named: Any) -> Any:  # noqa: N802
        """Where it unpacks an answer: of what `request` returns the envelope is gone."""
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
        keep_home(self._SpotAsyncClient__session)  # type: ignore[attr-defined]

    async def _SpotAsyncClient__check_response_data(self, response: Any, **named: Any) -> Any:  # noqa: N802
        # aiohttp keeps what was read, for the client to read again.
        self._kraken_doctor.judge(await response.read() if response.status == 200 else None)
        return await super()._SpotAsyncClient__check_response_data(response=response, **named)  # type: ignore[misc]
