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

from kraken_doctor.errors import ConfigurationError, NonceHookError
from kraken_doctor.inject import channel
from kraken_doctor.inject.clients import Kind, when_made
from kraken_doctor.inject.imports import complain


def loaded(module: ModuleType) -> None:
    """Change the client classes of *module*."""
    when_made(module, _prepare)


class _OnFirstCall:
    """The methods of a client that has made no call; `kind` is what `place` keeps with its class."""

    _kraken_doctor: Kind


# Each goes on with the method of the class that the object has by now. Not with the object's own: that may be the
# program's wrapper around the method here, which would call itself for ever.
class _Krakenex(_OnFirstCall):
    def query_private(self, *arguments: Any, **named: Any) -> Any:
        _install(self, "query_private")
        return type(self).query_private(self, *arguments, **named)


class _Ccxt(_OnFirstCall):
    def sign(self, *arguments: Any, **named: Any) -> Any:
        _install(self, "sign")
        return type(self).sign(self, *arguments, **named)


class _Sdk(_OnFirstCall):
    def request(self, *arguments: Any, **named: Any) -> Any:
        _install(self, "request")
        return type(self).request(self, *arguments, **named)


class _SdkInLoop(_OnFirstCall):
    async def request(self, *arguments: Any, **named: Any) -> Any:
        _install(self, "request")
        return await type(self).request(self, *arguments, **named)


def _prepare(client: Any, kind: Kind) -> None:
    from kraken_doctor.client.adapters.placing import place

    place(client, _mixin(client, kind), kind)
    channel.send({"client": kind.name})


def _mixin(client: Any, kind: Kind) -> type:
    if kind.name == "python-kraken-sdk":
        from inspect import iscoroutinefunction

        return _SdkInLoop if iscoroutinefunction(type(client).request) else _Sdk
    return _Krakenex if kind.name == "krakenex" else _Ccxt


_CLOSE_S = 60.0
"""What a client's own nonce may be off the clock that it is made of: a busy bot adds a tick a call, and no minute."""

_lock = threading.RLock()
_stores: dict[str, Any] = {}


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - a thread of the parent may have held it, and is not here
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _install(client: Any, method: str) -> None:
    """
    Put the calls of *client* in order; *method* is the one that was called.

    Raises:
        ConfigurationError: It would take a demo key to another host than this one.
    """
    with _lock:
        kind = getattr(client, "_kraken_doctor", None)
        if not isinstance(kind, Kind):
            return  # another thread was first
        try:
            from kraken_doctor.client.install import install
            from kraken_doctor.client.retry import RetryPolicy

            _refuse_overridden(client, kind, method)
            unit = _own_unit(client, kind)
            _refuse_finer_mark(client, unit)
            # No metrics: the program's own registry stays as it is. The command counts by what it is told. And no
            # retries: an order that the program takes for refused must not be made a minute later.
            install(
                client,
                strict=True,
                store=_store(),
                unit=unit,
                observers=(channel.tell,),
                metrics=False,
                retry=RetryPolicy.none(),
            )
        except Exception as exc:
            complain(f"calls of a {kind.name} client are not put in order", exc)
            channel.send({"left": kind.name})
            base, patches = vars(type(client))["_kraken_doctor_base"]
            client.__class__ = base
            vars(client).update(patches)
            if isinstance(exc, ConfigurationError):
                raise


def _refuse_overridden(client: Any, kind: Kind, method: str) -> None:
    """
    Leave alone what the program itself has put around its calls: a dry run, a limit on orders, a log.

    Raises:
        NonceHookError: It has.
    """
    base, patches = vars(type(client))["_kraken_doctor_base"]
    overridden = method in patches or method in vars(client)
    if kind.name == "krakenex":  # whose method ours stands in for; the others' are called by ours
        import krakenex

        overridden = overridden or base.query_private is not krakenex.API.query_private
    if overridden:
        raise NonceHookError(f"it has a {method} of its own, which stays in charge")


def _refuse_finer_mark(client: Any, unit: Any) -> None:
    """
    Refuse a mark in a finer unit that Kraken was never seen to accept: above it this client would lock itself out.

    Raises:
        NonceHookError: The store has such a mark for the key.
    """
    from kraken_doctor.client.adapters import find_adapter
    from kraken_doctor.clock import SystemClock
    from kraken_doctor.model.unit import NonceUnit
    from kraken_doctor.nonce.history import key_histories
    from kraken_doctor.redact import key_id

    adapter = find_adapter(client)
    key = str(getattr(client, adapter.credentials[0], "") or "") if adapter is not None else ""
    mark = _store().mark(key_id(key)) if key else None
    finer = NonceUnit.of_mark(mark, SystemClock().now_ns()) if mark is not None else None
    if finer is None or finer.tick_ns >= unit.tick_ns:
        return
    known = key_histories(_store(), [key_id(key)])[key_id(key)]
    accepted = NonceUnit.of_mark(known.nonce, SystemClock().now_ns()) if known.nonce is not None else None
    if accepted is None or accepted.tick_ns > finer.tick_ns:
        raise NonceHookError(
            f"the nonce store has a mark in {finer.words} for its key, and the client counts in {unit.words}:"
            " remove the store if no program counts so"
        )


def _own_unit(client: Any, kind: Kind) -> Any:
    """
    The unit of the client's own nonces, so that it works on the same key without us as well.

    Raises:
        NonceHookError: They are no time in any unit; nobody could say what is to follow them.
    """
    from kraken_doctor.clock import SystemClock
    from kraken_doctor.model.unit import NonceUnit

    now_ns = SystemClock().now_ns()
    nonce = int(next(getattr(client, name) for name in kind.nonces if hasattr(client, name))())
    unit = NonceUnit.of_mark(nonce, now_ns)
    # Counted from another year, or with years added, they look like a unit; ours would be far above or below them.
    if unit is None or abs(unit.lead_s(nonce, now_ns)) > _CLOSE_S:
        raise NonceHookError("its nonces do not follow the clock")
    return unit


def _store() -> Any:
    from kraken_doctor.nonce.stores import open_store

    url = os.environ["KRAKEN_DOCTOR_HOOK_STORE"]
    if url not in _stores:
        _stores[url] = open_store(url)
    return _stores[url]
