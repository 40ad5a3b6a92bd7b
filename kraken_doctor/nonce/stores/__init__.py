"""Stores behind one verb; `open_store` chooses by URL."""

from __future__ import annotations

import os
import urllib.parse
from pathlib import Path

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.nonce.stores.base import NonceStore

__all__ = ["NonceStore", "absolute_url", "open_store"]


def absolute_url(url: str | None) -> str:
    """
    Return the URL that names the store of *url*, see `open_store`, for a process with another working directory.

    Raises:
        ConfigurationError: It names no store.
    """
    from kraken_doctor.nonce.stores.sqlite import SQLiteStore

    store = open_store(url)
    if isinstance(store, SQLiteStore):
        return f"sqlite:///{urllib.parse.quote(str(store.path))}"
    return url or os.environ["KRAKEN_NONCE_STORE"]


def open_store(url: str | None = None) -> NonceStore:
    """
    The nonce store that *url* names; without one, that of ``KRAKEN_NONCE_STORE``, else this user's SQLite file.

    Only the process's environment is read, no ``.env``; a variable that is empty counts as unset.

    Args:
        url: ``memory://`` (this process), ``sqlite:///path`` or ``sqlite:///relative/path`` (all
            processes of this host; ``sqlite:////var/lib/x.db`` is absolute), ``redis://`` or ``rediss://``
            with ``[user:password@]host:port/db`` (all hosts that reach it).

    Raises:
        ConfigurationError: The URL names no store, or its extra is missing. Nothing is opened before the first nonce.
    """
    if url is None:
        named = os.environ.get("KRAKEN_NONCE_STORE")
        if not named:
            return _default()
        try:
            return open_store(named)
        except ConfigurationError as exc:
            raise ConfigurationError(f"KRAKEN_NONCE_STORE: {exc}") from None
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "memory" and not rest:
        from kraken_doctor.nonce.stores.memory import MemoryStore

        return MemoryStore()
    if separator and scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        from kraken_doctor.nonce.stores.sqlite import SQLiteStore

        return SQLiteStore(Path(urllib.parse.unquote(rest[1:])).absolute())
    if separator and scheme in ("redis", "rediss"):
        from kraken_doctor.nonce.stores.redis import RedisStore

        return RedisStore(url)
    # The URL itself may hold a password: only its scheme is repeated.
    raise ConfigurationError(
        f"nonce store {scheme[:20] if separator else ''!r}: use memory://, sqlite:///path or "
        "redis://host:port/db (KRAKEN_NONCE_STORE)",
    )


def _default() -> NonceStore:
    import platformdirs

    from kraken_doctor.nonce.stores.sqlite import SQLiteStore

    return SQLiteStore(platformdirs.user_state_path("kraken-doctor", appauthor=False) / "nonce.db")
