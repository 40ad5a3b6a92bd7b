"""Diagnoses on the screen: a failure in full, a warning in two lines."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kraken_doctor.model.diagnosis import Diagnosis, Severity
from kraken_doctor.render.phrases import details
from kraken_doctor.render.rich_page import SEVERITY_STYLES
from kraken_doctor.terminal.text import PROSE_LIMIT_CHARACTERS, Symbols, escape


def findings(
    diagnoses: Iterable[Diagnosis], account: str | None, symbols: Symbols, *, verbose: bool
) -> list[RenderableType]:
    """The findings of one scope; what is only worth knowing with *verbose*."""
    parts: list[RenderableType] = []
    for diagnosis in diagnoses:
        if diagnosis.account != account:
            continue
        if diagnosis.severity is Severity.FAIL:
            parts += ["", Padding(_failure(diagnosis), (0, 0, 0, 2))]
        elif diagnosis.severity is Severity.WARN or verbose:
            parts += ["", Padding(_remark(diagnosis, symbols), (0, 0, 0, 2))]
    return parts


def _failure(diagnosis: Diagnosis) -> RenderableType:
    """Facts, what remains possible, what to do and what not."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    for name, texts in details(diagnosis):
        for position, text in enumerate(texts if name != "The exchange said" else ()):
            grid.add_row(Text(name if position == 0 else ""), Text(escape(text, PROSE_LIMIT_CHARACTERS)))
    head = Text(diagnosis.cause, style=f"bold {SEVERITY_STYLES[diagnosis.severity]}")
    head.append(f" ({diagnosis.confidence.value})", style="default")
    more = Text(f"More: kraken-doctor explain {diagnosis.cause}", style="dim")
    return Group(head, Text(escape(diagnosis.summary)), "", grid, "", more)


def _remark(diagnosis: Diagnosis, symbols: Symbols) -> RenderableType:
    """What is wrong and why, then what to do."""
    word = "warning" if diagnosis.severity is Severity.WARN else "note"
    style = SEVERITY_STYLES[diagnosis.severity]
    head = Text(f"{symbols.warned} {word}: ", style=style).append(diagnosis.cause, style=f"bold {style}")
    because = f" ({'; '.join(escape(fact) for fact in diagnosis.because)})" if diagnosis.because else ""
    remedy = diagnosis.remedy
    lines = [
        Text(f"{escape(diagnosis.summary)}{because}"),
        Text(escape(remedy.text, PROSE_LIMIT_CHARACTERS)),
        *(Text(f"Run: {escape(command)}") for command in remedy.commands),
        *([Text(f"Or: {escape(remedy.otherwise, PROSE_LIMIT_CHARACTERS)}")] if remedy.otherwise else []),
        *([Text(escape(remedy.avoid, PROSE_LIMIT_CHARACTERS))] if remedy.avoid else []),
    ]
    return Group(head, Padding(Group(*lines), (0, 0, 0, 2)))
