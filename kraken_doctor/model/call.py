"""One private call as it went, and every form in which it is written down: a line of the audit log, a JSON object."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from json.encoder import encode_basestring_ascii as _quote
from typing import Any

from kraken_doctor.error_strings import is_nonce_refusal
from kraken_doctor.frozen import dataclass
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.model.unit import MAX_NONCE, NonceUnit

BOT, DOCTOR = "bot", "doctor"
NOT_SENT, UNKNOWN = "not-sent", "unknown"
"""The outcomes of a call of which nothing is known: before sending began, and from then on."""

JSON_FIELDS: dict[str, type] = {
    "key_id": str, "unit": str, "nonce": int, "endpoint": str, "outcome": str, "by": str, "declared": bool,
    "latency_s": float, "waited_s": float,
}  # fmt: skip
"""The fields of `CallRecord` that are values of the JSON object too, in its order; its time is ``at`` and ``at_ns``."""

_LINE_OUTCOME_CHARACTERS = 200
"""An outcome may be a server's words, and the log is bounded in size."""


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

    `NOT_SENT` where nothing can have left; `UNKNOWN` where it may have been executed, and nobody saw its answer.
    """
    latency_s: float
    """From sending to the answer, in seconds."""
    waited_s: float
    """For the key's turn, in seconds."""
    by: str = BOT
    """`BOT` or `DOCTOR`; empty in a record of version 0.1, which did not say."""
    declared: bool = True
    """Whether the user named the unit, or the program chose it; False where the doctor fell back to milliseconds."""

    @property
    def refused(self) -> bool:
        """Return whether the exchange refused the nonce."""
        return is_nonce_refusal((self.outcome,))

    @property
    def lead_s(self) -> float:
        """Return the nonce less the clock when it was taken, in seconds."""
        return NonceUnit(self.unit).lead_s(self.nonce, self.at_ns)

    def to_json(self, *, account: str | None = None, digits: int = 9) -> dict[str, Any]:
        """
        Return the record as the JSON object of schema.json.

        Args:
            account: The label of the account whose key it is, where that is known.
            digits: Of the second in ``at``: 3 in ``audit``, as schema version 1 has it there; ``at_ns`` is exact.
        """
        values = {name: getattr(self, name) for name in JSON_FIELDS}
        values |= {"latency_s": round(self.latency_s, 6), "waited_s": round(self.waited_s, 6)}
        return {"at": utc_timestamp(self.at_ns, digits), "at_ns": self.at_ns, "account": account, **values}

    def to_line(self) -> str:
        """Return the record as one line of the audit log: a JSON list, since names in every line would double it."""
        outcome = self.outcome[:_LINE_OUTCOME_CHARACTERS]
        # By hand: `json.dumps` sets up an encoder for each line, which takes longer than all the rest.
        return (
            f"[{self.at_ns}, {_quote(self.key_id)}, {_quote(self.unit)}, {self.nonce}, {_quote(self.endpoint)}, "
            f"{_quote(outcome)}, {round(self.latency_s, 6)}, {round(self.waited_s, 6)}, {_quote(self.by)}, "
            f"{'true' if self.declared else 'false'}]"
        )


def from_line(line: str | bytes) -> CallRecord | None:
    """Return the record in a line of the audit log; None for one that was cut off, or that somebody else wrote."""
    try:
        values = json.loads(line)
        # A line of version 0.1 ends behind the wait: who made that call is not known.
        by, declared = values[8:] or ("", False)
        read = {name: kind(value) for (name, kind), value in zip(_LINE_FIELDS.items(), values[:8], strict=True)}
        record = CallRecord(**read, by=str(by), declared=declared is True)
    # All that a line which somebody else wrote can raise: one of them must not cost the records around it.
    except (TypeError, ValueError, LookupError, OverflowError, RecursionError):
        return None
    return record if _is_possible(record) else None


UNDECLARED = b'"doctor", false]'
"""How the line ends of a call that the doctor made in a unit that nobody had declared."""


def from_lines(lines: Iterable[bytes], wanted: Mapping[str, tuple[bytes, ...]]) -> Iterator[CallRecord]:
    """
    Yield the records in *lines* of each key in *wanted*, but for those whose line ends with one of its texts.

    The caller may change *wanted* on the way. Only these lines are parsed: a full log has a hundred thousand.
    """
    keys = {key_id.encode(): key_id for key_id in wanted}
    for line in lines:
        # The first text in quotes is the key's id, see `to_line`: far cheaper to find than to parse the line.
        key = line.partition(b'"')[2].partition(b'"')[0]
        passed_over = wanted.get(keys.get(key, ""))
        if passed_over is not None and not line.endswith(passed_over) and (record := from_line(line)) is not None:
            yield record


def _is_possible(record: CallRecord) -> bool:
    """Return whether *record* can be one of ours: anybody may have written to the file."""
    try:
        record.key_id.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no store can look up
        return False
    known = record.unit in _UNITS and record.by in ("", BOT, DOCTOR)
    numbers = 0 <= record.at_ns < 2**63 and 0 <= record.nonce <= MAX_NONCE
    return known and numbers and all(0 <= seconds < math.inf for seconds in (record.latency_s, record.waited_s))


_LATER = ("by", "declared")  # fields that version 0.1 did not write
_LINE_FIELDS: dict[str, Any] = {"at_ns": int} | {name: JSON_FIELDS[name] for name in JSON_FIELDS if name not in _LATER}
_UNITS = {unit.value for unit in NonceUnit}
