"""What a bot's log tells, as a page and as Markdown; both from the values that the JSON has."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from kraken_doctor import __version__
from kraken_doctor.model.format import times
from kraken_doctor.model.report import Report
from kraken_doctor.render import grouping, phrases
from kraken_doctor.render.formats import markdown
from kraken_doctor.render.pages.findings import findings
from kraken_doctor.render.rich_page import inset, listing, style_of, to_text
from kraken_doctor.terminal.text import OUTCOME_WORDS, Terminal, escape, symbols_for

_Table = tuple[list[str], list[list[str]]]


def render(report: Report, terminal: Terminal, *, verbose: bool = False) -> str:
    """The page: what was read, when what happened, what it has in common, what it points to."""
    log = report.extra["log"]
    files, *more = _tables(log)
    parts: list[RenderableType] = [
        Text(f"kraken-doctor {__version__} {symbols_for(terminal).dot} logs", style="bold"),
        "",
        _listing(*files),
        "",
        *(inset(Text(line)) for line in _lines(log)),
    ]
    for table in more:
        parts += ["", _listing(*table)]
    parts += findings(report, terminal, verbose=verbose)
    return to_text(Group(*parts, "", Text(escape(_closing(report)), style=style_of(report.outcome))), terminal)


def render_markdown(report: Report) -> str:
    """The same for an issue."""
    log = report.extra["log"]
    files, *more = _tables(log)
    parts = [
        f"### kraken-doctor {markdown.text(__version__)} logs: {OUTCOME_WORDS[report.outcome]}\n",
        f"**{markdown.text(_closing(report))}**\n",
        _markdown(*files),
        *(f"- {markdown.text(line)}" for line in _lines(log)),
        "",
    ]
    parts += [_markdown(*table) for table in more]
    if found := grouping.grouped(report):
        parts += ["#### Findings\n", *(markdown.finding(*one, position=at) for at, one in enumerate(found))]
    return "\n".join(parts)


def _listing(head: list[str], rows: list[list[str]]) -> RenderableType:
    # A file's name and an error's words may be wrapped; times and counts are of no use then.
    return inset(listing(head, rows, whole={*head} - {"File", "Error"}))


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    return markdown.table(head, [[markdown.text(cell) for cell in row] for row in rows])


def _tables(log: Mapping[str, Any]) -> list[_Table]:
    """What was read, when what happened, and which errors, as far as there are any: heads and rows."""
    files = [[_name(f), str(f["lines"]), _time(f["first"]), _time(f["last"])] for f in log["files"]]
    kinds = ("nonce", "other", "worked")
    # To the minute: no row is shorter than one.
    timeline = [[_time(row["from"])[:16], *(str(row[kind] or "-") for kind in kinds)] for row in log["timeline"]]
    errors = [[e["error"], str(e["count"]), _time(e["first"]), _time(e["last"])] for e in log["errors"]]
    found: list[_Table] = [(["File", "Lines", "From", "To"], files)]
    if timeline:
        found.append((["From", "Invalid nonce", "Other errors", "Worked"], timeline))
    if errors:
        found.append((["Error", "Count", "First", "Last"], errors))
    return found


def _lines(log: Mapping[str, Any]) -> list[str]:
    installed, starts = log["generator"]["installed"], log["starts"]
    if installed:
        last = _time(log["generator"]["last"])
        generator = f"installed at {last}" if installed == 1 else f"installed {times(installed)}, last at {last}"
    else:
        generator = "no line shows that the custom one was installed"
    if log["generator"]["failed"]:
        generator = f"its installation failed {times(log['generator']['failed'])}"
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
        lines.append(f"Times are the log's own; in UTC if they have a zone. Each row is {_span(log['bucket_s'])}.")
    return lines


def _closing(report: Report) -> str:
    return phrases.verdict(report) if report.diagnoses else report.checks[0].summary


def _name(file: Mapping[str, Any]) -> str:
    return f"{file['name']}{' (not read to the end)' if file['broken'] else ''}"


def _time(moment: str | None) -> str:
    return moment.replace("T", " ").removesuffix("Z") if moment else "-"


def _span(seconds: int) -> str:
    for size, word in ((31_536_000, "year"), (2_592_000, "month"), (604_800, "week"), (86_400, "day"), (3_600, "hour")):
        if seconds >= size:
            return f"a {word}".replace("a hour", "an hour") if seconds == size else f"{seconds // size} {word}s"
    return "a minute" if seconds == 60 else f"{seconds // 60} minutes"
