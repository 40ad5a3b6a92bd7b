"""What a bot's log tells, as a page and as Markdown; both from the values that the JSON has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from kraken_doctor import __version__
from kraken_doctor.model.report import Report
from kraken_doctor.render import phrases
from kraken_doctor.render.formats import markdown
from kraken_doctor.render.pages.findings import findings
from kraken_doctor.render.rich_page import listing, style_of, to_text
from kraken_doctor.terminal.text import OUTCOME_WORDS, Terminal, escape, symbols_for

_TIMELINE = ["From", "Invalid nonce", "Other errors", "Worked"]
_ERRORS = ["Error", "Count", "First", "Last"]
_FILES = ["File", "Lines", "From", "To"]


def render(report: Report, terminal: Terminal, *, verbose: bool = False) -> str:
    """The page: what was read, when what happened, what it has in common, what it points to."""
    log, symbols = report.extra["log"], symbols_for(terminal)
    parts: list[RenderableType] = [
        Text(f"kraken-doctor {__version__} {symbols.dot} logs", style="bold"),
        "",
        _inset(listing(_FILES, _file_rows(log), whole=_FILES[1:])),
        "",
        *(_inset(Text(line)) for line in _lines(log)),
    ]
    if log["timeline"]:
        parts += ["", _inset(listing(_TIMELINE, _timeline_rows(log), whole=_TIMELINE))]
    if log["errors"]:
        parts += ["", _inset(listing(_ERRORS, _error_rows(log), whole=_ERRORS[1:]))]
    parts += findings(report, symbols, verbose=verbose)
    return to_text(Group(*parts, "", Text(escape(_closing(report)), style=style_of(report.outcome))), terminal)


def render_markdown(report: Report) -> str:
    """The same for an issue."""
    log = report.extra["log"]
    parts = [
        f"### kraken-doctor {markdown.text(__version__)} logs: {OUTCOME_WORDS[report.outcome]}\n",
        f"**{markdown.text(_closing(report))}**\n",
        _table(_FILES, _file_rows(log)),
        *(f"- {markdown.text(line)}" for line in _lines(log)),
        "",
    ]
    if log["timeline"]:
        parts.append(_table(_TIMELINE, _timeline_rows(log)))
    if log["errors"]:
        parts.append(_table(_ERRORS, _error_rows(log)))
    if found := phrases.grouped(report):
        parts += ["#### Findings\n", *(markdown.finding(*one, position=at) for at, one in enumerate(found))]
    return "\n".join(parts)


def _table(head: list[str], rows: list[list[str]]) -> str:
    return markdown.table(head, [[markdown.text(cell) for cell in row] for row in rows])


def _inset(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2))


def _file_rows(log: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            f"{f['name']} (not to its end)" if f["broken"] else f["name"],
            str(f["lines"]),
            _time(f["first"]),
            _time(f["last"]),
        ]
        for f in log["files"]
    ]


def _timeline_rows(log: Mapping[str, Any]) -> list[list[str]]:
    return [
        [_time(row["from"])[:16], *(str(row[kind] or "-") for kind in ("nonce", "other", "worked"))]
        for row in log["timeline"]
    ]


def _error_rows(log: Mapping[str, Any]) -> list[list[str]]:
    return [[seen["error"], str(seen["count"]), _time(seen["first"]), _time(seen["last"])] for seen in log["errors"]]


def _lines(log: Mapping[str, Any]) -> list[str]:
    installed, starts = log["generator"]["installed"], log["starts"]
    if installed:
        last = _time(log["generator"]["last"])
        generator = f"installed at {last}" if installed == 1 else f"installed {_times(installed)}, last at {last}"
    else:
        generator = "no line says that the custom one was installed"
    if log["generator"]["failed"]:
        generator = f"its installation failed {_times(log['generator']['failed'])}"
    lines = [f"Nonce generator: {generator}"]
    lines.append(f"Calls: {log['refused']} refused for their nonce, {log['worked']} logged as successful")
    if starts:
        lines.append(f"Starts: {starts}")
    if client := log["client"]["name"]:
        lines.insert(0, f"Client: {client} {log['client']['version'] or ''}".rstrip())
    if log["elsewhere"]:
        lines.append("Not Kraken's: " + ", ".join(f"{name} {count}" for name, count in log["elsewhere"].items()))
    if log["versions"]:
        lines.append("Versions: " + ", ".join(f"{name} {' -> '.join(v)}" for name, v in log["versions"].items()))
    if log["timeline"]:
        lines.append(f"Times are the log's own; those with a zone, in UTC. Each row is {_span(log['bucket_s'])}.")
    return lines


def _closing(report: Report) -> str:
    return phrases.verdict(report) if report.diagnoses else report.checks[0].summary


def _time(moment: str | None) -> str:
    return moment.replace("T", " ").removesuffix("Z") if moment else "-"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _span(seconds: int) -> str:
    for size, word in ((31_536_000, "year"), (2_592_000, "month"), (604_800, "week"), (86_400, "day"), (3_600, "hour")):
        if seconds >= size:
            return f"a {word}".replace("a hour", "an hour") if seconds == size else f"{seconds // size} {word}s"
    return "a minute" if seconds == 60 else f"{seconds // 60} minutes"
