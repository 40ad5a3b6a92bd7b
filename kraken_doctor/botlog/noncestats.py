"""The nonces that a log names: repeated, falling, or counted in more than one unit."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from kraken_doctor.botlog.events import Event

_KEPT = 4096
"""A bound: a log may have any number of them."""

_NONCE_DIGITS = {10: "s", 13: "ms", 16: "us", 17: "100ns", 18: "10ns", 19: "ns"}
"""Today's: https://docs.kraken.com/exchange/guides/rest/authentication leaves the unit free; see docs/causes.md."""


@dataclass
class NonceStats:
    """Counts, in the order of the log."""

    repeated: int = 0
    repeated_example: int | None = None
    falling: int = 0
    units: Counter[str] = field(default_factory=Counter)
    coarser_after_finer: bool = False
    _sent: OrderedDict[int, tuple[float | None, str]] = field(default_factory=OrderedDict)
    _failed: OrderedDict[int, tuple[float | None, str]] = field(default_factory=OrderedDict)
    _largest: dict[str, int] = field(default_factory=dict)
    _finest_digits: int = 0

    def add(self, event: Event, nonce: int) -> None:
        """Count one that *event* names."""
        digits = len(str(nonce))
        unit = _NONCE_DIGITS.get(digits)
        if unit is None:
            return
        failed = bool(event.says.symptoms)
        known = self._failed if failed else self._sent
        before = known.get(nonce)
        # A line that two handlers write is one event: the same moment, the same worker.
        if before is not None and before != (event.at, event.says.worker):
            self.repeated, self.repeated_example = self.repeated + 1, nonce
        elif before is None:
            self.units[unit] += 1
        known[nonce] = (event.at, event.says.worker)
        if len(known) > _KEPT:
            known.popitem(last=False)
        if not failed or nonce not in self._sent:
            self.coarser_after_finer |= digits < self._finest_digits
            self._finest_digits = max(self._finest_digits, digits)
            self.falling += nonce < self._largest.get(unit, 0)
            self._largest[unit] = max(nonce, self._largest.get(unit, 0))
