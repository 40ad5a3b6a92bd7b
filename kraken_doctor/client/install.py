"""The same behaviour on a client object that somebody else built."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable
from typing import Any, Unpack

from kraken_doctor.client.adapters import Adapter
from kraken_doctor.client.adapters.placing import place
from kraken_doctor.client.guarding import refuse_demo_key
from kraken_doctor.client.kraken import KrakenClient
from kraken_doctor.client.options import CallKeywords, CallOptions
from kraken_doctor.client.recording import say
from kraken_doctor.errors import NonceHookError

logger = logging.getLogger(__name__)

# What of a client's inside is replaced or used. One that is missing means another inside: then the replacement would
# be silently without effect, which is worse than none.
_KRAKENEX = ("_nonce", "_sign", "_query", "query_private")
_CCXT = ("sign", "fetch", "nonce")
_SDK = ("request", "get_nonce")


def install(api: Any, *, strict: bool = False, **options: Unpack[CallKeywords]) -> bool:
    """
    Replace the nonce generator of *api* and put its private calls in order.

    Only this object changes, and what is copied or unpickled from it; a copy with another key uses that key. Once more
    on the same object changes only the *options* that are named then.

    Args:
        api: A ``krakenex.API``; or a ``ccxt.kraken`` or a spot client of python-kraken-sdk, whose own
            retries and exceptions stay as they are.
        strict: Raise where False would be returned.
        options: The fields of `CallOptions`: store, unit, timeout, retry, otp, in_order, … Without a unit it is
            ``KRAKEN_NONCE_UNIT``, else microseconds; for an object that has its own nonces in a finer unit, and for a
            client of another maker, its own.

    Returns:
        True when installed. False, with the reason in the log, when *api* has no nonce hook, or is no client of
        Kraken's spot API.

    Raises:
        NonceHookError: With *strict*, in that case.
        ConfigurationError: *api* would take a demo key of the sandbox to another host; or a variable of the
            environment can't be used.
    """
    try:
        _install(api, options)
    except NonceHookError as exc:
        say(logger, logging.ERROR, "❌ Failed to override nonce generator: %s", exc)
        if strict:
            raise NonceHookError(f"the nonce generator can't be installed: {exc}") from None
        return False
    say(logger, logging.DEBUG, "✅ Custom nonce generator installed")
    return True


def _install(api: Any, options: CallKeywords) -> None:
    adapter = adapter_for(api)
    refuse_demo_key(*adapter.mixin.doctor_where(api))
    before = getattr(getattr(api, "_kraken_doctor", None), "options", None)
    if isinstance(before, CallOptions):
        chosen = dataclasses.replace(before, **options)
    else:
        if "unit" not in options and (unit := adapter.own_unit()) is not None:
            options["unit"] = unit
        chosen = CallOptions(**options)
    calls = adapter.calls(chosen, adapter.network_error)
    if isinstance(api, KrakenClient):
        api._kraken_doctor = calls  # noqa: SLF001 - ours; it needs no other methods
    else:
        place(api, adapter.mixin, calls)


def adapter_for(api: Any) -> Adapter:
    """
    What is put on *api*.

    Clients are known by what they have, not by their class: none of these packages needs to be installed.

    Raises:
        NonceHookError: It is no client of Kraken's spot API, or of none that is known; the text says why.
    """
    if isinstance(api, type):
        raise NonceHookError(f"{api.__qualname__} is a class: pass the object that the bot uses")
    kind = f"{type(api).__module__}.{type(api).__qualname__}"
    families = {base.__name__ for base in type(api).__mro__}
    if hasattr(api, "apiKey") and not _missing(api, _CCXT):
        if "kraken" not in families:
            raise NonceHookError(f"{kind} is not Kraken's spot exchange, which is ccxt.kraken")
        from kraken_doctor.client.adapters import ccxt

        return ccxt.adapter(api)
    if hasattr(api, "_key") and not _missing(api, _SDK):
        spot = next((name for name in ("SpotAsyncClient", "SpotClient") if name in families), None)
        if spot is None:
            raise NonceHookError(f"{kind} is no spot client of python-kraken-sdk: futures have other keys and nonces")
        if missing := _missing(api, [f"_{spot}__check_{name}" for name in ("renew_session", "response_data")]):
            raise NonceHookError(f"no {', '.join(missing)} in {kind}")
        from kraken_doctor.client.adapters import sdk

        return sdk.adapter(api)
    if missing := missing_hooks(api):
        if hasattr(api, "api") and not missing_hooks(api.api):
            raise NonceHookError(f"{kind} only wraps a krakenex.API: pass that, its .api")
        raise NonceHookError(f"no {', '.join(missing)} in {kind}")
    from kraken_doctor.client.adapters import krakenex

    return krakenex.adapter(api)


def missing_hooks(api: Any) -> list[str]:
    """The names that `install` needs and *api*, a krakenex object or class, does not have."""
    return _missing(api, _KRAKENEX)


def _missing(api: Any, names: Iterable[str]) -> list[str]:
    return [name for name in names if not callable(getattr(api, name, None))]
