"""A `CallRecord` as flat text fields, and back."""

from __future__ import annotations

from collections.abc import Mapping

from kraken_doctor.model.call import CallRecord


def fields(record: CallRecord) -> dict[str, str]:
    """Field names and texts; a 64-bit nonce stays exact as text."""
    return {
        "at_ns": str(record.at_ns),
        "key_id": record.key_id,
        "unit": record.unit,
        "nonce": str(record.nonce),
        "endpoint": record.endpoint,
        "outcome": record.outcome,
        "latency_s": repr(record.latency_s),
        "waited_s": repr(record.waited_s),
    }


def record(texts: Mapping[str, str]) -> CallRecord | None:
    """The record of *texts*; None for an entry that somebody else wrote."""
    try:
        return CallRecord(
            at_ns=int(texts["at_ns"]),
            key_id=texts["key_id"],
            unit=texts["unit"],
            nonce=int(texts["nonce"]),
            endpoint=texts["endpoint"],
            outcome=texts["outcome"],
            latency_s=float(texts["latency_s"]),
            waited_s=float(texts["waited_s"]),
        )
    except (KeyError, ValueError):
        return None
