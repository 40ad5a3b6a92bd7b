"""The public names, as type checkers see them; at run time `__getattr__` loads each when it is first used."""

from kraken_doctor.client.adapters import install
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
from kraken_doctor.secret import key_id

__version__: str

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
