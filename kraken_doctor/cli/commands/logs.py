"""``kraken-doctor logs``."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit
from kraken_doctor.cli.timeparse import absolute
from kraken_doctor.doctor.reporting import Started

if TYPE_CHECKING:
    from kraken_doctor.botlog.examine import LogAnalysis, LogReview
    from kraken_doctor.model.findings import Diagnosis

_POLL_S = 1.0
"""How often a log is looked at that is followed."""


@params.command("logs")
def command(
    ctx: click.Context, /, files: tuple[str, ...], since: int | None, follow: bool, output: str, fail_on: str
) -> None:
    """
    Analyse a bot's log: nonce errors over time, and their likely cause.

    Plain text, JSON lines or either compressed, of any size; rotated files in any order; "-" is stdin. Makes no
    network calls and shows no line of the log: errors are shown in Kraken's documented spelling.

    \b
    Examples:
      kraken-doctor logs bot.log
      kraken-doctor logs bot.log bot.log.1.gz --since 2d -o markdown
      journalctl -u mybot | kraken-doctor logs -
      kraken-doctor logs --follow bot.log
    """
    from kraken_doctor.botlog.examine import LogReview
    from kraken_doctor.doctor import logs
    from kraken_doctor.terminal import log_files

    if follow and "-" in files:
        raise click.UsageError("--follow needs a file, not stdin")
    app: App = ctx.obj
    started = Started.now(app.clock)
    since_ns = absolute(since, started.at_ns)
    files = log_files.by_age(files)
    with contextlib.ExitStack() as stack:
        streams = [log_files.opened(stack, name, follow=follow) for name in files]
        review = LogReview(streams, started.at_ns / 1e9, since_ns / 1e9 if since_ns is not None else None)
        found = review.read(to_the_end=not follow)
        if follow:
            _follow(app, review, found, lines=output == "table")
            found = review.read()
    report = logs.report(found, files, started, interrupted=follow)
    emit(ctx, report, output, fail_on, page="logs")


def _follow(app: App, review: LogReview, found: LogAnalysis, *, lines: bool) -> None:
    """Print each change until Ctrl-C, since there is no other end."""
    from kraken_doctor.doctor import logs

    known: dict[str, Diagnosis] = {}
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            now = {diagnosis.cause: diagnosis for diagnosis in found.diagnoses}
            if lines:
                for text in logs.changes(known, now):
                    app.output.out(f"{datetime.fromtimestamp(app.clock.now_ns() / 1e9, UTC):%H:%M:%S} {text}\n")
            known, read = now, sum(extent.bytes for extent in found.extents)
            # Polled: what tells of a file's changes differs on each system, and is silent about those of a network.
            app.clock.sleep(_POLL_S)
            found = review.read(to_the_end=False)
            if sum(extent.bytes for extent in found.extents) == read:
                found = review.read()  # nothing was added for a second: the last entry is complete
