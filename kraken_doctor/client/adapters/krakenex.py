"""``krakenex.API``, its subclasses, and whatever has its methods."""

from __future__ import annotations

import contextlib
import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kraken_doctor.client.adapters import Adapter, FirstCall, missing
from kraken_doctor.clock import SystemClock
from kraken_doctor.model.unit import NonceUnit

if TYPE_CHECKING:
    from kraken_doctor.client.options import CallOptions


class KrakenexAdapter(Adapter):
    """krakenex: ``query_private`` takes a nonce, signs and sends."""

    name = "krakenex.API"
    hooks = ("_nonce", "_sign", "_query", "query_private")
    nonce_method = "_nonce"
    credentials = ("key", "secret")
    modules, classes, url = ("krakenex.api",), ("API",), "uri"
    sends = "query_private"

    def matches(self, client: Any) -> bool:
        # One of them is enough: of another version of krakenex `unsupported` says what is missing.
        return len(missing(client, self.hooks)) < len(self.hooks)

    def methods(self, client: Any) -> Any:
        from kraken_doctor.client.kraken import KrakenexMethods

        return KrakenexMethods

    def first_call(self, client: Any) -> type[FirstCall]:
        return _FirstQuery

    def replaces_what_is_overridden(self, base: Any) -> bool:
        import krakenex.api

        return not is_defined_in(krakenex.api, base.query_private)

    def tracker(self, client: Any, options: CallOptions) -> Any:
        from kraken_doctor.client.kraken import KrakenexTracker

        return KrakenexTracker(options, self.network_error(client))

    def own_unit(self, client: Any) -> NonceUnit | None:
        # A generator that counts in a finer unit than our default has had its nonces accepted: the key takes nothing
        # coarser any more. What the user declares takes precedence.
        if self.replaced(client) and not os.environ.get("KRAKEN_NONCE_UNIT", "").strip():
            with contextlib.suppress(Exception):  # their code
                unit = NonceUnit.of_mark(int(client._nonce()), SystemClock().now_ns())  # noqa: SLF001
                return unit if unit in (NonceUnit.TEN_NS, NonceUnit.NS) else None
        return None

    def private_call(self, client: Any) -> Any:
        return client.query_private("Balance")

    def replaced(self, client: Any) -> bool | None:
        import krakenex

        return getattr(client._nonce, "__func__", None) is not krakenex.API._nonce  # noqa: SLF001


class _FirstQuery(FirstCall, method="query_private"): ...


def is_defined_in(module: ModuleType, function: object) -> bool:
    """Return whether *function* is *module*'s own, and none that a program has put in its place, in its class even."""
    return getattr(function, "__globals__", None) is vars(module)


def missing_hooks(api: Any) -> list[str]:
    """Return the methods that `install` needs and *api*, a krakenex object or class, does not have."""
    return missing(api, KrakenexAdapter.hooks)
