"""
What every store does, and `open_store`, which chooses one by URL.

`tests/nonce/test_store_contract.py` holds each of them to it.
"""

import os
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.defaults import TURN_LEASE_S
from kraken_doctor.nonce.marks import Possible
from kraken_doctor.nonce.turn import Turn


class NonceStore(Protocol):
    """
    High-water marks, one a key, and the turns of each key.

    The mark is the largest nonce issued for a key. How far *strictly increasing* and *in order* hold is
    how far the store reaches: one process, one host, or all hosts.
    """

    name: str
    """``memory``, ``sqlite`` or ``redis``: what reports call it."""

    def advance(self, key_id: str, floor: int, is_possible: Possible | None = None) -> int:
        """
        Set the mark to ``max(mark + 1, floor)`` in one atomic step and return it once durable.

        Never below what this process got before, even if the store has lost its data since.

        Args:
            key_id: Whose mark.
            floor: The least that it may be.
            is_possible: Asked of a nonce that comes from neither *floor* nor this process: whether it can be one.

        Raises:
            NonceExhaustedError: The mark is at the end of the unsigned 64-bit range.
            NonceStoreError: The mark can't be read or made durable, or is none, see `marks.judged`. No nonce was
                issued.
        """

    def mark(self, key_id: str) -> int | None:
        """
        Return the mark as it stands, None for a key never seen. For reports: it is old as soon as it is read.

        Raises:
            NonceStoreError: It can't be read, or is no whole number of 64 bits.
        """

    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> AbstractContextManager[Turn]:
        """
        Return the exclusive right to have a request of this key in flight.

        Args:
            key_id: Whose turn.
            timeout_s: Longest wait for it.
            lease_s: Longest time that it is needed. Locks of the kernel have no use for it.

        Raises:
            TurnTimeoutError: It was not free within *timeout_s* seconds.
            TurnHeldError: This thread has it already.
            NonceStoreError: Turns can't be taken at all.
        """

    def remember(self, key_id: str, name: str, value: str) -> None:
        """Keep a note about a key, such as the unit that its exchange accepted."""

    def recall(self, key_id: str, name: str) -> str | None:
        """Return a note kept before, or None."""

    def record(self, record: CallRecord) -> None:
        """
        Keep an audit record, for a bounded number of them: the oldest go.

        Raises:
            NonceStoreError: It can't be written.
        """

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        """Return the audit records from *since_ns* (wall clock) on, oldest first."""

    def newest(self, wanted: Mapping[str, tuple[bytes, ...]]) -> Iterator[CallRecord]:
        """
        Return the audit records of the keys *wanted*, the newest first.

        A key that the caller takes out of *wanted* on the way is passed over from then on. Records whose line ends
        with one of a key's texts may be passed over too: see `model.call.from_lines`.
        """

    def close(self) -> None:
        """Give back what the store holds; using it afterwards opens it anew."""


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
    Return the nonce store that *url* names; without one, that of ``KRAKEN_NONCE_STORE``, else this user's SQLite file.

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

    # Without appauthor Windows would have a folder kraken-doctor in a folder kraken-doctor.
    return SQLiteStore(platformdirs.user_state_path("kraken-doctor", appauthor=False) / "nonce.db")
