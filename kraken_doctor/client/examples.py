"""Bots as they are met, to be examined: ``kraken-doctor nonce --target kraken_doctor.client.examples:plain``."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Return ``plain``, krakenex as it is, or ``unique``, with a good generator and nothing else."""
    if name not in ("plain", "unique"):
        raise AttributeError(name)
    import krakenex

    from kraken_doctor.nonce.generator import NonceGenerator
    from kraken_doctor.nonce.stores import open_store

    api = krakenex.API("key", "c2VjcmV0")
    if name == "unique":
        api._nonce = NonceGenerator("example", store=open_store("memory://")).next  # noqa: SLF001 - krakenex's hook
    return api
