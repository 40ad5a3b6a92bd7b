"""
Names the cause of a failed connection to Kraken, and keeps ``EAPI:Invalid nonce`` from coming back.

What a bot imports stands here, and is loaded when it is first used: ``import kraken_doctor`` itself
reads no file, opens no socket and imports neither requests nor krakenex.
"""

from __future__ import annotations

__version__ = "0.2.0"

TYPE_CHECKING = False  # type checkers know it by its name; the start of every hooked process would load `typing`
if TYPE_CHECKING:
    from typing import Any

    from kraken_doctor.client.install import install
    from kraken_doctor.client.kraken import KrakenClient
    from kraken_doctor.client.retry import RetryPolicy
    from kraken_doctor.doctor.examine import examine
    from kraken_doctor.errors import (
        ConfigurationError,
        KrakenError,
        KrakenInvalidKey,
        KrakenInvalidNonce,
        KrakenInvalidSignature,
        KrakenPermissionDenied,
        KrakenTemporaryLockout,
        NonceError,
        NonceHookError,
        NonceStoreError,
        TurnTimeoutError,
    )
    from kraken_doctor.model.unit import NonceUnit
    from kraken_doctor.nonce.generator import NonceGenerator
    from kraken_doctor.nonce.stores import open_store
    from kraken_doctor.redact import key_id

_HOME = {
    "ConfigurationError": "errors",
    "KrakenClient": "client.kraken",
    "KrakenError": "errors",
    "KrakenInvalidKey": "errors",
    "KrakenInvalidNonce": "errors",
    "KrakenInvalidSignature": "errors",
    "KrakenPermissionDenied": "errors",
    "KrakenTemporaryLockout": "errors",
    "NonceError": "errors",
    "NonceGenerator": "nonce.generator",
    "NonceHookError": "errors",
    "NonceStoreError": "errors",
    "NonceUnit": "model.unit",
    "RetryPolicy": "client.retry",
    "TurnTimeoutError": "errors",
    "examine": "doctor.examine",
    "install": "client.install",
    "key_id": "redact",
    "open_store": "nonce.stores",
}

__all__ = [
    "ConfigurationError",
    "KrakenClient",
    "KrakenError",
    "KrakenInvalidKey",
    "KrakenInvalidNonce",
    "KrakenInvalidSignature",
    "KrakenPermissionDenied",
    "KrakenTemporaryLockout",
    "NonceError",
    "NonceGenerator",
    "NonceHookError",
    "NonceStoreError",
    "NonceUnit",
    "RetryPolicy",
    "TurnTimeoutError",
    "examine",
    "install",
    "key_id",
    "open_store",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
