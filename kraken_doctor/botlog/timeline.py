"""How many of each kind when, in as few buckets as a page can show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

WIDTHS_S = (60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000, 31_536_000)
"""A minute to a year: what people call times by."""

_MOST_BUCKETS = 2_000


@dataclass
class Timeline:
    """Counts by time; it grows coarser rather than longer."""

    width_s: int = WIDTHS_S[0]
    _buckets: dict[int, Counter[str]] = field(default_factory=dict)
    _last: float | None = None

    def add(self, at: float | None, kind: str) -> None:
        """One more of *kind*; without a time it is counted elsewhere alone."""
        if at is None:
            return
        self._buckets.setdefault(int(at // self.width_s), Counter())[kind] += 1
        if len(self._buckets) > _MOST_BUCKETS:
            self._coarsen()

    def shown(self, most: int) -> tuple[int, list[tuple[float, Counter[str]]]]:
        """
        At most *most* buckets that hold anything, each by its beginning, and their width in seconds.

        The last may be longer than its width, where even years are too many.
        """
        buckets, width = self._buckets, self.width_s
        for wider in WIDTHS_S:
            if wider > width and len(buckets) > most:
                buckets, width = _merged(buckets, width, wider), wider
        rows = [(float(number * width), counts) for number, counts in sorted(buckets.items())]
        return width, rows[:most]

    def _coarsen(self) -> None:
        wider = next((width for width in WIDTHS_S if width > self.width_s), None)
        if wider is None:
            self._buckets.popitem()
            return
        self._buckets, self.width_s = _merged(self._buckets, self.width_s, wider), wider


def _merged(buckets: dict[int, Counter[str]], width_s: int, wider_s: int) -> dict[int, Counter[str]]:
    merged: dict[int, Counter[str]] = {}
    for number, counts in buckets.items():
        merged.setdefault(number * width_s // wider_s, Counter()).update(counts)
    return merged
