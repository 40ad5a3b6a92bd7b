"""
Names the cause of a failed connection to Kraken, and keeps ``EAPI:Invalid nonce`` from coming back.

What a bot imports stands here, and is loaded when it is first used: ``import kraken_doctor`` itself
reads no file, opens no socket and imports neither requests nor krakenex. Type checkers read ``__init__.pyi``.
"""

from __future__ import annotations

__version__ = "0.2.0"

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

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
