"""Private calls in figures: per key and endpoint, as a report shows them."""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.findings import by_kind
from kraken_doctor.model.format import milliseconds

COLUMNS = ("Calls", "Nonce refused", "Failed otherwise", "Median", "95 %", "Longest", "Longest wait")
"""What `EndpointFigures.cells` are."""


class EndpointFigures(NamedTuple):
    """The calls of one key to one endpoint. Times in seconds."""

    key_id: str
    endpoint: str
    calls: int
    refused: int
    """For their nonce."""
    failed: int
    """Otherwise."""
    median_s: float
    slow_s: float
    """95 of 100 calls were not slower."""
    longest_s: float
    waited_s: float
    """The longest wait for the key's turn."""

    def cells(self) -> list[str]:
        """The figures in words, in the order of `COLUMNS`."""
        times = (self.median_s, self.slow_s, self.longest_s, self.waited_s)
        counts = (self.calls, self.refused, self.failed)
        return [*map(str, counts), *(milliseconds(seconds) for seconds in times)]


def figures(records: Iterable[CallRecord]) -> list[EndpointFigures]:
    """Key by key, endpoint by endpoint."""
    groups = by_kind(records, lambda record: (record.key_id, record.endpoint))
    return [_figures(*names, group) for names, group in sorted(groups.items())]


LATENCY_COLUMNS = ("Calls", "How many", "Connecting", "TLS", "First byte", "Whole answer")
"""What the rows of `latency` are: medians, in brackets the worst."""


def latency(found: object) -> list[list[str]]:
    """Latency of this run's calls, step by step; *found* is the report's field, which a saved one may have wrong."""
    kinds = found.items() if isinstance(found, dict) else ()
    return [[str(kind), str(parts.get("samples", "?")), *map(functools.partial(_step, parts), _STEPS)]
            for kind, parts in kinds if isinstance(parts, dict)]  # fmt: skip


_STEPS = ("connect", "tls", "first_byte", "total")


def _step(parts: Mapping[str, object], name: str) -> str:
    median, worst = parts.get(f"{name}_median_s"), parts.get(f"{name}_worst_s")
    if not isinstance(median, (int, float)) or not isinstance(worst, (int, float)):
        return "-"  # it did not happen: a connection is used again, and loopback has no TLS
    return f"{milliseconds(median)} ({milliseconds(worst)})"


def missing(audit: object) -> list[str]:
    """What the records don't hold, in sentences; *audit* is the report's field, which a saved one may have wrong."""
    if not isinstance(audit, dict):
        return []
    said = []
    if audit.get("problem"):
        said.append(f"Only this run's own calls: the nonce audit log {audit['problem']}.")
    if audit.get("left_out"):
        said.append(f"{audit['left_out']} older calls of the hour are left out.")
    return said


def _figures(key_id: str, endpoint: str, group: Sequence[CallRecord]) -> EndpointFigures:
    latencies = sorted(record.latency_s for record in group)
    refused = sum(record.refused for record in group)
    failed = sum(record.outcome != "ok" for record in group) - refused
    times = _quantile(latencies, 0.5), _quantile(latencies, 0.95), latencies[-1]
    waited_s = max(record.waited_s for record in group)
    return EndpointFigures(key_id, endpoint, len(group), refused, failed, *times, waited_s)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The least value that *share* of them do not exceed: one that was measured, not one between two."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
