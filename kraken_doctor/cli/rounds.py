"""Round after round of one run, at its times, and what is said of each."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from kraken_doctor import __version__
from kraken_doctor.cli import files
from kraken_doctor.cli.conduct import guarded, write_files
from kraken_doctor.examination.verdict import ExitStatus, FailOn, exit_status
from kraken_doctor.model.evidence import Outcome
from kraken_doctor.model.report import SCHEMA_VERSION
from kraken_doctor.renderers import rounds

if TYPE_CHECKING:
    import click

    from kraken_doctor.cli.app import App
    from kraken_doctor.cli.live import LiveView
    from kraken_doctor.cli.onchange import Tell
    from kraken_doctor.cli.request import RunRequest
    from kraken_doctor.clock import Clock
    from kraken_doctor.examination.watching import RunHistory
    from kraken_doctor.model.change import Change
    from kraken_doctor.model.payloads import RoundsPart
    from kraken_doctor.model.report import Report


class Pace:
    """When the rounds begin: at whole multiples of the interval, so that they don't come later and later."""

    def __init__(self, clock: Clock, every_s: float, count: int | None) -> None:
        self._clock = clock
        self.every_s = every_s
        self._count = count
        self.next_s = self._began_s = clock.monotonic()

    def beats(self) -> Iterator[None]:
        """Now, and then at each time for a round; one that takes longer than the interval costs those it covers."""
        made = 0
        while True:
            yield
            made += 1
            if made == self._count:
                return
            passed = math.floor((self._clock.monotonic() - self._began_s) / self.every_s)
            self.next_s = self._began_s + (passed + 1) * self.every_s
            self._clock.sleep(max(0.0, self.next_s - self._clock.monotonic()))


class Rounds:
    """
    Makes the rounds, and tells of them.

    Args:
        ctx: The command's; its object is the `App`.
        request: What a round is.
        watch: Learns of each.
        pace: When they are made.
        fail_on: From which severity on the status is 1.
        view: The terminal's, if there is one.
        tell: Who is told of a change beside the user.
        lines: Whether stdout has a line a change; another form has its one document at the end.
    """

    def __init__(
        self, ctx: click.Context, request: RunRequest, watch: RunHistory, pace: Pace, fail_on: FailOn, *,
        view: LiveView | None, tell: Tell | None, lines: bool,
    ) -> None:  # fmt: skip
        self._app: App = ctx.obj
        self._paths = {form: path for form, path in ctx.meta.get(files.META, {}).items() if form}
        self._request, self._watch, self._pace, self._fail_on = request, watch, pace, fail_on
        self._view, self._tell, self._lines = view, tell, lines
        self._unfinished: Report | None = None
        if view is not None:
            view.stand(functools.partial(self._standing, unicode=view.unicode))

    def make(self) -> bool:
        """
        All rounds.

        Returns:
            Whether the last was interrupted.

        Raises:
            ConfigurationError: Something is named that can't be used.
        """
        for _ in self._pace.beats():
            rested = self._watch.resting(self._app.clock.monotonic())
            run = functools.partial(self._app.examine, replace(self._request, resting=rested), self._view)
            report = guarded(self._app, self._request, run)
            if self._view is not None:
                self._view.rest()
            if report.exit_status == ExitStatus.INTERRUPTED:
                self._unfinished = report
                return True
            self._app.calls.clear()  # they are for a report; here they would grow to some megabytes
            change = self._watch.add(report, rested, self._app.clock.monotonic())
            if self._paths and (newest := self.newest()) is not None:
                write_files(self._app.output, newest, self._paths, {})
            if change is not None:
                self._say(change)
        return False

    def newest(self) -> Report | None:
        """The report of the newest round, with what was before it; of one that was cut short if it was the first."""
        report = self._watch.latest or self._unfinished
        if report is None:
            return None
        made: RoundsPart = {
            "every_s": self._pace.every_s,
            "made": self._watch.made,
            "outcomes": {outcome.value: count for outcome, count in self._watch.outcomes.items()},
            "changes": [rounds.document(change) for change in self._watch.changes],
        }
        status = exit_status(report.outcome, self._fail_on)
        return replace(report, exit_status=status, extra={**report.extra, "rounds": made})

    def _say(self, change: Change) -> None:
        output = self._app.output
        line = f"{rounds.line_of(change)}\n"
        if not self._lines:
            output.note(line)
        elif not output.quiet:
            output.out(line)
        # Whoever is called at night is not called because a watch was started and all is well.
        if self._tell is None or (change.before is None and change.outcome in (Outcome.PASS, Outcome.WARN)):
            return
        tool = {"name": "kraken-doctor", "version": __version__}
        if problem := self._tell({"schema_version": SCHEMA_VERSION, "tool": tool, **rounds.document(change)}):
            from kraken_doctor.renderers.text import plain

            output.warn(f"--on-change notification failed: {plain(problem)}\n")

    def _standing(self, now_s: float, width: int, *, unicode: bool) -> list[str]:
        report = self._watch.latest
        if report is None:
            return []
        seen = rounds.Standing(
            every_s=self._pace.every_s,
            made=self._watch.made,
            ago_s=now_s - self._watch.latest_s,
            next_s=max(0.0, self._pace.next_s - now_s),
            since_s={label: now_s - since_s for label, since_s in self._watch.since_s.items()},
            rests_s={account.label: self._watch.rests_s(account.label, now_s) for account in report.accounts},
            report=report,
        )
        return rounds.standing(seen, width, unicode=unicode)
