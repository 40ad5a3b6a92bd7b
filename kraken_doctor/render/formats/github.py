"""
GitHub Actions: annotations on stdout, the page of a job's summary.

A line that begins with ``::`` is a command to the runner
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands), so no foreign text may
begin one (`text.neutralise_ci_commands`), or end one early.
"""

from collections.abc import Iterator

from kraken_doctor.model.findings import Diagnosis, Severity
from kraken_doctor.model.report import Report
from kraken_doctor.render import grouping, phrases
from kraken_doctor.render.formats import markdown, short
from kraken_doctor.terminal.text import escape, neutralise_ci_commands

MOST_OF_A_KIND = 10
"""The runner drops what a step says beyond that, without a word:
https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md"""

_MOST_NAMES = 12
"""In a title, which is one line."""

_KINDS = {Severity.FAIL: "error", Severity.WARN: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """One annotation a finding, the first to mend first; below them the short form, for whoever reads the log."""
    by_kind: dict[str, list[str]] = {}
    for kind, title, body in _annotations(report):
        by_kind.setdefault(kind, []).append(f"::{kind} title={_property(title)}::{_data(body)}")
    lines = [line for kind, found in by_kind.items() for line in _at_most(kind, found)]
    return "".join(f"{line}\n" for line in lines) + neutralise_ci_commands(short.render(report))


def summary(report: Report) -> str:
    """The report in Markdown, as it is appended to the file that GITHUB_STEP_SUMMARY names."""
    # The next step writes to the same file: without an empty line Markdown takes its first words for a row of our
    # table.
    return f"{markdown.render(report)}\n"


def _annotations(report: Report) -> Iterator[tuple[str, str, str]]:
    for position, (diagnosis, accounts) in enumerate(grouping.grouped(report)):
        first = "" if position else ", fix first"
        whose = phrases.listed(accounts, _MOST_NAMES)
        yield _KINDS[diagnosis.severity], f"{diagnosis.cause} {whose}".rstrip() + first, _body(diagnosis)
    # Where the rest has a verdict, one that is missing is no error: most often a clock known by the exchange alone.
    kind = "error" if report.outcome in phrases.NO_VERDICT else "notice"
    for result in phrases.undecided(report):
        whose = f" {result.account}" if result.account else ""
        yield kind, f"no verdict: {result.id}{whose}", escape(result.summary)


def _body(diagnosis: Diagnosis) -> str:
    said = (diagnosis.summary, *diagnosis.because[:2], diagnosis.remedy.text)
    return "\n".join(filter(None, map(escape, said)))


def _at_most(kind: str, lines: list[str]) -> list[str]:
    if len(lines) <= MOST_OF_A_KIND:
        return lines
    hidden = len(lines) - MOST_OF_A_KIND + 1
    more = f"::{kind} title=and {hidden} more::See the job summary and the log below for all of them."
    return [*lines[: MOST_OF_A_KIND - 1], more]


def _data(text: str) -> str:
    # "%" first: the others bring it in.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    # A comma would begin the command's next property, two colons its message.
    return _data(escape(text)).replace(":", "%3A").replace(",", "%2C")
