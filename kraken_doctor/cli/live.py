"""
The live view: what a run does, on stderr, while it does it, and nothing of it left afterwards.

The cursor is never hidden, so that no ending, not even SIGKILL, can leave it hidden; and what is drawn is
erased by the next write, so that a report never stands below half a frame.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from kraken_doctor.renderers.progress import Activity, Progress, Waiting, lines

if TYPE_CHECKING:
    from kraken_doctor.checks.base import Check
    from kraken_doctor.clock import Clock
    from kraken_doctor.examination.plan import Plan
    from kraken_doctor.model.evidence import CheckResult
    from kraken_doctor.nonce.stores import NonceStore
    from kraken_doctor.nonce.turn import Turn

_FRAME_S = 0.2
"""Seconds between frames: times are shown in whole seconds, and a new check is seen at once all the same."""

_HELD = "waits for the key's turn, which another call has; at most"


class Watcher:
    """
    Follows a run: gets its events, and knows at any time what is under way.

    Safe to call from several threads. It shows nothing: `LiveView` does.
    """

    def __init__(self, clock: Clock) -> None:
        self._now = clock.monotonic
        self._lock = threading.Lock()
        self._target = ""
        self._began_s = 0.0
        self._deadline_s = 0.0
        self._checks: dict[str, Check] = {}
        self._order: dict[tuple[str, str | None], int] = {}
        self._accounts = 0
        self._running: dict[tuple[str, str | None], float] = {}
        self._waiting: dict[str, Waiting] = {}
        self._seen: set[str] = set()
        self._done = 0

    def begin(self, plan: Plan, target: str) -> None:
        """A run of *plan* against *target* begins; what was known of an earlier one is forgotten."""
        with self._lock:
            self._target, self._began_s, self._deadline_s = target, self._now(), plan.deadline_s
            self._checks = {check.id: check for check in plan.checks}
            slots = [(check.id, label) for check, label in plan.slots()]
            self._order = {slot: position for position, slot in enumerate(slots)}
            self._accounts = len({label for _, label in slots} - {None})
            self._done = 0
            for known in (self._running, self._waiting, self._seen):
                known.clear()

    def rest(self) -> None:
        """The run is over, and another will begin."""
        with self._lock:
            self._order = {}

    def observe(self, check: str, account: str | None, result: CheckResult | None) -> None:
        """See `examination.run.Observe`."""
        with self._lock:
            if account is not None:
                self._seen.add(account)
                self._waiting.pop(account, None)
            if result is None:
                self._running[check, account] = self._now()
            else:
                self._done += self._running.pop((check, account), None) is not None

    def wait(self, account: str, reason: str, seconds: float) -> None:
        """See `checks.session.Waiting`."""
        with self._lock:
            if reason:
                self._waiting[account] = Waiting(reason, self._now(), seconds)
            else:
                self._waiting.pop(account, None)

    def turns(self, store: NonceStore, account: str) -> NonceStore:
        """*store*, with the waits for a turn told as those of *account*."""
        return cast("NonceStore", _WatchedStore(store, functools.partial(self.wait, account)))

    def progress(self) -> Progress:
        """What is under way, in the order of the plan."""
        with self._lock:
            slots = sorted(self._running, key=lambda slot: self._order.get(slot, 0))
            return Progress(
                target=self._target,
                began_s=self._began_s,
                deadline_s=self._deadline_s,
                done=self._done,
                planned=len(self._order),
                activities=tuple(self._activity(*slot) for slot in slots),
                queued=self._accounts - len(self._seen),
            )

    def _activity(self, check: str, account: str | None) -> Activity:
        return Activity(
            check=check,
            account=account,
            since_s=self._running[check, account],
            waits_for=tuple(need for need in self._checks[check].needs if (need, None) in self._running),
            waiting=self._waiting.get(account) if account is not None else None,
        )


class _WatchedStore:
    """A nonce store that says when a turn is waited for."""

    def __init__(self, store: NonceStore, waiting: Callable[[str, float], None]) -> None:
        self._store = store
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def turn(self, key_id: str, timeout_s: float, *lease_s: float) -> Iterator[Turn]:
        self._waiting(_HELD, timeout_s)
        with self._store.turn(key_id, timeout_s, *lease_s) as turn:
            self._waiting("", 0)
            yield turn


Standing = Callable[[float, int], list[str]]
"""Lines at a moment of the monotonic clock, of at most so many cells."""


def _nothing(_now_s: float, _width: int) -> list[str]:
    """The default `Standing`."""
    return []


class LiveView(Watcher):
    """
    A watcher that draws what it knows, a few times a second, while it is entered.

    Args:
        clock: Where the time comes from.
        write: Puts text on the terminal.
        size: The terminal's columns and lines now; a window may be resized.
        unicode: Whether the terminal shows more than ASCII.
    """

    def __init__(
        self, clock: Clock, write: Callable[[str], None], size: Callable[[], tuple[int, int]], *, unicode: bool = True
    ) -> None:
        super().__init__(clock)
        self._write, self._size, self.unicode = write, size, unicode
        self._drawing = threading.Lock()
        self._height = 0
        self._shown = ""
        self._ended = threading.Event()
        self._standing: Standing = _nothing

    def stand(self, standing: Standing) -> None:
        """From now on the lines of *standing* stand above those of the run, and alone while none is under way."""
        self._standing = standing

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The frame is gone while something else is written; the next one stands below that."""
        with self._drawing:
            self._erase()
            yield

    def __enter__(self) -> Self:
        threading.Thread(target=self._animate, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with self._drawing:
            self._erase()

    def begin(self, plan: Plan, target: str) -> None:
        super().begin(plan, target)
        self._draw()  # before the first request: an empty screen looks like a hang

    def _animate(self) -> None:
        while not self._ended.wait(_FRAME_S):
            self._draw()

    def _draw(self) -> None:
        with self._drawing:
            if self._ended.is_set():
                return
            known, now_s = self.progress(), self._now()
            # One column is left free: a full line would make some terminals wrap, and the count of lines wrong.
            columns, height = self._size()
            width, room = max(20, columns - 1), max(2, height - 2)
            rows = self._standing(now_s, width)[:room]
            if known.planned and len(rows) < room:
                rows += lines(known, now_s, width, room - len(rows), unicode=self.unicode)
            frame = "".join(f"{row}\n" for row in rows)
            if frame != self._shown:
                erasure = self._erasure()
                self._shown, self._height = frame, len(rows)
                self._write(erasure + frame)

    def _erase(self) -> None:
        if self._height:
            self._write(self._erasure())
        self._shown, self._height = "", 0

    def _erasure(self) -> str:
        """To the start of the frame, and everything below it gone; nothing where there is no frame."""
        return f"\r\x1b[{self._height}A\x1b[J" if self._height else ""
