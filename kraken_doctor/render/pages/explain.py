"""What a cause or an error means: as a page, as Markdown, as JSON values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kraken_doctor.model import json_report
from kraken_doctor.model.cause import Cause, Symptom
from kraken_doctor.render.phrases import SEVERITY_WORDS, cure
from kraken_doctor.render.rich_page import SEVERITY_STYLES, inset, named, to_text
from kraken_doctor.sandbox.faults import FAULTS
from kraken_doctor.tables import load
from kraken_doctor.terminal.text import Terminal, escape

Sections = Mapping[str, Sequence[Cause]]

_ALONE = "This error does not point to any cause of a failed connection."


def listed(sections: Sections, terminal: Terminal) -> str:
    """Every cause in a line."""
    width = max(len(cause.id) for causes in sections.values() for cause in causes)
    parts: list[RenderableType] = []
    for section, causes in sections.items():
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True, min_width=width)
        grid.add_column()
        for cause in causes:
            grid.add_row(Text(cause.id, style=SEVERITY_STYLES[cause.severity]), Text(cause.title))
        parts += [Text(section, style="bold"), inset(grid), ""]
    more = "More about a cause: kraken-doctor explain CAUSE. About an error: kraken-doctor explain 'EAPI:Invalid key'."
    return to_text(Group(*parts, Text(more)), terminal)


def cause_page(cause: Cause, terminal: Terminal) -> str:
    """One cause in full."""
    style = SEVERITY_STYLES[cause.severity]
    head = Text(cause.id, style=f"bold {style}").append(f" ({SEVERITY_WORDS[cause.severity]})", style="default")
    return to_text(Group(head, Text(cause.title), "", _rows(_said_of(cause)), ""), terminal) + _links(cause.links)


def symptom_page(symptom: Symptom, causes: Mapping[str, Cause], terminal: Terminal) -> str:
    """An error: what is certain, what it may come from, and what tells that apart."""
    parts: list[RenderableType] = [Text(symptom.title, style="bold"), Text(symptom.meaning), ""]
    if not symptom.causes:
        parts += [Text(_ALONE), ""]
    elif len(symptom.causes) > 1:
        parts += [Text("Possible causes, most likely first:"), ""]
    for cause_id, told_apart_by in symptom.causes.items():
        cause = causes[cause_id]
        head = Text(cause_id, style=f"bold {SEVERITY_STYLES[cause.severity]}")
        rows = [("If", told_apart_by), ("Do", cause.remedy.text)]
        parts += [head, Text(f"  {cause.title}."), _rows([row for row in rows if row[1]]), ""]
    if symptom.causes:
        more = f"More: kraken-doctor explain {next(iter(symptom.causes))}"
        parts += [Text(f"To find out which: {symptom.command}"), Text(more), ""]
    return to_text(Group(*parts), terminal) + _links(symptom.links)


def quoted(error: str, terminal: Terminal) -> str:
    """An error in Kraken's form that this version does not know, above the page of that cause."""
    return to_text(Group(Text(escape(error), style="bold"), ""), terminal)


def cause_markdown(cause: Cause, *, level: int = 2) -> str:
    """One cause, for docs/causes.md and for pasting."""
    lines = [f"{'#' * level} {cause.id}", "", f"**{cause.title}** ({SEVERITY_WORDS[cause.severity]})", ""]
    lines += [f"- {name}: {_marked(name, text)}" for name, text in _said_of(cause)]
    lines += [f"- <{link}>" for link in cause.links]
    return "\n".join(lines) + "\n"


def symptom_markdown(symptom: Symptom, causes: Mapping[str, Cause], *, level: int = 2) -> str:
    """One error, for docs/causes.md and for pasting."""
    lines = [f"{'#' * level} {symptom.title}", "", symptom.meaning, ""]
    if not symptom.causes:
        lines += [_ALONE, ""]
    lines += [
        f"{number}. `{cause}`: {causes[cause].title}{f'. If {apart}' if apart else ''}."
        for number, (cause, apart) in enumerate(symptom.causes.items(), 1)
    ]
    if symptom.causes:
        lines += ["", f"To find out which: `{symptom.command}`", ""]
    lines += [f"- <{link}>" for link in symptom.links]
    return "\n".join(lines) + "\n"


def list_markdown(sections: Sections) -> str:
    """Every cause in a line."""
    parts: list[str] = []
    for section, causes in sections.items():
        rows = "".join(f"| `{c.id}` | {c.title} | {SEVERITY_WORDS[c.severity]} |\n" for c in causes)
        parts.append(f"### {section}\n\n| cause | what it is | |\n|---|---|---|\n{rows}")
    return "\n".join(parts)


def cause_values(cause: Cause, section: str) -> dict[str, Any]:
    """One cause as JSON values."""
    told = ("severity", "title", "meaning", "proof", "remedy", "wrong_when", "errors", "links")
    fields = {name: json_report.published(getattr(cause, name)) for name in told}
    return {"cause": cause.id, "section": section, **fields}


def symptom_values(symptom: Symptom) -> dict[str, Any]:
    """One error as JSON values; its causes are in the order of how likely they are."""
    return {
        "error": symptom.title,
        "kind": symptom.kind,
        "meaning": symptom.meaning,
        "causes": [{"cause": cause, "told_apart_by": apart} for cause, apart in symptom.causes.items()],
        "command": symptom.command,
        "links": list(symptom.links),
    }


def _said_of(cause: Cause) -> Iterator[tuple[str, str]]:
    yield "What it is", cause.meaning
    yield "Proved by", cause.proof
    yield from ((heading, text) for heading, texts in cure(cause.remedy) for text in texts if text)
    hints = load(__file__, "explain.toml")["hint"]
    yield from ((hint["heading"], hint["text"]) for hint in hints if cause.id in hint["causes"])
    # The one of the cause's own name is its plainest form.
    if shown := FAULTS.get(cause.id, next((fault for fault in FAULTS.values() if fault.cause == cause.id), None)):
        yield "See it", f"kraken-doctor {shown.command or f'check --sandbox --fault {shown.name}'}"
    yield "Wrong when", cause.wrong_when
    if cause.errors:
        yield "Errors", ", ".join(cause.errors)


def _links(links: Iterable[str]) -> str:
    """Each whole on a line of its own, however narrow the screen: folded or cut it could not be opened."""
    return "".join(f"{link}\n" for link in links)


def _marked(name: str, text: str) -> str:
    if name in ("Run", "Errors"):
        return ", ".join(f"`{part}`" for part in text.split(", "))
    if name in ("See it", "Code", "Key page"):
        return f"<{text}>" if name == "Key page" else f"`{text}`"
    # As it stands <NAME> would be a tag, which Markdown passes on and a browser does not show.
    return text.replace("<", "\\<").replace("*", "\\*")


def _rows(rows: Iterable[tuple[str, str]]) -> RenderableType:
    return inset(named(rows, min_width=10))
