"""``kraken-doctor logs``."""

from __future__ import annotations

import codecs
import contextlib
import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit
from kraken_doctor.terminal import files

if TYPE_CHECKING:
    from kraken_doctor.botlog.examine import Findings
    from kraken_doctor.model.evidence import CheckResult, Evidence
    from kraken_doctor.model.payloads import LogPart
    from kraken_doctor.model.report import Report

_TIMELINE_ROWS = 24
_ERROR_ROWS = 20
"""What a page has room for; the JSON has no more, since a log may hold any number."""


@click.command("logs")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@params.files
@params.fail_on
@params.output
@click.pass_context
def command(ctx: click.Context, /, files: tuple[str, ...], output: str, fail_on: str) -> None:
    """
    Read a bot's log: nonce errors over time, and the cause they point to.

    Plain text, JSON lines or either in gzip, of any size and in any order; "-" is stdin. Makes no network calls,
    and shows no line of the log: what is quoted is the exchange's error.

    \b
    Examples:
      kraken-doctor logs bot.log
      kraken-doctor logs bot.log bot.log.1.gz -o markdown
      journalctl -u mybot | kraken-doctor logs -
    """
    from kraken_doctor.botlog.examine import examine

    app: App = ctx.obj
    began_ns, began = app.clock.now_ns(), app.clock.monotonic()
    with contextlib.ExitStack() as stack:
        found = examine([_opened(stack, name) for name in files], began_ns / 1e9)
    report = _report(found, files, began_ns, app.clock.monotonic() - began)
    from kraken_doctor.render.pages import logs as logs_page

    emit(
        ctx, report, output, fail_on,
        page=lambda report, terminal: logs_page.render(report, terminal, verbose=app.output.verbose > 0),
        forms={"markdown": logs_page.render_markdown},
    )  # fmt: skip


def _opened(stack: contextlib.ExitStack, name: str) -> BinaryIO:
    """
    A log, unpacked where it is packed.

    Raises:
        ConfigurationError: It can't be opened.
    """
    from kraken_doctor.errors import ConfigurationError

    try:
        stream: Any = sys.stdin.buffer if name == "-" else stack.enter_context(files.opened(Path(name)))
        head = stream.peek(2)
    except OSError as exc:
        raise ConfigurationError(f"{name}: {exc.strerror or exc}") from exc
    if head[:2] == b"\x1f\x8b":
        import gzip

        stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
        with contextlib.suppress(OSError, EOFError):  # said when it is read
            head = stream.peek(2)
    return cast("BinaryIO", _Utf8(stream) if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else stream)


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


def _report(found: Findings, names: tuple[str, ...], began_ns: int, duration_s: float) -> Report:
    from kraken_doctor.doctor.verdict import FailOn, exit_status, outcome_of
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


def _check(found: Findings) -> CheckResult:
    """The log as one check: what it tells is in its evidence and in the diagnoses."""
    from kraken_doctor.model.diagnosis import Severity
    from kraken_doctor.model.evidence import CheckResult, Outcome

    tally = found.tally
    errors = tally.errors.values()
    severities = {diagnosis.severity for diagnosis in found.diagnoses}
    broken = next((extent.broken for extent in found.extents if extent.broken), "")
    says_something = errors or tally.worked or tally.public_worked or tally.installed
    if Severity.FAIL in severities:
        outcome, summary = (
            Outcome.FAIL,
            f"{tally.refused} calls refused for their nonce; errors in all: {sum(seen.count for seen in errors)}",
        )
    elif broken:
        outcome, summary = Outcome.INCONCLUSIVE, f"not read to its end: {broken}"
    elif not says_something:
        outcome, summary = Outcome.INCONCLUSIVE, "no Kraken calls found; no verdict"
    else:
        outcome = Outcome.WARN if Severity.WARN in severities else Outcome.PASS
        summary = "no failure that lasts" if tally.errors else f"no errors; {tally.worked} calls logged as successful"
    return CheckResult(id="log", account=None, outcome=outcome, summary=summary, evidence=tuple(_evidence(found)))


def _evidence(found: Findings) -> list[Evidence]:
    from kraken_doctor.model import facts

    tally = found.tally
    return [
        facts.LOG_LINES.of(sum(extent.lines for extent in found.extents)),
        facts.LOG_REFUSED.of(tally.refused),
        facts.LOG_WORKED.of(tally.worked),
        facts.LOG_STARTS.of(tally.starts),
        facts.LOG_GENERATOR_INSTALLED.of(tally.installed),
        *(facts.log_pattern(pattern.id).of(pattern.text) for pattern in found.patterns),
    ]


def _values(found: Findings, names: tuple[str, ...]) -> LogPart:
    tally = found.tally
    width_s, buckets = tally.timeline.shown(_TIMELINE_ROWS)
    errors = sorted(tally.errors.values(), key=lambda seen: -seen.count)
    failed = tally.errors.get("Failed to override nonce generator")
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
        "refused": tally.refused,
        "worked": tally.worked,
        "public_worked": tally.public_worked,
        "starts": tally.starts,
        "generator": {
            "installed": tally.installed,
            "last": _moment(tally.last_installed),
            "failed": failed.count if failed else 0,
        },
        "versions": {name: [number for number, _ in known[-3:]] for name, known in tally.versions.items()},
        "bucket_s": width_s,
        "timeline": [
            {"from": _moment(at), "nonce": counts["nonce"], "other": counts["other"], "worked": counts["worked"]}
            for at, counts in buckets
        ],
        "errors": [
            {
                "error": seen.title,
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
