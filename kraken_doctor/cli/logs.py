"""``kraken-doctor logs``."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from kraken_doctor.cli import files as paths
from kraken_doctor.cli import options
from kraken_doctor.cli.app import App
from kraken_doctor.cli.conduct import finish
from kraken_doctor.cli.moments import Moment, absolute

if TYPE_CHECKING:
    from kraken_doctor.botlog.examine import LogAnalysis, LogReview
    from kraken_doctor.model.diagnosis import Diagnosis
    from kraken_doctor.model.evidence import CheckResult, Evidence
    from kraken_doctor.model.report import Report

_TIMELINE_ROWS = 24
_ERROR_ROWS = 20
"""What a page has room for; the JSON has no more, since a log may hold any number."""


_ROTATED = re.compile(r"(.+?)\.(\d{1,4})(?:\.\w+)?")
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "lzma"}
_POLL_S = 1.0
"""How often a log is looked at that is followed."""


@click.command("logs")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@click.option("--since", type=Moment(), metavar="TIME", help="From then: 30m, 2h, 7d ago, or 2026-11-23T14:00 (UTC).")
@click.option("-f", "--follow", is_flag=True, help="Keep reading as the log grows, and print each change.")
@options.files
@options.fail_on
@options.output
@click.pass_context
def command(
    ctx: click.Context, /, files: tuple[str, ...], since: int | None, follow: bool, output: str, fail_on: str
) -> None:
    """
    Read a bot's log: nonce errors over time, and the cause they point to.

    Plain text, JSON lines or either compressed, of any size; rotated files in any order; "-" is stdin. Makes no
    network calls, and shows no line of the log: errors are given in Kraken's documented spelling.

    \b
    Examples:
      kraken-doctor logs bot.log
      kraken-doctor logs bot.log bot.log.1.gz --since 2d -o markdown
      journalctl -u mybot | kraken-doctor logs -
      kraken-doctor logs --follow bot.log
    """
    from kraken_doctor.botlog.examine import LogReview

    app: App = ctx.obj
    began_ns, began = app.clock.now_ns(), app.clock.monotonic()
    since_ns = absolute(since, began_ns)
    files = _by_age(files)
    interrupted = False
    with contextlib.ExitStack() as stack:
        streams = [_opened(stack, name, follow=follow) for name in files]
        review = LogReview(streams, began_ns / 1e9, since_ns / 1e9 if since_ns is not None else None)
        found = review.read(to_the_end=not follow)
        if follow:
            interrupted = _follow(app, review, found, lines=output == "table")
            found = review.read()
    report = _report(found, files, began_ns, app.clock.monotonic() - began)
    if interrupted:
        from kraken_doctor.examination.verdict import ExitStatus

        report = replace(report, exit_status=ExitStatus.INTERRUPTED)
    from kraken_doctor.renderers import logpage

    finish(
        ctx, report, output, fail_on,
        screen=lambda report, terminal: logpage.render(report, terminal, verbose=app.output.verbose > 0),
        forms={"markdown": logpage.render_markdown},
    )  # fmt: skip


def _by_age(names: tuple[str, ...]) -> tuple[str, ...]:
    """Rotated files, the oldest first: bot.log.2.gz, bot.log.1, bot.log. Where a log has times, they decide."""

    def age(name: str) -> tuple[str, int]:
        match = _ROTATED.fullmatch(name)
        return (match[1], -int(match[2])) if match else (name, 0)

    # Files of different logs keep their places; those of one stand where its first one was given.
    bases = list(dict.fromkeys(age(name)[0] for name in names))
    return tuple(sorted(names, key=lambda name: (bases.index(age(name)[0]), age(name)[1])))


def _follow(app: App, review: LogReview, found: LogAnalysis, *, lines: bool) -> bool:
    """Print each change until Ctrl-C; return True, since there is no other end."""
    known: dict[str, Diagnosis] = {}
    try:
        while True:
            now = {diagnosis.cause: diagnosis for diagnosis in found.diagnoses}
            if lines:
                for text in _changes(known, now):
                    app.output.out(f"{datetime.fromtimestamp(app.clock.now_ns() / 1e9, UTC):%H:%M:%S} {text}\n")
            known, read = now, sum(extent.bytes for extent in found.extents)
            app.clock.sleep(_POLL_S)
            found = review.read(to_the_end=False)
            if sum(extent.bytes for extent in found.extents) == read:
                found = review.read()  # nothing was added for a second: the last entry is complete
    except KeyboardInterrupt:
        return True


def _changes(before: Mapping[str, Diagnosis], now: Mapping[str, Diagnosis]) -> Iterator[str]:
    from kraken_doctor.model.diagnosis import Severity

    words = {Severity.FAIL: "FAILED", Severity.WARN: "WARNING", Severity.INFO: "NOTE"}
    for cause, diagnosis in now.items():
        if cause not in before or before[cause].severity is not diagnosis.severity:
            passed = cause in before and diagnosis.severity.rank > before[cause].severity.rank
            yield f"{'RESOLVED' if passed else words[diagnosis.severity]} {cause}: {diagnosis.summary}"
    yield from (f"RESOLVED {cause}" for cause in before if cause not in now)


def _opened(stack: contextlib.ExitStack, name: str, *, follow: bool) -> BinaryIO:
    """
    Return a log, unpacked where it is packed.

    Raises:
        ConfigurationError: It can't be opened.
    """
    from kraken_doctor.errors import ConfigurationError

    if follow and name != "-":
        return cast("BinaryIO", stack.enter_context(_Growing(Path(name))))
    try:
        stream: Any = sys.stdin.buffer if name == "-" else stack.enter_context(paths.opened(Path(name)))
        head = stream.peek(6)
    except OSError as exc:
        raise ConfigurationError(f"{name}: {exc.strerror or exc}") from exc
    for magic, module in _PACKED.items():
        if head.startswith(magic):
            # gzip.open, bz2.open and lzma.open are one function in three modules
            stream = stack.enter_context(importlib.import_module(module).open(stream))
            with contextlib.suppress(OSError, EOFError, ValueError, importlib.import_module("lzma").LZMAError):
                head = stream.peek(2)  # what is wrong with it is said when it is read
    return cast("BinaryIO", _Utf8(stream) if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else stream)


class _Growing:
    """A log that is still written, also after a rotation has put another file in its place."""

    def __init__(self, path: Path) -> None:
        from kraken_doctor.errors import ConfigurationError

        self._path = path
        try:
            self._stream = paths.opened(path)
        except OSError as exc:
            raise ConfigurationError(f"{path}: {exc.strerror or exc}") from exc

    def __enter__(self) -> _Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, size: int) -> bytes:
        """Return what is new, at most *size* bytes; nothing where nothing is."""
        if data := self._stream.read(size):
            return data
        with contextlib.suppress(OSError):  # between the two steps of a rotation there is no file
            there, ours = self._path.stat(), os.fstat(self._stream.fileno())
            if (there.st_ino, there.st_dev) != (ours.st_ino, ours.st_dev) or there.st_size < self._stream.tell():
                new = paths.opened(self._path)
                self._stream.close()
                self._stream = new
                return self._stream.read(size)
        return b""


class _Utf8:
    """*stream*, which is UTF-16 as Windows PowerShell writes it, as it is read here."""

    def __init__(self, stream: BinaryIO) -> None:
        self._text = io.TextIOWrapper(stream, "utf-16", errors="replace", newline="")

    def read(self, size: int) -> bytes:
        """About so many bytes; as a file has it."""
        return self._text.read(size).encode(errors="replace")

    def readline(self, size: int) -> bytes:
        """The rest of the line, or as much of it."""
        return self._text.readline(size).encode(errors="replace")


def _report(found: LogAnalysis, names: tuple[str, ...], began_ns: int, duration_s: float) -> Report:
    from kraken_doctor.examination.verdict import FailOn, exit_status, outcome_of
    from kraken_doctor.model.report import Report

    check = _check(found)
    outcome = outcome_of([check], found.diagnoses)
    return Report(
        command="logs",
        started_at_ns=began_ns,
        duration_s=duration_s,
        outcome=outcome,
        exit_status=exit_status(outcome, FailOn.FAIL),
        api_url="",
        checks=(check,),
        diagnoses=found.diagnoses,
        extra={"log": _values(found, names)},
    )


def _check(found: LogAnalysis) -> CheckResult:
    """The log as one check: what it tells is in its evidence and in the diagnoses."""
    from kraken_doctor.model.diagnosis import Severity
    from kraken_doctor.model.evidence import CheckResult, Outcome

    stats = found.stats
    errors = stats.errors.values()
    severities = {diagnosis.severity for diagnosis in found.diagnoses}
    broken = next((extent.broken for extent in found.extents if extent.broken), "")
    says_something = errors or stats.worked or stats.public_worked or stats.installed
    if Severity.FAIL in severities:
        outcome, summary = (
            Outcome.FAIL,
            f"{stats.refused} calls refused for their nonce; errors in all: {sum(seen.count for seen in errors)}",
        )
    elif broken:
        outcome, summary = Outcome.INCONCLUSIVE, f"not read to its end: {broken}"
    elif not says_something:
        outcome, summary = Outcome.INCONCLUSIVE, "no Kraken calls found; no verdict"
    else:
        outcome = Outcome.WARN if Severity.WARN in severities else Outcome.PASS
        summary = "no failure that lasts" if stats.errors else f"no errors; {stats.worked} calls logged as successful"
    return CheckResult(id="log", account=None, outcome=outcome, summary=summary, evidence=tuple(_evidence(found)))


def _evidence(found: LogAnalysis) -> list[Evidence]:
    from kraken_doctor.model.evidence import Evidence

    stats = found.stats
    numbers = {
        "log.lines": sum(extent.lines for extent in found.extents),
        "log.refused": stats.refused,
        "log.worked": stats.worked,
        "log.starts": stats.starts,
        "log.generator_installed": stats.installed,
    }
    facts = [Evidence(name, value) for name, value in numbers.items()]
    return [*facts, *(Evidence(f"log.pattern.{pattern.id}", pattern.text) for pattern in found.patterns)]


def _values(found: LogAnalysis, names: tuple[str, ...]) -> dict[str, Any]:
    stats = found.stats
    width_s, buckets = stats.timeline.shown(_TIMELINE_ROWS)
    errors = sorted(stats.errors.values(), key=lambda seen: -seen.count)
    failed = stats.errors.get("Failed to override nonce generator")
    return {
        "files": [
            {
                "name": name,
                "lines": extent.lines,
                "bytes": extent.bytes,
                "first": _moment(extent.first),
                "last": _moment(extent.last),
                "broken": extent.broken,
            }
            for name, extent in zip(names, found.extents, strict=True)
        ],
        "refused": stats.refused,
        "worked": stats.worked,
        "public_worked": stats.public_worked,
        "starts": stats.starts,
        "generator": {
            "installed": stats.installed,
            "last": _moment(stats.last_installed),
            "failed": failed.count if failed else 0,
        },
        "client": {"name": stats.client, "version": stats.versions.get(stats.client, [("", None)])[-1][0]},
        "elsewhere": dict(stats.elsewhere.most_common(_ERROR_ROWS)),
        "versions": {name: [number for number, _ in known[-3:]] for name, known in stats.versions.items()},
        "bucket_s": width_s,
        "timeline": [
            {"from": _moment(at), "nonce": counts["nonce"], "other": counts["other"], "worked": counts["worked"]}
            for at, counts in buckets
        ],
        "errors": [
            {
                "error": seen.shown,
                "kind": seen.kind,
                "count": seen.count,
                "first": _moment(seen.first),
                "last": _moment(seen.last),
            }
            for seen in errors[:_ERROR_ROWS]
        ],
        "patterns": [{"pattern": pattern.id, "text": pattern.text} for pattern in found.patterns],
    }


def _moment(at: float | None) -> str | None:
    """By the log's own clock; a time without a zone stands as it was written."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S") if at is not None else None
