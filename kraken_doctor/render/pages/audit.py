"""What ``audit`` shows."""

from typing import Any

from rich.console import Group

from kraken_doctor.model.format import milliseconds, span
from kraken_doctor.model.report import Report
from kraken_doctor.render.formats import markdown
from kraken_doctor.render.formats.markdown import code, table, text
from kraken_doctor.render.formats.table import environment
from kraken_doctor.render.rich_page import listing, to_text
from kraken_doctor.terminal.text import Terminal

_SUMMARY = ("Key", "Issued", "Refused", "Failed", "Lead", "Longest wait", "Longest gap", "Rate")
_NARROW_SUMMARY = 5
"""So many of them are shown on a narrow screen."""

_WIDE = 110
"""From so many columns on a call is one line, and the summary has all its figures."""

_RECORD = ("Time (UTC)", "Key", "Nonce", "Call", "Outcome", "By", "Took", "Waited")


def render(report: Report, terminal: Terminal, *, verbose: bool) -> str:  # noqa: ARG001 - every page has it
    """Return the page."""
    parts: list[Any] = [environment(report, terminal)]
    if report.extra["summary"]:
        shown = None if terminal.width >= _WIDE else _NARROW_SUMMARY
        rows = [_summary_row(summary)[:shown] for summary in report.extra["summary"]]
        parts += ["", listing(list(_SUMMARY[:shown]), rows, whole=_SUMMARY[1:])]
    if records := report.extra["records"]:
        columns, rows = list(_RECORD), [_record_row(record) for record in records]
        if terminal.width < _WIDE:
            rows = [[row[0], f"{row[1]}\n{row[3]} {row[2]}: {row[4]}, {row[6]}"] for row in rows]
            columns = ["Time (UTC)", "Key and call"]
        parts += ["", listing(columns, rows, whole=("Time (UTC)", "Nonce", "Call", "By", "Took", "Waited"))]
    return to_text(Group(*parts), terminal)


def render_markdown(report: Report) -> str:
    """Return the page for a job summary or an issue."""
    parts = [markdown.render(report)]
    if report.extra["summary"]:
        rows = [_summary_row(summary) for summary in report.extra["summary"]]
        parts += ["#### Keys\n", table(_SUMMARY, [(code(row[0]), *map(text, row[1:])) for row in rows])]
    if report.extra["records"]:
        rows = [_record_row(record) for record in report.extra["records"]]
        cells = [(row[0], code(row[1]), row[2], code(row[3]), code(row[4]), *row[5:]) for row in rows]
        parts += ["#### Newest calls\n", table(_RECORD, cells)]
    return "\n".join(parts)


def _summary_row(summary: dict[str, Any]) -> list[str]:
    lead = summary["lead_s"]
    counts = [str(summary[name]) for name in ("issued", "refused", "failed")]
    longest = [span(summary[name]) for name in ("longest_wait_s", "longest_gap_s")]
    shown_lead = f"{lead:+.3f} s" if lead is not None else "-"
    return [_whose(summary), *counts, shown_lead, *longest, f"{summary['rate_per_s']:g}/s"]


def _record_row(record: dict[str, Any]) -> list[str]:
    call = [str(record["nonce"]), record["endpoint"], record["outcome"], record["by"] or "-"]
    times = [milliseconds(record[name]) for name in ("latency_s", "waited_s")]
    # Without year and zone, which the column's head and the reader know: eight columns have to fit on a screen.
    return [record["at"][5:-1].replace("T", " "), _whose(record), *call, *times]


def _whose(values: dict[str, Any]) -> str:
    return str(values["account"] or values["key_id"])
