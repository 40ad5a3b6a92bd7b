"""``krakenex.API``, its subclasses, and whatever has its methods."""

from __future__ import annotations

import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kraken_doctor.client.adapters import Adapter, FirstCall, missing, type_name
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

    def unsupported(self, client: Any) -> str:
        base, own = vars(type(client)).get("_kraken_doctor_base", (type(client), {}))
        own = {**own, **getattr(client, "__dict__", {})}
        owners = [cls for cls in base.__mro__ if "query_private" in vars(cls)]
        written_in = [getattr(vars(cls)["query_private"], "__globals__", {}).get("__name__") for cls in owners]
        # Ours makes the whole call: a dry run, or a limit on orders, in a subclass, in the object or put into the class
        # would be gone. In a `KrakenClient`, where nothing is replaced, it is in charge.
        is_replaced = "query_private" in own or written_in != [cls.__module__ for cls in owners][:1]
        if is_replaced and "_kraken_doctor" not in own:
            return f"{type_name(client)} has a query_private of its own: derive it from KrakenClient, to have both"
        return super().unsupported(client)

    def tracker(self, client: Any, options: CallOptions) -> Any:
        from kraken_doctor.client.kraken import KrakenexTracker

        return KrakenexTracker(options, self.network_error(client))

    def own_unit(self, client: Any) -> NonceUnit | None:
        return None if os.environ.get("KRAKEN_NONCE_UNIT", "").strip() else super().own_unit(client)

    def private_call(self, client: Any) -> Any:
        return client.query_private("Balance")

    def replaced(self, client: Any) -> bool | None:
        import krakenex

        return getattr(client._nonce, "__func__", None) is not krakenex.API._nonce  # noqa: SLF001


class _FirstQuery(FirstCall, method="query_private"): ...


def is_defined_in(module: ModuleType, function: object) -> bool:
    """Return whether *function* is *module*'s own, and none that a program has put in its place, in its class even."""
    return getattr(function, "__globals__", None) is vars(module)
