"""``krakenex.API``, its subclasses, and what has its methods."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import krakenex
import requests

from kraken_doctor.client.adapters import Adapter
from kraken_doctor.client.calls import InOrder, PrivateCalls
from kraken_doctor.clock import SystemClock
from kraken_doctor.model.unit import NonceUnit


def adapter(api: Any) -> Adapter:
    """For *api*."""
    return Adapter(InOrder, PrivateCalls, requests.ConnectionError, lambda: _finer_unit(api))


def _finer_unit(api: Any) -> NonceUnit | None:
    """
    The unit of the object's own nonces, where it has its own and they are finer than the default.

    The key has accepted them, so it takes nothing coarser any more. What is declared goes before.
    """
    own = getattr(api._nonce, "__func__", None) is not krakenex.API._nonce  # noqa: SLF001
    if own and not os.environ.get("KRAKEN_NONCE_UNIT", "").strip():
        with contextlib.suppress(Exception):  # their code
            unit = NonceUnit.of_mark(int(api._nonce()), SystemClock().now_ns())  # noqa: SLF001
            return unit if unit in (NonceUnit.TEN_NS, NonceUnit.NS) else None
    return None
