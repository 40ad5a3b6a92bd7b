"""Round after round of one run, at its times, and what is said of each."""

import functools
import platform
from collections.abc import Iterable
from dataclasses import replace

import click

from kraken_doctor import __version__
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import with_failure_report, write_files
from kraken_doctor.cli.live import LiveView
from kraken_doctor.doctor.history import RunHistory
from kraken_doctor.doctor.notify import Notifier
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.doctor.service import ALIVE, READY, notify_service_manager
from kraken_doctor.doctor.ticker import Ticker
from kraken_doctor.doctor.verdict import ExitStatus, FailOn, exit_status
from kraken_doctor.doctor.watch_duty import WatchDuty
from kraken_doctor.model import json_report
from kraken_doctor.model.findings import Outcome
from kraken_doctor.model.payloads import RoundsPart
from kraken_doctor.model.report import SCHEMA_VERSION, Change, Report
from kraken_doctor.render.pages import watch as watch_page
from kraken_doctor.terminal import files


class WatchLoop:
    """
    Make the rounds, and tell of them.

    Args:
        ctx: The command's; its object is the `App`.
        request: What a round is.
        history: Learns of each.
        ticker: When they are made.
        fail_on: From which severity on the status is 1.
        view: The terminal's, if there is one.
        notify: Who is told of a change beside the user.
        form: ``table``: stdout has a line a change; ``ndjson``: a document a round; another has its one at the end.
        duty: Knows of other watches of the same keys; None where there can be none.
    """

    def __init__(
        self, ctx: click.Context, request: RunRequest, history: RunHistory, ticker: Ticker, fail_on: FailOn, *,
        view: LiveView | None, notify: Notifier | None, form: str = "table", duty: WatchDuty | None = None,
    ) -> None:  # fmt: skip
        self._app: App = ctx.obj
        self._paths = {form: path for form, path in ctx.meta.get(files.META, {}).items() if form}
        self._request, self._history, self._ticker, self._fail_on = request, history, ticker, fail_on
        self._view, self._notify, self._form, self._duty = view, notify, form, duty
        self._unfinished: Report | None = None
        self._others: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()
        if view is not None:
            view.set_footer(functools.partial(self._status_lines, unicode=view.unicode))

    def run(self) -> bool:
        """
        All watch_page.

        Returns:
            Whether the last was interrupted.

        Raises:
            ConfigurationError: Something is named that can't be used.
        """
        manager = self._app.host.environ.get("NOTIFY_SOCKET")
        # Not after the first round: while Kraken does not answer, systemd would take the unit for one that hangs.
        notify_service_manager(manager, READY)
        for _ in self._ticker.ticks():
            rested = self._history.resting(self._app.clock.monotonic())
            run = functools.partial(self._app.doctor.examine, replace(self._request, resting=rested), self._view)
            report = with_failure_report(self._app, self._request, run)
            if self._view is not None:
                self._view.idle()
            if report.exit_status == ExitStatus.INTERRUPTED:
                self._unfinished = report
                return True
            self._app.doctor.calls.clear()  # they are for a report; here they would grow to some megabytes
            change = self._history.add(report, rested, self._app.clock.monotonic())
            self._look_for_others(report)
            if self._paths and (newest := self.newest()) is not None:
                write_files(self._app.output, newest, self._paths, {})
            if self._form == "ndjson" and (newest := self.newest([change] if change else [])) is not None:
                self._app.output.out(json_report.line(self._app.output.redact.everywhere(newest)))
            if change is not None:
                self._say(change, report.host)
            notify_service_manager(manager, ALIVE)
        return False

    def newest(self, changes: Iterable[Change] | None = None) -> Report | None:
        """
        The report of the newest round, with what was before it; of one that was cut short if it was the first.

        Args:
            changes: Those to tell of; by default all that are kept.
        """
        report = self._history.latest or self._unfinished
        if report is None:
            return None
        told = self._history.changes if changes is None else changes
        made: RoundsPart = {
            "every_s": self._ticker.every_s,
            "made": self._history.made,
            "outcomes": {outcome.value: count for outcome, count in self._history.outcomes.items()},
            "changes": [watch_page.document(change, report.host) for change in told],
            "also_watched_by": self._others,
        }
        # As the command would end now: who reads the file between two rounds has no other status.
        status = exit_status(report.outcome, self._fail_on)
        return replace(report, exit_status=status, extra={**report.extra, "rounds": made})

    def test_hook(self) -> None:
        """Tell whoever is told of changes that this is a test."""
        verdict = "this is a test, changes are reported here"
        test = Change(self._app.clock.now_ns(), None, Outcome.PASS, verdict, (), (), {})
        if self._tell(test, platform.node()):
            self._app.output.info("Test message sent to --on-change.\n")

    def _look_for_others(self, report: Report) -> None:
        self._others = self._duty.others(report.accounts) if self._duty else {}
        # Once: with longer pauses than ours, the other one is not seen in each round.
        new = sorted(self._others.items() - self._told)
        for host in sorted({host for _, host in new}):
            labels = [label for label, of in new if of == host]
            self._app.output.warn(f"{watch_page.other_watch(labels, host)}\n")
        self._told |= self._others.items()

    def _say(self, change: Change, host: str) -> None:
        output = self._app.output
        line = watch_page.line_of(change)
        if self._form != "table":
            output.info(f"{line}\n")
        elif not output.quiet:
            output.out(f"{output.folded(line)}\n")
        # Whoever is called at night is not called because a watch was started and all is well.
        if change.before is not None or change.outcome not in (Outcome.PASS, Outcome.WARN):
            self._tell(change, host)

    def _tell(self, change: Change, host: str) -> bool:
        tool = {"name": "kraken-doctor", "version": __version__}
        told = {"schema_version": SCHEMA_VERSION, "tool": tool, "host": host, **watch_page.document(change, host)}
        problem = self._notify(told) if self._notify else ""
        if problem:
            from kraken_doctor.terminal.text import escape

            self._app.output.warn(f"--on-change notification failed: {escape(problem)}\n")
        return not problem

    def _status_lines(self, now_s: float, width: int, height: int, *, unicode: bool) -> list[str]:
        report = self._history.latest
        if report is None:
            return []
        seen = watch_page.WatchStatus(
            every_s=self._ticker.every_s,
            made=self._history.made,
            ago_s=now_s - self._history.latest_s,
            next_s=max(0.0, self._ticker.next_s - now_s),
            since_s={label: now_s - since_s for label, since_s in self._history.since_s.items()},
            rests_s={account.label: self._history.rests_s(account.label, now_s) for account in report.accounts},
            report=report,
        )
        return watch_page.status_lines(seen, width, height, unicode=unicode)
