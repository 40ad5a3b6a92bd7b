"""A `CallRecord` as one line of JSON, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator

from kraken_doctor.model.call import BOT, DOCTOR, CallRecord
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
            record.by,
            record.declared,
        )
    )


def load(line: str | bytes) -> CallRecord | None:
    """The record in *line*; None for a line that was cut off, or that somebody else wrote."""
    try:
        # A line of version 0.1 ends behind the wait: who made that call is not known.
        at_ns, key_id, unit, nonce, endpoint, outcome, latency_s, waited_s, *rest = json.loads(line)
        by, declared = rest or ("", False)
        record = CallRecord(
            at_ns=int(at_ns),
            key_id=str(key_id),
            unit=str(unit),
            nonce=int(nonce),
            endpoint=str(endpoint),
            outcome=str(outcome),
            latency_s=float(latency_s),
            waited_s=float(waited_s),
            by=str(by),
            declared=declared is True,
        )
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return record if _is_possible(record) else None


def of_keys(lines: Iterable[bytes], wanted: Collection[str]) -> Iterator[CallRecord]:
    """
    The records in *lines* whose key is in *wanted*, which the caller may make smaller on the way.

    Only their lines are parsed: a full log has a hundred thousand.
    """
    keys = {key_id.encode(): key_id for key_id in wanted}
    for line in lines:
        key = line.partition(b'"')[2].partition(b'"')[0]
        if keys.get(key) in wanted and (record := load(line)) is not None:
            yield record


def _is_possible(record: CallRecord) -> bool:
    """Whether *record* can be one of ours: a file is what anybody may have written to."""
    try:
        record.key_id.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no store can look up
        return False
    return (
        record.unit in _UNITS
        and record.by in ("", BOT, DOCTOR)
        and 0 <= record.at_ns < 2**63
        and 0 <= record.nonce <= MAX_NONCE
        and 0 <= record.latency_s < math.inf
        and 0 <= record.waited_s < math.inf
    )


_UNITS = {unit.value for unit in NonceUnit}
