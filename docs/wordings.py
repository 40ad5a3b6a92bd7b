"""
Writes docs/wordings.md: the wordings of errors, client by client, that `explain` and `logs` are made after.

    python -m docs.wordings
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).with_name("wordings.md")
FOLDER = Path(__file__).parent.parent / "kraken_doctor" / "diagnosis" / "wordings"

_HEAD = """\
# Wordings

What {clients} clients, libraries and servers print when the connection to Kraken fails: {count} wordings, each with the
cause that is likeliest when nothing else is known, and where it was seen. `none` is an error that says nothing against
the connection. `kraken-doctor explain` takes each of them, with whatever stands around it; `kraken-doctor logs` finds
them in a log.

This page is written by `python -m docs.wordings` from kraken_doctor/diagnosis/wordings.
"""


class Wording(NamedTuple):
    """One way to print an error."""

    client: str
    source: str
    cause: str
    text: str


def wordings() -> Iterator[Wording]:
    """Read all of them."""
    for path in sorted(FOLDER.glob("*.toml")):
        for client, fields in tomllib.loads(path.read_text(encoding="utf-8")).items():
            source = fields.pop("source")
            for cause, texts in fields.items():
                yield from (Wording(client, source, cause, text) for text in texts)


def page() -> str:
    """Return the whole page."""
    known = list(wordings())
    clients = dict.fromkeys((one.client, one.source) for one in known)
    parts = [_HEAD.format(clients=len(clients), count=len(known))]
    for client, source in clients:
        parts.append(f"## {client}\n\n<{source}>\n\n| cause | printed |\n|---|---|")
        parts += [_row(one) for one in known if one.client == client]
        parts.append("")
    return "\n".join(parts)


def _row(one: Wording) -> str:
    cause = "none" if one.cause == "none" else f"[{one.cause}](causes.md#{one.cause})"
    text = one.text.replace("|", "\\|")
    mark = "``" if "`" in text else "`"
    return f"| {cause} | {mark}{' ' if mark != '`' else ''}{text}{' ' if mark != '`' else ''}{mark} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
