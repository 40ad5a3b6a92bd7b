"""HTML as a tree: its texts are escaped when it is written, so that nobody can forget to."""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from kraken_doctor.terminal.text import escape

Child = ET.Element | str | None


def element(tag: str, *children: Child, **attributes: str) -> ET.Element:
    """
    One element; a child that is None is left out.

    Attributes are named as in HTML, but ``class_`` for ``class`` and ``_`` for each ``-``.
    """
    made = ET.Element(tag, {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()})
    last: ET.Element | None = None
    for child in children:
        if isinstance(child, str):
            # In this tree the text behind an element belongs to that element.
            if last is None:
                made.text = (made.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        elif child is not None:
            made.append(child)
            last = child
    return made


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Child]]) -> ET.Element:
    """
    A table that a screen reader can name.

    On a phone the style makes a line of text of each row, with the column's name before each cell. The roles
    keep it a table for a screen reader, which such a style would take away.
    """
    lines = [zip(head, row, strict=True) for row in rows]
    body = [element("tr", *(element("td", cell, role="cell", data_column=name) for name, cell in line), role="row")
            for line in lines]  # fmt: skip
    heads = element("tr", *(element("th", name, scope="col", role="columnheader") for name in head), role="row")
    parts = element("thead", heads, role="rowgroup"), element("tbody", *body, role="rowgroup")
    return element("table", element("caption", caption), *parts, role="table")


def terms(pairs: Iterable[tuple[str, Child]], class_: str = "facts") -> ET.Element:
    """Names with what belongs to each; a name that is empty continues the one before."""
    parts: list[ET.Element] = []
    for name, value in pairs:
        if name:
            parts.append(element("dt", name))
        parts.append(element("dd", value))
    return element("dl", *parts, class_=class_)


def code(foreign: str) -> ET.Element:
    """A value, letter for letter."""
    return element("code", escape(foreign))


def document(title: str, style: str, *body: ET.Element) -> str:
    """
    A whole page in one file, all of it ASCII.

    It holds no script, and its policy lets a browser fetch nothing, whatever a text in it may say.
    """
    policy = ET.Element("meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
    metas = (element("meta", name=name, content=content) for name, content in _META.items())
    titles = element("title", escape(title)), element("style", style)
    head = element("head", element("meta", charset="utf-8"), policy, *metas, *titles)
    page = element("html", head, element("body", *body), lang="en")
    # As XML an empty cell would be `<td />`, which a browser takes for the beginning of one that never ends.
    return f"<!DOCTYPE html>\n{ET.tostring(page, encoding='us-ascii', method='html').decode()}\n"


_META = {"viewport": "width=device-width, initial-scale=1", "referrer": "no-referrer", "color-scheme": "light dark"}
# The page's own style stands in it, hence the one exception; scripts have none.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
