"""Rich, pinned down: the same input gives the same text, whatever the environment says."""

import io
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod, RenderableType
from rich.containers import Lines
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kraken_doctor.model.findings import Outcome, Severity
from kraken_doctor.terminal.text import Terminal, ascii_only, escape

Cell = str | Text

# Sixteen-colour names: the terminal's own palette is legible on its own background, light or dark.
OUTCOME_STYLES = {Outcome.PASS: "green", Outcome.WARN: "yellow", Outcome.FAIL: "red", Outcome.SKIP: "dim"}
SEVERITY_STYLES = {Severity.FAIL: "red", Severity.WARN: "yellow", Severity.INFO: "cyan"}


def style_of(outcome: Outcome) -> str:
    """The colour of an outcome; no verdict has one of its own."""
    return OUTCOME_STYLES.get(outcome, "magenta")


def to_text(renderable: RenderableType, terminal: Terminal) -> str:
    """*renderable* as the terminal would show it, without trailing blanks."""
    stream = io.StringIO()
    # All that Rich would find out by itself: COLUMNS, NO_COLOR, a notebook, a console's code page, numbers to colour.
    # The same report would be another text on each host, and no test could hold it to anything.
    console = Console(
        file=stream,
        width=terminal.width,
        color_system="standard" if terminal.colour else None,
        force_terminal=terminal.colour,
        legacy_windows=False,
        safe_box=True,
        highlight=False,
        emoji=False,
        markup=False,
        _environ={},
    )
    console.print(renderable)
    # Rich fills lines up to the width: pasted elsewhere, or in a window made smaller, the blanks would wrap.
    text = "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
    return text if terminal.unicode else ascii_only(text)


def inset(part: RenderableType, columns: int = 2) -> Padding:
    """Set *part* in by so many *columns*."""
    return Padding(part, (0, 0, 0, columns))


def named(rows: Iterable[tuple[str, str]], *, min_width: int | None = None) -> Table:
    """Return names, and beside each its text, which is folded there; an empty name goes on with the one above."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold", min_width=min_width)
    # Never cut, as Rich does by default: commands and paths stand here, and are copied.
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(Text(name), Text(text))
    return grid


class Words(Text):
    """Foreign text of one style; a long word is folded behind a joint (``USER:``, ``a_``), not in a part that fits."""

    def wrap(self, console: Console, width: int, **how: Any) -> Lines:
        """Return the lines, at most *width* columns each."""
        folded = re.sub(r"\S+", lambda word: "\n".join(_folded(word[0], width)), self.plain)
        return Text(folded, style=self.style).wrap(console, width, **how)


def _folded(word: str, width: int) -> list[str]:
    lines = [""]
    for part in re.findall(r"[^_:./\\-]*+[_:./\\-]*+", word) if cell_len(word) > width else [word]:
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return lines


def listing(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, whole: Collection[str] = (), right: Collection[str] = ()
) -> Table:
    """
    A plain table of foreign texts, each of one line or several; a `Text` is shown as it is.

    Args:
        columns: Their titles.
        rows: Their cells.
        whole: Columns that are not wrapped.
        right: Columns of numbers.
    """
    # No lines at the sides: what is copied from a column is then a value and nothing else.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        justify: JustifyMethod = "right" if column in right else "left"
        table.add_column(column, overflow="fold", no_wrap=column in whole, justify=justify)
    for row in rows:
        # Never as a string: Rich reads markup in it, and "account [main]" would be shown as "account".
        table.add_row(*(cell if isinstance(cell, Text) else Words(_escaped(cell)) for cell in row))
    return table


def _escaped(text: str) -> str:
    return "\n".join(map(escape, text.split("\n")))
