"""The same behaviour on a client object that somebody else built."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Unpack

import krakenex

from kraken_doctor.client.calls import PrivateCalls
from kraken_doctor.client.forked import begin_anew_in_child
from kraken_doctor.client.guarding import refuse_demo_key
from kraken_doctor.client.options import CallKeywords, CallOptions
from kraken_doctor.client.others import adapter_for
from kraken_doctor.client.wire import query
from kraken_doctor.errors import NonceHookError

logger = logging.getLogger(__name__)

# What of krakenex's inside is replaced or used. One that is missing means another inside: then the
# replacement would be silently without effect, which is worse than none.
_HOOKS = ("_nonce", "_sign", "_query", "query_private")


def install(api: Any, *, strict: bool = False, **options: Unpack[CallKeywords]) -> bool:
    """
    Replace the nonce generator of *api* and put its private calls in order.

    Only this object changes; its class stays as it is.

    Args:
        api: A ``krakenex.API``; or a ``ccxt.kraken`` or a spot client of python-kraken-sdk, whose own
            retries and exceptions stay as they are.
        strict: Raise where False would be returned.
        options: The fields of `CallOptions`: store, unit, timeout, retry, otp, in_order, …

    Returns:
        True when installed. False, with the reason in the log, when *api* has no nonce hook.

    Raises:
        NonceHookError: With *strict*, when *api* has no nonce hook.
        ConfigurationError: *api* would take a demo key of the sandbox to another host.
    """
    adapter = adapter_for(api)
    if adapter is not None:
        adapter(api, CallOptions(**options))
        begin_anew_in_child(api)
        logger.debug("✅ Custom nonce generator installed")
        return True
    if missing := missing_hooks(api):
        problem = f"no {', '.join(missing)} in {type(api).__module__}.{type(api).__qualname__}"
        logger.error("❌ Failed to override nonce generator: %s", problem)
        if strict:
            raise NonceHookError(f"the nonce generator can't be installed: {problem}")
        return False
    refuse_demo_key(str(api.key), str(api.uri))
    # A subclass that made its own way of sending had a reason; it keeps it.
    own_query = getattr(type(api), "_query", None) is not krakenex.API._query  # noqa: SLF001
    calls = PrivateCalls(api, CallOptions(**options), own_query=own_query)

    def safe_query(
        urlpath: str,
        data: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        return query(api, urlpath, data, headers, calls.options.timeout if timeout is None else timeout)

    if not own_query:
        api._query = safe_query  # noqa: SLF001
    api._nonce = calls.nonce  # noqa: SLF001
    api.query_private = calls.query
    logger.debug("✅ Custom nonce generator installed")
    return True


def missing_hooks(api: Any) -> list[str]:
    """The names that `install` needs and *api*, an object or a class, does not have."""
    return [name for name in _HOOKS if not callable(getattr(api, name, None))]
