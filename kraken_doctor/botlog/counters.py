"""What a log's events are counted in: each kind of error, the nonces that are named, and how many of what when."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
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


_WEEK_S, _SUNDAY_S = 604_800, 3 * 86_400
"""1970 began with a Thursday."""


def elapsed_s(since: float, at: float) -> float:
    """
    Return how long *at* is after *since*, by a clock that may have been put forward or back between them.

    A log without zones does not say so. Clocks are changed on a Sunday before four: where times go back then, an hour
    repeats; where they leave a whole hour out, it is missing. Less than a minute back is threads out of order.
    """
    apart_s = at - since
    if not 0 <= at % _WEEK_S - _SUNDAY_S < 4 * 3_600:
        return apart_s
    if -3_600 <= apart_s < -60:
        return apart_s + 3_600
    return apart_s - 3_600 if 3_600 + at % 3_600 < apart_s < 7_200 else apart_s


QUICK_S = 120.0
"""A bot that is refused tries again within that."""


@dataclass
class ErrorStats:
    """One error: how often, and when."""

    title: str
    kind: str
    count: int = 0
    first: float | None = None
    last: float | None = None
    endpoint: str = ""
    """The last call that had it, where that is said."""
    endpoints: Counter[str] = field(default_factory=Counter)
    hints: Counter[str] = field(default_factory=Counter)
    line: int = 0
    """Of the first one, in its file."""
    naming_kraken: int = 0
    """How many of them name Kraken, or quote it."""
    near_dns: int = 0
    """How many of them stand beside a name that did not resolve, whoever's."""
    quick_gaps: int = 0
    longest_gap_s: float = 0.0
    worked_after: bool = False
    """Whether a call worked since the last one; of a key's own errors, the same call."""
    gave_up_after: bool = False
    """Whether the bot says that it does not go on, since the last one."""

    @property
    def shown(self) -> str:
        """Return what may be shown of it: our own spelling; of an unknown error its category alone."""
        return f"{self.title}:… (line {self.line})" if self.kind == "unknown" else self.title

    def saw(self, event: Event) -> None:
        """Count what is told once more, or more often."""
        times, says = event.times, event.says
        for at in times:
            if at is not None and self.last is not None:
                gap_s = at - self.last
                if not 0.0 <= gap_s <= 3_600:  # within an hour the clock is right, and most are
                    gap_s = max(elapsed_s(self.last, at), 0.0)
                self.quick_gaps += gap_s <= QUICK_S
                self.longest_gap_s = gap_s if gap_s > self.longest_gap_s else self.longest_gap_s
            self.last = at
        self.count, self.worked_after = self.count + len(times), False
        self.first = event.at if self.first is None else self.first
        self.endpoint = says.endpoint
        self.endpoints[self.endpoint] += len(times)
        if says.hints:
            self.hints.update(says.hints)
        self.naming_kraken += says.whose.kraken * len(times)
        self.gave_up_after = says.gave_up


WIDTHS_S = (60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000, 31_536_000)
"""A minute to a year: what people call times by."""

_MOST_BUCKETS = 2_000


@dataclass
class Timeline:
    """Counts by time; it grows coarser rather than longer."""

    width_s: int = WIDTHS_S[0]
    _buckets: dict[int, Counter[str]] = field(default_factory=dict)

    def add(self, kind: str, times: Iterable[float | None]) -> None:
        """One more of *kind* at each of *times*; without a time it is counted elsewhere alone."""
        for number in [int(at // self.width_s) for at in times if at is not None]:
            (self._buckets.get(number) or self._buckets.setdefault(number, Counter()))[kind] += 1
        while len(self._buckets) > _MOST_BUCKETS:
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
        else:
            self._buckets, self.width_s = _merged(self._buckets, self.width_s, wider), wider


def _merged(buckets: dict[int, Counter[str]], width_s: int, wider_s: int) -> dict[int, Counter[str]]:
    merged: dict[int, Counter[str]] = {}
    for number, counts in buckets.items():
        merged.setdefault(number * width_s // wider_s, Counter()).update(counts)
    return merged
