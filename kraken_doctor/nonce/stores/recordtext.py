"""A `CallRecord` as one line of JSON, and back."""

from __future__ import annotations

import json
import math

from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import MAX_NONCE, NonceUnit

_OUTCOME_CHARACTERS = 200
"""An outcome may be a server's words."""


def dump(record: CallRecord) -> str:
    """One line, without its end. A list, not an object: names in every line would double the log."""
    return json.dumps(
        (
            record.at_ns,
            record.key_id,
            record.unit,
            record.nonce,
            record.endpoint,
            record.outcome[:_OUTCOME_CHARACTERS],
            round(record.latency_s, 6),
            round(record.waited_s, 6),
        )
    )


def load(line: str | bytes) -> CallRecord | None:
    """The record in *line*; None for a line that was cut off, or that somebody else wrote."""
    try:
        at_ns, key_id, unit, nonce, endpoint, outcome, latency_s, waited_s = json.loads(line)
        record = CallRecord(
            at_ns=int(at_ns),
            key_id=str(key_id),
            unit=str(unit),
            nonce=int(nonce),
            endpoint=str(endpoint),
            outcome=str(outcome),
            latency_s=float(latency_s),
            waited_s=float(waited_s),
        )
    except (TypeError, ValueError, RecursionError):
        return None
    return record if _is_possible(record) else None


def _is_possible(record: CallRecord) -> bool:
    """Whether *record* can be one of ours: a file is what anybody may have written to."""
    try:
        record.key_id.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no store can look up
        return False
    return (
        record.unit in _UNITS
        and 0 <= record.at_ns < 2**63
        and 0 <= record.nonce <= MAX_NONCE
        and 0 <= record.latency_s < math.inf
        and 0 <= record.waited_s < math.inf
    )


_UNITS = {unit.value for unit in NonceUnit}
