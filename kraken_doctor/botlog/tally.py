"""
What a log's events add up to, one after the other, in bounded memory.

Nothing is judged here: that is `patterns` and `verdict`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from kraken_doctor.botlog.events import Event
from kraken_doctor.botlog.timeline import Timeline

AFTER_START_S = 120.0
"""A bot that starts calls the exchange within that."""

AFTER_CUT_S = 60.0
"""A retry follows a timeout within that; krakenex bots wait 5 to 40 s."""

TOGETHER_S = 1.0
"""Requests overtake each other by less: Kraken's own advice for a window begins at half a second."""

_THREADS = ("Thread-", "ThreadPoolExecutor-", "MainThread", "asyncio_", "Task-")
"""How Python names what shares one process."""

_ROUND_TRIP_S = 0.01
"""Shorter than a call to an exchange across the internet, TLS and its own work included."""

_RECENT = 256
_NONCES_KEPT = 4096
_NAMES_KEPT = 100
"""Bounds: a log may have any number of workers, nonces and errors."""

# After these it is not known whether the request was executed; a retry may carry the nonce that has arrived.
_CUT = frozenset(
    {"Read timed out", "Connection reset by peer", "520 Server Error", "NetworkError, Max retries exceeded"}
)
_NONCE_DIGITS = {10: "s", 13: "ms", 16: "us", 17: "100ns", 18: "10ns", 19: "ns"}
"""Today's: https://docs.kraken.com/exchange/guides/rest/authentication leaves the unit free; see docs/causes.md."""


@dataclass
class Seen:
    """One error: how often, and when."""

    title: str
    kind: str
    count: int = 0
    first: float | None = None
    last: float | None = None
    endpoint: str = ""
    """The last call that had it, where that is said."""
    worked_after: bool = False
    """Whether a call worked since the last one; of a key's own errors, the same call."""


@dataclass
class Tally:
    """Counts, and what came before what."""

    errors: dict[str, Seen] = field(default_factory=dict)
    """By the symptom's title, or the error's own text."""
    timeline: Timeline = field(default_factory=Timeline)
    worked: int = 0
    """Private calls that were answered without an error, as far as the log says so."""
    public_worked: int = 0
    starts: int = 0
    starts_first_refused: int = 0
    starts_first_worked: int = 0
    installed: int = 0
    last_installed: float | None = None
    refused: int = 0
    refused_after_start: int = 0
    refused_after_cut: int = 0
    refused_together: int = 0
    refused_in_a_row: int = 0
    """Since a call last worked."""
    row_began: float | None = None
    worked_after_refused: int = 0
    refused_endpoints: Counter[str] = field(default_factory=Counter)
    worked_endpoints: Counter[str] = field(default_factory=Counter)
    programs_together: int = 0
    """Of those: beside a call of another process or file, not of another thread."""
    repeated: int = 0
    repeated_example: int | None = None
    falling: int = 0
    units: Counter[str] = field(default_factory=Counter)
    coarser_after_finer: bool = False
    versions: dict[str, list[tuple[str, float | None]]] = field(default_factory=dict)
    clock_set_at: float | None = None
    clock_set_before_row: bool = False
    _start_pending: bool = False
    _last_start: float | None = None
    _last_cut: float | None = None
    _recent: deque[_Call] = field(default_factory=lambda: deque(maxlen=_RECENT))
    _told: OrderedDict[tuple[int, str, str], _Told] = field(default_factory=OrderedDict)
    _sent: OrderedDict[int, tuple[float | None, str]] = field(default_factory=OrderedDict)
    _failed: OrderedDict[int, tuple[float | None, str]] = field(default_factory=OrderedDict)
    _largest: dict[str, int] = field(default_factory=dict)
    _finest_digits: int = 0

    def errors_of(self, kind: str) -> Seen:
        """The first error of *kind*, with what is known of all of them; an empty one where there is none."""
        return next((seen for seen in self.errors.values() if seen.kind == kind), Seen("", kind))

    def add(self, event: Event) -> None:
        """Count one event; events come in the order of the log."""
        if event.installed:
            self.installed, self.last_installed = self.installed + 1, event.at
        if event.started:
            self.starts, self._start_pending, self._last_start = self.starts + 1, True, event.at
        self.public_worked += event.public_worked
        if event.clock_set:
            self.clock_set_at = event.at
        for name, number in event.versions:
            known = self.versions.setdefault(name, [])
            if len(known) < _RECENT and (not known or known[-1][0] != number):
                known.append((number, event.at))
        if event.nonce is not None:
            self._count_nonce(event, event.nonce)
        if event.worked:
            self._count_worked(event)
        elif event.symptoms or event.unknown:
            self._count_errors(event)

    def _count_worked(self, event: Event) -> None:
        self.worked += 1
        self.timeline.add(event.at, "worked")
        self._begun(refused=False)
        if self.refused:
            self.worked_after_refused += 1
        self.refused_in_a_row, self.row_began = 0, None
        self._count_endpoint(self.worked_endpoints, event)
        for seen in self.errors.values():
            # A key that is refused for one call and accepted for another has not got well.
            seen.worked_after |= seen.kind != "key" or seen.endpoint in ("", event.endpoint)
        self._called(event, refused=False)

    def _count_errors(self, event: Event) -> None:
        titles = [(symptom.title, symptom.kind) for symptom in event.symptoms] or [(event.unknown, "unknown")]
        if self._said_before(event, titles[0][0]):
            return
        for title, kind in titles:
            if title not in self.errors and len(self.errors) >= _NAMES_KEPT:
                continue
            seen = self.errors.setdefault(title, Seen(title, kind))
            seen.count, seen.last, seen.worked_after = seen.count + 1, event.at, False
            seen.endpoint = event.endpoint
            seen.first = event.at if seen.first is None else seen.first
            self.timeline.add(event.at, "nonce" if kind == "nonce" else "other")
            if kind == "nonce":
                self._count_refused(event)
            elif title in _CUT:
                self._last_cut = event.at

    def _said_before(self, event: Event, title: str) -> bool:
        """
        Whether a line before has told of the same error.

        A traceback says again what its logger's line, or the client's own at DEBUG, has said; each layer of a bot logs
        and raises on; two handlers write one line twice. One caller is not answered twice within a round trip.
        """
        told = _Told(event.at, event.entry, event.stamped, event.endpoint)
        key = (event.source, title, event.worker)
        before = self._told.get(key)
        self._told[key] = told
        if len(self._told) > _NAMES_KEPT:
            self._told.popitem(last=False)
        if before is None or event.at is None:
            return False
        if event.endpoint and before.endpoint and event.endpoint != before.endpoint:
            return False  # of another call
        if before.entry == told.entry and not told.stamped:
            return True
        if not told.stamped:
            return before.stamped and _within(event.at, before.at, TOGETHER_S)
        whole_seconds = event.at.is_integer() and before.at == event.at
        return _within(event.at, before.at, _ROUND_TRIP_S) and not whole_seconds

    def _count_refused(self, event: Event) -> None:
        self.refused += 1
        self.worked_after_refused = 0
        if self._begun(refused=True) or _within(event.at, self._last_start, AFTER_START_S):
            self.refused_after_start += 1
        if _within(event.at, self._last_cut, AFTER_CUT_S):
            self.refused_after_cut += 1
        if self.refused_in_a_row == 0:
            self.row_began = event.at
            self.clock_set_before_row = _within(event.at, self.clock_set_at, 86_400.0)
        self.refused_in_a_row += 1
        self._count_endpoint(self.refused_endpoints, event)
        self._called(event, refused=True)

    def _begun(self, *, refused: bool) -> bool:
        """Whether this is the first call since a start, and how that went."""
        first, self._start_pending = self._start_pending, False
        if first and refused:
            self.starts_first_refused += 1
        elif first:
            self.starts_first_worked += 1
        return first

    @staticmethod
    def _count_endpoint(counts: Counter[str], event: Event) -> None:
        counts[event.endpoint] += 1  # a closed list of names: bounded

    def _called(self, event: Event, *, refused: bool) -> None:
        """Which refusals had a call of another worker beside them, before or after."""
        call = _Call(event.at, event.source, event.worker, refused)
        for other in reversed(self._recent):
            if not _near(call.at, other.at):
                break
            if call.beside(other):
                for one in (call, other):
                    if one.refused and not one.counted:
                        one.counted = True
                        self.refused_together += 1
                        self.programs_together += call.of_another_program(other)
        self._recent.append(call)

    def _count_nonce(self, event: Event, nonce: int) -> None:
        digits = len(str(nonce))
        unit = _NONCE_DIGITS.get(digits)
        if unit is None:
            return
        failed = bool(event.symptoms)
        known = self._failed if failed else self._sent
        before = known.get(nonce)
        # A line that two handlers write is one event: the same moment, the same worker.
        if before is not None and before != (event.at, event.worker):
            self.repeated, self.repeated_example = self.repeated + 1, nonce
        elif before is None:
            self.units[unit] += 1
        known[nonce] = (event.at, event.worker)
        if len(known) > _NONCES_KEPT:
            known.popitem(last=False)
        if not failed or nonce not in self._sent:
            self.coarser_after_finer |= digits < self._finest_digits
            self._finest_digits = max(self._finest_digits, digits)
            self.falling += nonce < self._largest.get(unit, 0)
            self._largest[unit] = max(nonce, self._largest.get(unit, 0))


class _Told(NamedTuple):
    """The last line in which a worker told of an error."""

    at: float | None
    entry: int
    stamped: bool
    endpoint: str


@dataclass
class _Call:
    at: float | None
    source: int
    worker: str
    refused: bool
    counted: bool = False

    def beside(self, other: _Call) -> bool:
        """
        Whether *other* was in flight at the same time.

        Made by somebody else; or, where nobody is named, answered so soon after the other that one caller could not
        have made both in turn.
        """
        if self.source != other.source or (self.worker and other.worker):
            return (self.source, self.worker) != (other.source, other.worker)
        return self.at is not None and other.at is not None and 0 < self.at - other.at < _ROUND_TRIP_S

    def of_another_program(self, other: _Call) -> bool:
        """Whether *other* comes from another file, or from a process rather than a thread."""
        named = bool(self.worker and other.worker) and not self.worker.startswith(_THREADS)
        return self.source != other.source or named


def _near(at: float | None, other: float | None) -> bool:
    # Either way round: threads write their lines a little out of order.
    return at is not None and other is not None and abs(at - other) <= TOGETHER_S


def _within(at: float | None, since: float | None, seconds: float) -> bool:
    return at is not None and since is not None and 0 <= at - since <= seconds
