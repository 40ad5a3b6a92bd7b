"""The record of a private call in the published JSON form, see schema.json."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kraken_doctor.model.call import CallRecord


def document(records: Iterable[CallRecord]) -> list[dict[str, Any]]:
    """The records in the published JSON form, see schema.json."""
    return [values(record, moment(record.at_ns)) for record in records]


def values(record: CallRecord, at: str, **more: object) -> dict[str, Any]:
    """One record as JSON values: *at* is its time, *more* are fields beside its own."""
    return {
        "at": at,
        "key_id": record.key_id,
        **more,
        "unit": record.unit,
        "nonce": record.nonce,
        "endpoint": record.endpoint,
        "outcome": record.outcome,
        "by": record.by,
        "latency_s": round(record.latency_s, 6),
        "waited_s": round(record.waited_s, 6),
    }


def moment(at_ns: int) -> str:
    """A time in UTC, to the nanosecond."""
    seconds, fraction = divmod(at_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
