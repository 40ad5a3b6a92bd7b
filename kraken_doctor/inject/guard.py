"""
``run``: the private calls of a client that somebody else made, one at a time.

A client is changed when it is made, and the library's `install` is called with its first call: by then the program has
set what it sets, a nonce function of its own among it.
"""

from __future__ import annotations

import os
import threading
from types import ModuleType
from typing import Any

from kraken_doctor.inject import channel
from kraken_doctor.inject.clients import Kind, when_made
from kraken_doctor.inject.imports import complain


def loaded(module: ModuleType) -> None:
    """Change the client classes of *module*."""
    when_made(module, _prepare)


class _OnFirstCall:
    """The methods of a client that has made no call; `kind` is what `place` keeps with its class."""

    _kraken_doctor: Kind


class _Krakenex(_OnFirstCall):
    def query_private(self, *arguments: Any, **named: Any) -> Any:
        _install(self)
        return self.query_private(*arguments, **named)  # of the class that the object has by now


class _Ccxt(_OnFirstCall):
    def sign(self, *arguments: Any, **named: Any) -> Any:
        _install(self)
        return self.sign(*arguments, **named)


class _Sdk(_OnFirstCall):
    def request(self, *arguments: Any, **named: Any) -> Any:
        _install(self)
        return self.request(*arguments, **named)


class _SdkInLoop(_OnFirstCall):
    async def request(self, *arguments: Any, **named: Any) -> Any:
        _install(self)
        return await self.request(*arguments, **named)


def _prepare(client: Any, kind: Kind) -> None:
    from kraken_doctor.client.adapters.placing import place

    place(client, _mixin(client, kind), kind)
    channel.send({"client": kind.name})


def _mixin(client: Any, kind: Kind) -> type:
    if kind.name == "python-kraken-sdk":
        from inspect import iscoroutinefunction

        return _SdkInLoop if iscoroutinefunction(type(client).request) else _Sdk
    return _Krakenex if kind.name == "krakenex" else _Ccxt


_lock = threading.RLock()
_stores: dict[str, Any] = {}


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - a thread of the parent may have held it, and is not here
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _install(client: Any) -> None:
    with _lock:
        kind = getattr(client, "_kraken_doctor", None)
        if not isinstance(kind, Kind):
            return  # another thread was first
        try:
            from kraken_doctor.client.install import install

            unit = _own_unit(client, kind)
            # No metrics: the program's own registry stays as it is. The command counts by what it is told.
            install(client, strict=True, store=_store(), unit=unit, observers=(channel.tell,), metrics=False)
        except Exception as exc:  # noqa: BLE001 - the program is not ours: it goes on, whatever is wrong here
            complain(f"calls of a {kind.name} client are not put in order", exc)
            channel.send({"left": kind.name})
            base, patches = vars(type(client))["_kraken_doctor_base"]
            client.__class__ = base
            vars(client).update(patches)


def _own_unit(client: Any, kind: Kind) -> Any:
    """
    The unit of the client's own nonces, so that it works on the same key without us as well.

    Raises:
        NonceHookError: They are no time in any unit; nobody could say what is to follow them.
    """
    from kraken_doctor.clock import SystemClock
    from kraken_doctor.errors import NonceHookError
    from kraken_doctor.model.unit import NonceUnit

    nonce = int(next(getattr(client, name) for name in kind.nonces if hasattr(client, name))())
    unit = NonceUnit.of_mark(nonce, SystemClock().now_ns())
    if unit is None:
        raise NonceHookError("its nonces do not follow the clock")
    return unit


def _store() -> Any:
    from kraken_doctor.nonce.stores import open_store

    url = os.environ["KRAKEN_DOCTOR_HOOK_STORE"]
    if url not in _stores:
        _stores[url] = open_store(url)
    return _stores[url]
