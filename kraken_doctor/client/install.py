"""The same behaviour on a client object that somebody else built."""

import logging
from typing import Any, Unpack

from kraken_doctor.client.adapters import adapters, find_adapter, type_name
from kraken_doctor.client.observers import log_safely
from kraken_doctor.client.options import CallKeywords
from kraken_doctor.errors import NonceHookError

logger = logging.getLogger(__name__)


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
        log_safely(logger, logging.ERROR, "❌ Failed to override nonce generator: %s", exc)
        if strict:
            raise NonceHookError(f"the nonce generator can't be installed: {exc}") from None
        return False
    log_safely(logger, logging.DEBUG, "✅ Custom nonce generator installed")
    return True


def _install(api: Any, options: CallKeywords) -> None:
    if isinstance(api, type):
        raise NonceHookError(f"{api.__qualname__} is a class: pass the object that the bot uses")
    adapter = find_adapter(api)
    if adapter is None:
        # pykrakenapi.KrakenAPI keeps the krakenex object there.
        inner = find_adapter(getattr(api, "api", None))
        if inner is not None:
            raise NonceHookError(f"{type_name(api)} only wraps a {inner.name}: pass that, its .api")
        known = ", ".join(adapter.name for adapter in adapters())
        raise NonceHookError(f"{type_name(api)} is no client of a known library ({known})")
    adapter.install(api, options)
