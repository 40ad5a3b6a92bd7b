"""
What a log's events add up to, one after the other, in bounded memory.

Nothing is judged here: that is `patterns` and `verdict`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field, replace

from kraken_doctor.botlog.attribution import attribute, client_of, versions_of
from kraken_doctor.botlog.counters import QUICK_S, ErrorStats, NonceStats, Timeline, elapsed_s
from kraken_doctor.botlog.events import ESCAPES, Event, Statement
from kraken_doctor.botlog.prefilter import words
from kraken_doctor.botlog.reading import ROUND_TRIP_S

AFTER_START_S = QUICK_S
"""A bot that starts calls the exchange within that."""

AFTER_CUT_S = 60.0
"""A retry follows a timeout within that; krakenex bots wait 5 to 40 s."""

TOGETHER_S = 1.0
"""Requests overtake each other by less: Kraken's own advice for a window begins at half a second."""

_THREADS = ("Thread-", "ThreadPoolExecutor-", "MainThread", "asyncio_", "Task-")
"""How Python names what shares one process."""

_RECENT = 256
_NAMES_KEPT = 100
"""Bounds: a log may have any number of workers, nonces and errors."""

_CUT = frozenset(words()["cut"])
_DNS = "Name or service not known"


@dataclass
class LogStats:
    """Counts, and what came before what."""

    errors: dict[str, ErrorStats] = field(default_factory=dict)
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
    nonces: NonceStats = field(default_factory=NonceStats)
    versions: dict[str, list[tuple[str, float | None]]] = field(default_factory=dict)
    clients: Counter[str] = field(default_factory=Counter)
    elsewhere: Counter[str] = field(default_factory=Counter)
    """Errors that are not Kraken's, by service."""
    names_kraken: bool = False
    names_exchange: bool = False
    """Another one, in any entry that was read."""
    clock_set_at: float | None = None
    clock_set_before_row: bool = False
    _says: Statement | None = None
    _latest_s: float = 0.0
    _other_s: float = 0.0
    """What was said last, the latest time so far, and that until which something else was said."""
    _start_pending: bool = False
    _last_start: float | None = None
    _last_cut: float | None = None
    _recent: deque[_Call] = field(default_factory=lambda: deque(maxlen=_RECENT))
    _told: OrderedDict[tuple[int, str, str], Event] = field(default_factory=OrderedDict)
    """The last entry in which a worker told of an error."""
    _dns_failed_at: float | None = None

    def errors_of(self, kind: str) -> ErrorStats:
        """Return the first error of *kind*, with what is known of all of them; an empty one where there is none."""
        return next((error for error in self.errors.values() if error.kind == kind), ErrorStats("", kind))

    def is_foreign(self, error: ErrorStats) -> bool:
        """Return whether *error* is most likely another exchange's: the log names one, and never Kraken."""
        return not error.naming_kraken and self.names_exchange and not self.names_kraken

    def began_with(self, text: str) -> None:
        """Take from the beginning of a log which client writes it, and which exchange it is about."""
        text = ESCAPES.sub("", text)
        if client := client_of(text):
            self.clients.setdefault(client, 1)
        for name, number in versions_of(text):
            self.versions.setdefault(name, [(number, None)])
        whose = attribute(text)
        self.names_kraken |= whose.kraken
        self.names_exchange |= whose.exchange

    @property
    def client(self) -> str:
        """Return which client writes here, as far as it can be seen; the library under a bot comes second."""
        return next((name for name in words()["clients"] if self.clients[name]), "")

    def add(self, event: Event) -> None:
        """Count one event; events come in the order of the log."""
        says = event.says
        if says is not self._says:
            self._says, self._other_s = says, self._latest_s
        self._latest_s = max(self._latest_s, event.times[-1] or 0.0)
        # Far from whatever else was said, also by a clock that was put forward, and without a number of its own, each
        # time counts the same.
        plain = bool(says.symptoms or says.unknown) and event.nonce is None and not says.installed
        far = [at for at in event.again if plain and at > self._other_s + AFTER_START_S + 3_600]
        for at in event.times[: len(event.times) - len(far)]:
            self._add(replace(event, at=at, again=()) if event.again else event)
        if far:
            self._add(replace(event, at=far[0], again=tuple(far[1:])))

    def _add(self, event: Event) -> None:
        says = event.says
        self.names_kraken |= says.whose.kraken
        self.names_exchange |= says.whose.exchange
        if says.installed:
            self.installed, self.last_installed = self.installed + 1, event.at
        if says.started:
            self.starts, self._start_pending, self._last_start = self.starts + 1, True, event.at
        self.public_worked += says.public_worked
        if says.clock_set:
            self.clock_set_at = event.at
        if says.client:
            self._count_client(event)
        if event.nonce is not None:
            self.nonces.add(event, event.nonce)
        if says.gave_up:
            for error in self.errors.values():
                error.gave_up_after = True
        if says.worked:
            self._count_worked(event)
        elif says.symptoms or says.unknown:
            self._count_errors(event)

    def _count_client(self, event: Event) -> None:
        self.clients[event.says.client] += 1  # a closed list of names: bounded
        for name, number in event.says.versions:
            known = self.versions.setdefault(name, [])
            if len(known) < _RECENT and (not known or known[-1][0] != number):
                known.append((number, event.at))

    def _count_worked(self, event: Event) -> None:
        self.worked += 1
        self.timeline.add("worked", event.times)
        self._begun(refused=False)
        self.worked_after_refused += self.refused > 0
        self.refused_in_a_row, self.row_began = 0, None
        self.worked_endpoints[event.says.endpoint] += 1
        for error in self.errors.values():
            # A key that is refused for one call and accepted for another has not got well.
            error.worked_after |= error.kind != "key" or error.endpoint in ("", event.says.endpoint)
            error.gave_up_after = False
        self._called(event, refused=False)

    def _count_errors(self, event: Event) -> None:
        says = event.says
        titles = [(symptom.title, symptom.kind) for symptom in says.symptoms] or [(f"E{says.unknown}", "unknown")]
        if says.whose.elsewhere:
            if titles[0][0] == _DNS:
                self._dns_failed_at = event.times[-1]
            self.elsewhere[says.whose.elsewhere] += len(event.times)  # a closed list of names: bounded
            return
        if self._said_before(event, titles[0][0]):
            return
        for title, kind in titles:
            if title not in self.errors and len(self.errors) >= _NAMES_KEPT:
                continue
            error = self.errors.get(title) or self.errors.setdefault(title, ErrorStats(title, kind, line=event.line))
            error.saw(event)
            error.near_dns += _within(event.at, self._dns_failed_at, AFTER_CUT_S)
            self.timeline.add("nonce" if kind == "nonce" else "other", event.times)
            if kind == "nonce":
                self._count_refused(event)
            elif title in _CUT:
                self._last_cut = event.times[-1]

    def _said_before(self, event: Event, title: str) -> bool:
        """
        Return whether an entry before has told of the same error.

        A client logs at DEBUG what it raises then; each layer of a bot logs and raises on; two handlers write one line
        twice. One caller is not answered twice within a round trip.
        """
        key = (event.source, title, event.says.worker)
        before = self._told.get(key)
        self._told[key] = replace(event, at=event.again[-1]) if event.again else event
        if len(self._told) > _NAMES_KEPT:
            self._told.popitem(last=False)
        if before is None or event.at is None or before.at is None:
            return False
        if event.says.endpoint and before.says.endpoint not in ("", event.says.endpoint):
            return False  # of another call
        if not event.stamped and before.stamped and _within(event.at, before.at, 0.0):
            self._told[key] = replace(before, stamped=False)  # what is printed below the line; the next one is new
            return True
        if not event.stamped:
            return False
        if before.says.quoted and not event.says.quoted:
            # "Invalid nonce detected - retrying": a comment on what has just been quoted.
            return _within(event.at, before.at, TOGETHER_S)
        whole_seconds = event.at.is_integer() and before.at == event.at
        return _within(event.at, before.at, ROUND_TRIP_S) and not whole_seconds

    def _count_refused(self, event: Event) -> None:
        often = len(event.times)
        self.refused += often
        self.worked_after_refused = 0
        self.refused_after_start += self._begun(refused=True) or _within(event.at, self._last_start, AFTER_START_S)
        self.refused_after_cut += _within(event.at, self._last_cut, AFTER_CUT_S)
        if self.refused_in_a_row == 0:
            self.row_began = event.at
            self.clock_set_before_row = _within(event.at, self.clock_set_at, 86_400.0)
        self.refused_in_a_row += often
        self.refused_endpoints[event.says.endpoint] += often  # a closed list of names: bounded
        self._called(event, refused=True)
        self._recent.extend(_Call(at, event.source, event.says.worker, True) for at in event.again[-_RECENT:])

    def _begun(self, *, refused: bool) -> bool:
        """Return whether this is the first call since a start, and how that went."""
        first, self._start_pending = self._start_pending, False
        self.starts_first_refused += first and refused
        self.starts_first_worked += first and not refused
        return first

    def _called(self, event: Event, *, refused: bool) -> None:
        """Which refusals had a call of another worker beside them, before or after."""
        call = _Call(event.at, event.source, event.says.worker, refused)
        for other in reversed(self._recent):
            # Either way round: threads write their lines a little out of order.
            if call.at is None or other.at is None or abs(call.at - other.at) > TOGETHER_S:
                break
            if call.beside(other):
                for one in (call, other):
                    if one.refused and not one.counted:
                        one.counted = True
                        self.refused_together += 1
                        self.programs_together += call.of_another_program(other)
        self._recent.append(call)


@dataclass(slots=True)
class _Call:
    at: float | None
    source: int
    worker: str
    refused: bool
    counted: bool = False

    def beside(self, other: _Call) -> bool:
        """
        Return whether *other* was in flight at the same time.

        Made by somebody else; or, where nobody is named, answered so soon after the other that one caller could not
        have made both in turn.
        """
        if self.source != other.source or (self.worker and other.worker):
            return (self.source, self.worker) != (other.source, other.worker)
        return self.at is not None and other.at is not None and 0 < self.at - other.at < ROUND_TRIP_S

    def of_another_program(self, other: _Call) -> bool:
        """Return whether *other* comes from another file, or from a process rather than a thread."""
        named = bool(self.worker and other.worker) and not self.worker.startswith(_THREADS)
        return self.source != other.source or named


def _within(at: float | None, since: float | None, seconds: float) -> bool:
    return at is not None and since is not None and 0 <= elapsed_s(since, at) <= seconds
