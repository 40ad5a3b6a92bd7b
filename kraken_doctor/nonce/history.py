"""What the audit log proves of a key: which nonces the exchange accepted, and in whose unit. Pure but for the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kraken_doctor.model.call import BOT
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores import NonceStore

UNIT_NOTE_0_1 = "accepted unit"
"""Under this name version 0.1 kept the unit of a key's last accepted call, and not who had chosen it: its own guess of
microseconds is among them, so the note is shown and never followed."""


class KeyHistory(NamedTuple):
    """One key's accepted calls, as far back as the audit log goes."""

    nonce: int | None = None
    """The newest nonce that was accepted, whoever sent it; None if there is none."""
    unit: NonceUnit | None = None
    """The unit of the newest accepted call of a bot, or of a doctor whose user had declared the unit."""
    by_bot: bool = False
    """Whether that call was a bot's."""


def key_histories(store: NonceStore, key_ids: Iterable[str]) -> dict[str, KeyHistory]:
    """
    The history of each key; one pass over the log for all of them, which ends when all is known.

    A mark proves nothing here: it is set when a nonce is issued, and a bot that never reached the exchange has one too.
    Nor does a record whose nonce is no time of its moment, or falls short of the unit that it names: it is damaged.

    Raises:
        NonceStoreError: The log can't be read.
    """
    wanted = set(key_ids)
    found = dict.fromkeys(wanted, KeyHistory())
    for record in store.newest(wanted):
        unit, at_ns = NonceUnit(record.unit), max(record.at_ns, marks.FIRST_NS)
        shown = NonceUnit.of_mark(record.nonce, at_ns)
        if record.outcome != "ok" or shown is None or shown.tick_ns > unit.tick_ns:
            continue
        history = found[record.key_id]
        if history.nonce is None:
            history = history._replace(nonce=record.nonce)
        if record.by == BOT or (record.by and record.declared):
            history = history._replace(unit=unit, by_bot=record.by == BOT)
            wanted.discard(record.key_id)
        found[record.key_id] = history
    return found
