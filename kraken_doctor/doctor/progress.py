"""What a run is doing at this moment: told by the run, asked by whoever shows it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from kraken_doctor.model.findings import CheckResult, Outcome

if TYPE_CHECKING:
    from kraken_doctor.checks.base import Check
    from kraken_doctor.clock import Clock
    from kraken_doctor.doctor.plan import Plan
    from kraken_doctor.nonce.stores import NonceStore
    from kraken_doctor.nonce.turn import Turn

_HELD = "waits for another call of this key; at most"


class Wait(NamedTuple):
    """Why an activity stands still."""

    reason: str
    """A phrase that a number of seconds completes: ``EService:Busy, again in``."""
    since_s: float
    """Monotonic clock, as all times here."""
    seconds: float


class Activity(NamedTuple):
    """One check under way."""

    check: str
    account: str | None
    since_s: float
    waits_for: tuple[str, ...] = ()
    """Running checks that it needs."""
    waiting: Wait | None = None


class Progress(NamedTuple):
    """A run, seen from outside."""

    target: str
    began_s: float
    deadline_s: float
    """Seconds that the whole run may take."""
    done: int
    planned: int
    activities: tuple[Activity, ...] = ()
    queued: int = 0
    """Accounts that have not begun: no worker is free for them yet."""
    failed: Mapping[str, str] = MappingProxyType({})
    """Accounts, or checks of the run itself, that have failed so far: name to what was seen."""


class RunTracker:
    """
    Follows a run: gets its events, and knows at any time what is under way.

    Safe to call from several threads. It shows nothing: the live view does.
    """

    def __init__(self, clock: Clock) -> None:
        self._now = clock.monotonic
        self._lock = threading.Lock()
        self._begun = Progress(target="", began_s=0.0, deadline_s=0.0, done=0, planned=0)
        """The run as it was when it began."""
        self._checks: dict[str, Check] = {}
        self._order: dict[tuple[str, str | None], int] = {}
        self._accounts = 0
        self._running: dict[tuple[str, str | None], float] = {}
        self._waiting: dict[str, Wait] = {}
        self._seen: set[str] = set()
        self._failed: dict[str, str] = {}
        self._done = 0

    def begin(self, plan: Plan, target: str) -> None:
        """A run of *plan* against *target* begins; what was known of an earlier one is forgotten."""
        with self._lock:
            self._begun = Progress(target, self._now(), plan.deadline_s, done=0, planned=0)
            self._checks = {check.id: check for check in plan.checks}
            slots = [(check.id, label) for check, label in plan.slots()]
            self._order = {slot: position for position, slot in enumerate(slots)}
            self._accounts = len({label for _, label in slots} - {None})
            self._done = 0
            for known in (self._running, self._waiting, self._seen, self._failed):
                known.clear()

    def idle(self) -> None:
        """The run is over, and another will begin."""
        with self._lock:
            self._order = {}

    def observe(self, check: str, account: str | None, result: CheckResult | None) -> None:
        """See `runner.Observe`."""
        with self._lock:
            if account is not None:
                self._seen.add(account)
                self._waiting.pop(account, None)
            if result is None:
                self._running[check, account] = self._now()
            else:
                if result.outcome in (Outcome.FAIL, Outcome.ERROR):
                    self._failed.setdefault(account or check, result.summary)
                self._done += self._running.pop((check, account), None) is not None

    def wait(self, account: str, reason: str, seconds: float) -> None:
        """See `checks.session.Waiting`."""
        with self._lock:
            if reason:
                self._waiting[account] = Wait(reason, self._now(), seconds)
            else:
                self._waiting.pop(account, None)

    def turns(self, store: NonceStore, account: str) -> NonceStore:
        """*store*, with the waits for a turn told as those of *account*."""
        return cast("NonceStore", _WatchedStore(store, functools.partial(self.wait, account)))

    def progress(self) -> Progress:
        """What is under way, in the order of the plan."""
        with self._lock:
            slots = sorted(self._running, key=lambda slot: self._order.get(slot, 0))
            return self._begun._replace(
                done=self._done,
                planned=len(self._order),
                activities=tuple(self._activity(*slot) for slot in slots),
                queued=self._accounts - len(self._seen),
                failed=dict(sorted(self._failed.items())),
            )

    def _activity(self, check: str, account: str | None) -> Activity:
        waits_for = tuple(need for need in self._checks[check].needs if (need, None) in self._running)
        waiting = self._waiting.get(account) if account is not None else None
        return Activity(check, account, self._running[check, account], waits_for, waiting)


class _WatchedStore:
    """A nonce store that says when a turn is waited for."""

    def __init__(self, store: NonceStore, waiting: Callable[[str, float], None]) -> None:
        self._store = store
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def turn(self, key_id: str, timeout_s: float, *lease_s: float) -> Iterator[Turn]:
        # Said before it is known whether there is a wait: while there is one, nobody comes by here to say it.
        self._waiting(_HELD, timeout_s)
        with self._store.turn(key_id, timeout_s, *lease_s) as turn:
            self._waiting("", 0)
            yield turn
