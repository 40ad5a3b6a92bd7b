"""What is told of each private call: to the audit log, to the metrics, to whoever else watches."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.call import CallRecord

if TYPE_CHECKING:
    from kraken_doctor.nonce.stores import NonceStore

logger = logging.getLogger(__name__)

Observer = Callable[[CallRecord], None]


class Audit:
    """
    Writes records to the store.

    A record that can't be written is lost, and said once: the call that it tells of has been made, and its
    answer must reach the caller.
    """

    def __init__(self, store: NonceStore) -> None:
        self._store = store
        self._failing = False

    def __call__(self, record: CallRecord) -> None:
        try:
            self._store.record(record)
        except NonceStoreError as exc:
            if not self._failing:
                logger.warning("the audit log can't be written: %s", exc)
            self._failing = True
        else:
            self._failing = False


def metrics() -> Observer | None:
    """The metrics of this process; None without the extra ``kraken-doctor[metrics]``."""
    try:
        from kraken_doctor.client.metrics import observe
    except ImportError:
        return None
    return observe
