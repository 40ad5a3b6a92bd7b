"""What a run is doing at this moment, as lines for the live view."""

from __future__ import annotations

from typing import NamedTuple

from kraken_doctor.renderers.text import ascii_only, plain

MAX_ROWS = 8
"""Activities shown; the view must stay smaller than any window, or it could not be taken back."""

_SETTLED_S = 0.5
"""A wait that is over sooner is not worth a reader's eye."""


class Waiting(NamedTuple):
    """Why an activity stands still."""

    reason: str
    """A phrase that a number of seconds completes: ``EService:Busy, tries again in``."""
    since_s: float
    """Monotonic clock, as all times here."""
    seconds: float


class Activity(NamedTuple):
    """One check under way."""

    title: str
    account: str | None
    since_s: float
    waits_for: tuple[str, ...] = ()
    """Titles of running checks that it needs."""
    waiting: Waiting | None = None


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


def lines(progress: Progress, now_s: float, width: int, *, unicode: bool = True) -> list[str]:
    """
    The view at *now_s*, each line within *width* cells.

    What is done, for whom, for how long, and where it stands still: why, and when it goes on.
    """
    from rich.cells import cell_len, set_cell_size

    took = f"{now_s - progress.began_s:.0f} s of at most {progress.deadline_s:g} s"
    shown = [f"Examining {plain(progress.target)}: {progress.done} of {progress.planned} checks made, {took}"]
    rows = progress.activities[:MAX_ROWS]
    names = [plain(activity.account or "") for activity in rows]
    column = max((cell_len(name) for name in names), default=0)
    for activity, name in zip(rows, names, strict=True):
        head = f"{set_cell_size(name, column)}  " if column else ""
        shown.append(f"  {head}{_doing(activity, now_s)}")
    if hidden := len(progress.activities) - len(rows):
        shown.append(f"  and {hidden} more checks")
    if progress.queued:
        shown.append(
            f"  {progress.queued} more account{'' if progress.queued == 1 else 's'}: when one of these is done"
        )
    ellipsis = "…" if unicode else "..."
    if not unicode:
        shown = [ascii_only(line) for line in shown]
    return [
        line if cell_len(line) <= width else set_cell_size(line, width - len(ellipsis)) + ellipsis for line in shown
    ]


def _doing(activity: Activity, now_s: float) -> str:
    text = f"{activity.title}, {now_s - activity.since_s:.0f} s"
    waiting = activity.waiting
    if waiting is not None and now_s - waiting.since_s >= _SETTLED_S:
        left_s = max(0.0, waiting.since_s + waiting.seconds - now_s)
        return f"{text}: {plain(waiting.reason)} {left_s:.0f} s"
    if activity.waits_for:
        return f"{text}: waits for {' and '.join(activity.waits_for)}"
    return text
