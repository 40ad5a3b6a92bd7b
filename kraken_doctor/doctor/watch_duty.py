"""One watch is enough for a key: two spend its call counter twice, and wake people twice."""

import contextlib
import uuid
from collections.abc import Iterable

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.report import AccountReport
from kraken_doctor.nonce.stores import NonceStore

_NOTE = "watched_by"


class WatchDuty:
    """
    Leave a note about each key in the nonce store, and look who has replaced it.

    Only a note that was replaced since our last round proves that another watch is alive; one that was found at the
    start may be what a watch left behind that has ended.

    Args:
        store: Reaches as far as it reaches: the watches of this host, or of all hosts.
        host: This host's name.
    """

    def __init__(self, store: NonceStore, host: str) -> None:
        self._store = store
        # Not the host's name alone: two watches on one host would not notice each other.
        self._own = f"{uuid.uuid4().hex} {host}"
        self._left: set[str] = set()

    def others(self, accounts: Iterable[AccountReport]) -> dict[str, str]:
        """Return the accounts whose key another watch has checked since our last round, with that one's host."""
        found = {}
        for account in accounts:
            key_id = account.key_id
            # A store that fails is a finding of the round itself.
            with contextlib.suppress(NonceStoreError):
                if not key_id:
                    continue
                # A store that was emptied has lost our note, and nobody has replaced it.
                note = self._store.recall(key_id, _NOTE) or self._own
                if note != self._own and key_id in self._left:
                    found[account.label] = note.partition(" ")[2]
                self._store.remember(key_id, _NOTE, self._own)
                self._left.add(key_id)
        return found
