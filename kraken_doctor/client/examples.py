"""Bots as they are met, to be examined: ``kraken-doctor nonce --target kraken_doctor.client.examples:plain``."""

from typing import Any


def __getattr__(name: str) -> Any:
    """
    Return ``plain``, krakenex as it is, or ``unique``, with a good generator and nothing else.

    ``rising`` is a krakenex that has such a generator by itself.
    """
    if name not in ("plain", "unique", "rising"):
        raise AttributeError(name)
    import krakenex

    from kraken_doctor.nonce.generator import NonceGenerator
    from kraken_doctor.nonce.stores import open_store

    api = krakenex.API("key", "c2VjcmV0")
    take = NonceGenerator("example", store=open_store("memory://")).next
    if name == "unique":
        api._nonce = take  # noqa: SLF001 - krakenex's hook
    elif name == "rising":
        krakenex.API._nonce = lambda _self: take()  # noqa: SLF001
    return api
