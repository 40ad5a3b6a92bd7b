"""Whatever a server, a label or a file says: shown as data in every form, cut at a bound, obeyed in none."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from kraken_doctor.doctor.progress import Activity, Progress, Wait
from kraken_doctor.model import json_report
from kraken_doctor.model.report import Report
from kraken_doctor.render import progress
from kraken_doctor.render.formats import github, html, junit, markdown, short, table
from kraken_doctor.render.pages import report_markdown
from kraken_doctor.terminal.text import Terminal, neutralise_ci_commands
from tests.render.samples import HOSTILE, call, hostile
from tests.runner import commands

CALLS = (call(endpoint=HOSTILE, outcome=HOSTILE, key_id=HOSTILE),)

FORMS: dict[str, Callable[[Report], str]] = {
    "table": lambda report: table.render(report, Terminal(), verbose=True),
    "narrow": lambda report: table.render(report, Terminal(width=40), verbose=True),
    "short": short.render,
    "json": json_report.render,
    "junit": junit.render,
    "github": github.render,
    "summary": github.summary,
    "markdown": markdown.render,
    "markdown report": lambda report: report_markdown.render(report, CALLS),
    "html": lambda report: html.render(report, CALLS),
}

FORBIDDEN = ("\x1b", "\x07", "\0", "\u202e", "\u200b", "\ud800", "\uffff", "\r")


@pytest.mark.parametrize("form", FORMS)
def test_nothing_that_a_terminal_obeys_and_no_megabyte(form: str) -> None:
    """Escapes, control and invisible characters are spelled out; and what remains can be read."""
    text = FORMS[form](hostile())
    assert [character for character in FORBIDDEN if character in text] == []
    assert len(text) < 400_000
    text.encode()
    assert "boo" in text, "it is shown all the same"


@pytest.mark.parametrize("form", [form for form in FORMS if form != "github"])
def test_nothing_that_a_ci_runner_obeys(form: str) -> None:
    """Not at the start of a line, not behind blanks, not in the middle."""
    assert commands(neutralise_ci_commands(FORMS[form](hostile()))) == []


def test_the_runner_of_the_test_is_one() -> None:
    """It finds what it is there to find, in what was not neutralise_ci_commands."""
    assert [name for name, _, _ in commands("x\n  ::error::boo\na ##[warning]b\n::error\n::1\nfe80::error::1")] == [
        "error", "warning",
    ]  # fmt: skip
    assert (
        commands(neutralise_ci_commands("x\n  ::error::boo\na ##[warning]b\n\t::add-mask a=b::c\n##vso[task]x")) == []
    )
    for kept in ("::1", "fe80::1", "a::b::c", "EAPI:Invalid nonce", "# [x]", "::ffff:10.0.0.1"):
        assert neutralise_ci_commands(kept) == kept


def test_github_says_only_what_we_say() -> None:
    """Our own annotations, with foreign text inside their data and nowhere else."""
    found = commands(github.render(hostile()))
    assert [name for name, _, _ in found] == ["error", "warning", "notice"]
    for _, properties, data in found:
        assert properties.startswith("title=")
        assert "," not in properties
        assert ":" not in properties
        assert "%0A" in data or "\n" not in data


def test_markdown_has_no_markup_but_its_own() -> None:
    """Read by a parser that is not ours: no link, no image, no HTML, no emphasis that foreign text brought."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for form in ("markdown", "markdown report"):
        page = FORMS[form](hostile())
        kinds = {child.type for token in reader.parse(page) for child in token.children or ()}
        assert kinds <= {"text", "code_inline", "strong_open", "strong_close", "softbreak", "text_special"}, kinds
        blocks = {token.content.strip() for token in reader.parse(page) if token.type == "html_block"}
        assert blocks <= {"<details><summary>All facts, check by check</summary>", "</details>"}, blocks
        tables = [token for token in reader.parse(page) if token.type in ("th_open", "tr_open")]
        assert tables


def test_markdown_reaches_nobody() -> None:
    """What GitHub makes a mention, a link or a reference of stands in code, which it leaves alone."""
    reader = MarkdownIt("commonmark").enable("table")
    for token in reader.parse(FORMS["markdown report"](hostile())):
        for child in token.children or ():
            if child.type == "text":
                assert "@user" not in child.content
                assert "://" not in child.content


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_html_has_no_element_but_its_own() -> None:
    """No script, nothing that is fetched, nothing that is run."""
    reader = _Tags()
    reader.feed(FORMS["html"](hostile()))
    assert not reader.tags & {"script", "a", "img", "link", "iframe", "object", "form", "base", "use", "image"}
    assert not {name for name in reader.attributes if name.startswith("on") or name in ("src", "href", "style")}


def test_json_and_junit_can_be_read_back() -> None:
    """By their own readers, with the text in them."""
    read = json.loads(json_report.render(hostile()))
    assert read["checks"][-2]["summary"].startswith(HOSTILE[:100])
    assert "##" not in json_report.render(hostile())
    cases = ET.fromstring(junit.render(hostile())).findall(".//testcase")
    assert len(cases) == len(hostile().checks)


def test_the_live_view_too() -> None:
    """A label and a server's words within their lines."""
    waiting = Wait(HOSTILE, 0.0, 5.0)
    activity = Activity("path", HOSTILE, 0.0, waiting=waiting)
    shown = progress.lines(Progress(HOSTILE, 0.0, 60.0, 1, 2, (activity,)), 2.0, 79, 10)
    assert len(shown) <= 10
    assert not [character for character in FORBIDDEN if any(character in line for line in shown)]
