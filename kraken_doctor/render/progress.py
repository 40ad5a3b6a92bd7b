"""What a run is doing at this moment, as lines for the live view."""

from kraken_doctor.doctor.progress import Activity, Progress
from kraken_doctor.model.format import counted
from kraken_doctor.render.fold import Row, failing, fitted
from kraken_doctor.terminal.text import Terminal, escape, symbols_for

_UNDER_WAY = 4
"""Lines that are left to what is under way, however many fail: that the run goes on is to be seen."""

_SETTLED_S = 0.5
"""A wait that is over sooner is not worth a reader's eye."""


def lines(progress: Progress, now_s: float, width: int, height: int, *, unicode: bool = True) -> list[str]:
    """
    The view at *now_s*, at most *height* lines of at most *width* cells: what could not be taken back is not shown.

    Who fails so far; what is done, for whom, for how long, and where it stands still: why, and when it goes on.
    """
    # Here and in `fold`, not above: every run imports the live view, and only a terminal's has to wait for Rich.
    from rich.cells import cell_len, set_cell_size

    took = f"{now_s - progress.began_s:.0f} s of at most {progress.deadline_s:g} s"
    shown = [f"Checking {escape(progress.target)}: {progress.done} of {progress.planned} checks done, {took}"]
    symbol = symbols_for(Terminal(unicode=unicode)).failed
    failed = [Row(symbol, escape(name), escape(said), escape(said)) for name, said in progress.failed.items()]
    shown += failing(failed, width, max(0, height - 1 - min(_UNDER_WAY, len(progress.activities) + 1)))
    # Escaped before it is measured: an escape shows as more cells than the character has, and the columns would shift.
    names = [escape(activity.account or "") for activity in progress.activities]
    column = max((cell_len(name) for name in names), default=0)
    queued = progress.queued and counted(progress.queued, "more account")
    rest = f"  {queued}: waiting for a free slot" if queued else ""
    for position, (activity, name) in enumerate(zip(progress.activities, names, strict=True)):
        head = f"  {set_cell_size(name, column)}  " if column else "  "
        doing, why = f"{activity.check} {now_s - activity.since_s:.0f} s", _why(activity, now_s)
        line = f"{head}{doing}{why and f': {why}'}"
        rows = [line] if cell_len(line) <= width or not why else [f"{head}{doing}:", f"    {why}"]
        unseen = len(names) - position
        if len(shown) + len(rows) + (unseen > 1 or bool(queued)) > height:
            rest = f"  and {unseen} more running" + (f", {queued} waiting" if queued else "")
            break
        shown += rows
    return fitted([*shown, *([rest] if rest else [])][:height], width, unicode=unicode)


def _why(activity: Activity, now_s: float) -> str:
    """Why it stands still; empty while it doesn't."""
    waiting = activity.waiting
    if waiting is not None and now_s - waiting.since_s >= _SETTLED_S:
        left_s = max(0.0, waiting.since_s + waiting.seconds - now_s)
        return f"{escape(waiting.reason)} {left_s:.0f} s"
    return f"waits for {' and '.join(activity.waits_for)}" if activity.waits_for else ""
