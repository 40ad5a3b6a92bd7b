"""Prometheus metrics of all private calls of this process, in the default registry."""

import functools
import re
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from kraken_doctor.error_strings import kraken_error
from kraken_doctor.model.call import CallRecord

# From a loopback answer to the longest wait that a caller accepts.
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

ISSUED = Counter("kraken_doctor_nonces_issued", "Nonces taken for private calls", ["key_id", "unit"])
REFUSED = Counter("kraken_doctor_nonces_refused", "Nonces that the exchange refused", ["key_id", "unit"])
CALLS = Counter("kraken_doctor_private_calls", "Private calls by their outcome", ["key_id", "endpoint", "outcome"])
WAIT = Histogram("kraken_doctor_turn_wait_seconds", "Wait for the key's turn", ["key_id"], buckets=_SECONDS)
LATENCY = Histogram("kraken_doctor_call_latency_seconds", "From sending to the answer", ["endpoint"], buckets=_SECONDS)
LEAD = Gauge("kraken_doctor_mark_lead_seconds", "Last nonce less this host's clock", ["key_id"])


_OUR_OWN = re.compile(r"[a-z]{2,12}(?:-[a-z]{1,12}){0,3}|[A-Za-z]{1,40}(?:Error|Exception|Timeout|Unavailable)")
"""``ok``, the id of a cause, or the type of another client's exception."""


def observe(record: CallRecord) -> None:
    """Count one call."""
    issued, calls, wait, latency, lead = _children(record.key_id, record.unit, record.endpoint, _outcome(record))
    issued.inc()
    calls.inc()
    wait.observe(record.waited_s)
    latency.observe(record.latency_s)
    lead.set(record.lead_s)
    if record.outcome != "ok" and record.refused:
        REFUSED.labels(record.key_id, record.unit).inc()


@functools.lru_cache(maxsize=1024)
def _children(key_id: str, unit: str, endpoint: str, outcome: str) -> tuple[Any, ...]:
    """Return the time series of such a call: looking them up takes longer than counting, inside each call."""
    issued, calls = ISSUED.labels(key_id, unit), CALLS.labels(key_id, endpoint, outcome)
    return issued, calls, WAIT.labels(key_id), LATENCY.labels(endpoint), LEAD.labels(key_id)


def _outcome(record: CallRecord) -> str:
    # The exchange's words would be labels without end; the cause that they lead to is one of a few dozen.
    if _OUR_OWN.fullmatch(record.outcome):
        return record.outcome
    return "nonce-refused" if record.refused else kraken_error((record.outcome,)).cause
