"""Lines for a screen that can't scroll: as wide as it is, and as many as it has, with what fails in front."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kraken_doctor.model.findings import by_kind
from kraken_doctor.model.format import counted
from kraken_doctor.terminal.text import ascii_only


class Row(NamedTuple):
    """Whom a line is about, and what it says."""

    symbol: str
    name: str
    said: str
    """What is seen: equal for all that fail in the same way."""
    state: str
    """The same with what is the name's own, such as for how long."""


def aligned(rows: Sequence[Row]) -> list[str]:
    """Return a line for each."""
    from rich.cells import cell_len, set_cell_size

    mark = max((len(row.symbol) for row in rows), default=0)
    column = max((cell_len(row.name) for row in rows), default=0)
    return [f"  {row.symbol:<{mark}} {set_cell_size(row.name, column)}  {row.state}" for row in rows]


def failing(rows: Sequence[Row], width: int, height: int) -> list[str]:
    """Return a line for each, or where there is no room for that, all names below what is wrong with them."""
    if len(rows) <= height:
        return aligned(rows)
    shown = []
    for (symbol, said), same in by_kind(rows, lambda row: (row.symbol, row.said)).items():
        shown.append(f"  {symbol} {counted(len(same), 'account')}: {said}")
        names, indent = ", ".join(row.name for row in same), " " * (3 + len(symbol))
        shown += textwrap.wrap(names, width, initial_indent=indent, subsequent_indent=indent)
    return shown if len(shown) <= height else [*shown[: max(0, height - 1)], "  and more"][:height]


def fitted(lines: Iterable[str], width: int, *, unicode: bool) -> list[str]:
    """Return *lines* cut to *width* cells, in ASCII unless *unicode*."""
    from rich.cells import cell_len, set_cell_size

    ellipsis = "…" if unicode else "..."
    # Counted in cells, not in characters: a name in Chinese has two a letter, and a line that wraps makes the live view
    # erase one line too few.
    shown = lines if unicode else [ascii_only(line) for line in lines]
    return [
        line if cell_len(line) <= width else set_cell_size(line, width - len(ellipsis)) + ellipsis for line in shown
    ]
