"""One private call, as it went."""

from __future__ import annotations

from dataclasses import dataclass

BOT, DOCTOR = "bot", "doctor"


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """A nonce and what became of it; nothing in it is secret."""

    at_ns: int
    """Wall clock when the nonce was taken, nanoseconds since 1970."""
    key_id: str
    unit: str
    """``ms``, ``us``, …: see `NonceUnit`."""
    nonce: int
    endpoint: str
    """``Balance``, …"""
    outcome: str
    """
    ``ok``, the API's error string, or the cause id of the step that failed, such as ``read-timeout``.

    ``not-sent`` where nothing can have left; ``unknown`` where it may have been executed, and nobody saw its answer.
    """
    latency_s: float
    """From sending to the answer, in seconds."""
    waited_s: float
    """For the key's turn, in seconds."""
    by: str = BOT
    """`BOT` or `DOCTOR`; empty in a record of version 0.1, which did not say."""
    declared: bool = True
    """Whether the user named the unit, or the program chose it; False where the doctor fell back to milliseconds."""
