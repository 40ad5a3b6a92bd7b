"""The report as Markdown: what `markdown` shows, and everything that it rests on."""

import itertools
import re
from collections.abc import Iterable

from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.findings import CheckResult, Outcome
from kraken_doctor.model.report import Report
from kraken_doctor.render import calls as figures
from kraken_doctor.render import phrases
from kraken_doctor.render.formats import markdown
from kraken_doctor.render.formats.markdown import code, table, text
from kraken_doctor.terminal.text import OUTCOME_WORDS

MOST_CHARACTERS = 60_000
"""GitHub takes 65,536 in an issue or a comment; the rest is for the user's own words."""

_NOTE_CHARACTERS = 100
"""What a section that was cut says of it."""

_MEDIANS = "Medians, slowest in brackets."


def render(report: Report, records: Iterable[CallRecord] = ()) -> str:
    """
    The page.

    Args:
        report: In its public form: this renderer shows what it is given.
        records: Private calls, oldest first.
    """
    parts = [markdown.render(report, notes=True)]
    if compared := phrases.comparison(report):
        parts.append(_comparison(compared, report.extra["comparison"].get("baseline_started_at")))
    parts.append(_calls(tuple(records), figures.missing(report.extra.get("audit"))))
    if rows := figures.latency(report.extra.get("latency")):
        cells = [tuple(map(text, row)) for row in rows]
        parts.append(f"#### Latency of this run's calls\n\n{_MEDIANS}\n\n{table(figures.LATENCY_COLUMNS, cells)}")
    # Where the page gets too long, the end goes first.
    well = {account.label for account in report.accounts if account.outcome is Outcome.PASS}
    checks = sorted(report.checks, key=lambda result: result.account in well)
    if evidence := [_evidence(result) for result in checks if result.evidence]:
        # The empty line behind it is needed: without one GitHub takes all that follows in the block for HTML.
        opening = "#### Evidence\n\n<details><summary>All facts, check by check</summary>\n"
        parts += [opening, *evidence, "</details>\n"]
    parts += ["#### This host\n", _environment(report), phrases.paragraph("left-out", this="this"), ""]
    return _within("\n".join(filter(None, parts)) + "\n", MOST_CHARACTERS)


def _within(page: str, most: int) -> str:
    """Return *page* with at most so many characters: of each long section the beginning, and how much is missing."""
    if len(page) <= most:
        return page
    # The last one says what is left out of any report, and so is never cut itself.
    *sections, last = re.split(r"(?m)^(?=#### )", page)
    left = most - len(last) - _NOTE_CHARACTERS * len(sections)
    shown = []
    for position, section in enumerate(sections):
        # Half of what is left, so that the next ones have room too: they stand in the order of their weight.
        room = left if position == len(sections) - 1 else left // 2
        shown.append(_cut(section, room))
        left -= min(len(section), room)
    return "".join((*shown, last))


def _cut(section: str, room: int) -> str:
    if len(section) <= room:
        return section
    # What is cut off had the end of the block in it: left open, it would hide all sections below.
    end = "</details>\n\n" if "</details>" in section else ""
    # Whole findings and whole tables of evidence; of one long table whole rows.
    units = re.split(r"(?m)^(?=\*\*)", section)
    units = units if len(units) > 2 else section.splitlines(keepends=True)
    sizes = itertools.accumulate(map(len, units))
    kept = max(1, sum(size <= room - len(end) for size in sizes))
    note = f"{len(units) - kept} more left out to limit the length: `report -o json` has them."
    return "".join(units[:kept]) + f"{end}\n{note}\n\n"


def _comparison(compared: list[tuple[str, list[dict[str, str | None]]]], since: object) -> str:
    rows = []
    for title, items in compared:
        rows += [(title, code(str(i["cause"])), code(str(i["account"])) if i.get("account") else "") for i in items]
        rows += [] if items else [(title, "nothing", "")]
    return f"#### Since the report of {text(str(since))}\n\n{table(('Since then', 'Cause', 'Account'), rows)}"


def _calls(records: tuple[CallRecord, ...], missing: list[str]) -> str:
    title = "#### Private calls of the last hour\n\n"
    said = "".join(f"\n{text(sentence)}\n" for sentence in missing)
    if not records:
        return f"{title}None were recorded.\n{said}"
    rows = [(code(f.key_id), code(f.endpoint), *f.cells()) for f in figures.figures(records)]
    return title + table(("Key id", "Endpoint", *figures.COLUMNS), rows) + said


def _evidence(result: CheckResult) -> str:
    whose = f", {code(result.account)}" if result.account else ""
    facts = result.evidence
    rows = ((code(f.name), code(phrases.fact(f)), text(f.bound), text(f.source)) for f in facts)
    head = f"**{text(result.id)}**{whose}: {OUTCOME_WORDS[result.outcome]}\n\n"
    return head + table(("Fact", "Value", "Limit", "Source"), rows)


def _environment(report: Report) -> str:
    values = phrases.host_values({**report.environment, **report.extra.get("versions", {})})
    return table(("What", "Which"), [(code(name), code(value) if value else "none") for name, value in values])
