"""Diagnoses on the screen: a failure in full, a warning in two lines."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kraken_doctor.model.report import Diagnosis, Report, Severity
from kraken_doctor.render.phrases import EVERYTHING, SEVERITY_WORDS, Limits, cure, details, grouped, listed
from kraken_doctor.render.rich_page import SEVERITY_STYLES
from kraken_doctor.terminal.text import PROSE_LIMIT_CHARACTERS, Symbols, escape


def findings(report: Report, symbols: Symbols, *, verbose: bool, limits: Limits = EVERYTHING) -> list[RenderableType]:
    """The findings, in the order in which they are to be read; what is only worth knowing with *verbose*."""
    parts: list[RenderableType] = []
    for position, (diagnosis, accounts) in enumerate(grouped(report, notes=verbose)):
        whose = listed([escape(label) for label in accounts], limits.names) if len(report.accounts) > 1 else ""
        if position >= limits.full:
            block: RenderableType = _line(diagnosis, whose)
        else:
            block = (
                _failure(diagnosis, whose)
                if diagnosis.severity is Severity.FAIL
                else _remark(diagnosis, whose, symbols)
            )
        parts += [*([""] if position <= limits.full else []), Padding(block, (0, 0, 0, 2))]
    return parts


def _line(diagnosis: Diagnosis, whose: str) -> Text:
    """What there is no room for in full."""
    head = Text(f"{SEVERITY_WORDS[diagnosis.severity]}: ", style=SEVERITY_STYLES[diagnosis.severity])
    head.append(f"{diagnosis.cause}", style="bold")
    return head.append(f"{f' in {whose}' if whose else ''} (kraken-doctor explain {diagnosis.cause})")


def _failure(diagnosis: Diagnosis, whose: str) -> RenderableType:
    """Facts, what remains possible, what to do and what not."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    if whose:
        grid.add_row("Accounts" if ", " in whose else "Account", Text(whose))
    for name, texts in details(diagnosis):
        for position, text in enumerate(texts if name != "The exchange said" else ()):
            grid.add_row(Text(name if position == 0 else ""), Text(escape(text, PROSE_LIMIT_CHARACTERS)))
    head = Text(diagnosis.cause, style=f"bold {SEVERITY_STYLES[diagnosis.severity]}")
    head.append(f" ({diagnosis.confidence.value})", style="default")
    more = Text(f"More: kraken-doctor explain {diagnosis.cause}", style="dim")
    return Group(head, Text(escape(diagnosis.summary)), "", grid, "", more)


def _remark(diagnosis: Diagnosis, whose: str, symbols: Symbols) -> RenderableType:
    """What is wrong and why, then what to do."""
    word = "warning" if diagnosis.severity is Severity.WARN else "note"
    style = SEVERITY_STYLES[diagnosis.severity]
    head = Text(f"{symbols.warned} {word}: ", style=style).append(diagnosis.cause, style=f"bold {style}")
    head.append(f" ({whose})" if whose else "", style="default")
    because = f" ({'; '.join(escape(fact) for fact in diagnosis.because)})" if diagnosis.because else ""
    lines = [Text(f"{escape(diagnosis.summary)}{because}")]
    for heading, texts in cure(diagnosis.remedy):
        before = {"Do": "", "Don't": "Don't "}.get(heading, f"{heading}: ")
        lines += [Text(f"{before}{escape(text, PROSE_LIMIT_CHARACTERS)}") for text in texts if text]
    return Group(head, Padding(Group(*lines), (0, 0, 0, 2)))
