"""
Names the cause of a failed connection to Kraken, and keeps ``EAPI:Invalid nonce`` from coming back.

What a bot imports stands here, and is loaded when it is first used: ``import kraken_doctor`` itself
reads no file, opens no socket and imports neither requests nor krakenex. Type checkers read ``__init__.pyi``.
"""

__version__ = "0.2.0"

_NAMES = {
    "client.adapters": ["install"],
    "client.kraken": ["KrakenClient"],
    "client.retry": ["RetryPolicy"],
    "doctor.examine": ["examine"],
    "errors": ["ConfigurationError", "KrakenError", "KrakenInvalidKey", "KrakenInvalidNonce", "KrakenInvalidSignature",
               "KrakenPermissionDenied", "KrakenTemporaryLockout", "NonceError", "NonceHookError", "NonceStoreError",
               "TurnTimeoutError"],
    "model.unit": ["NonceUnit"],
    "nonce.generator": ["NonceGenerator"],
    "nonce.stores": ["open_store"],
    "secret": ["key_id"],
}  # fmt: skip
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
