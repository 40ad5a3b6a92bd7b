"""The page for an issue or a pull request."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kraken_doctor import __version__
from kraken_doctor.model.findings import CheckResult, Evidence, Outcome, Severity
from kraken_doctor.render.formats import markdown
from kraken_doctor.render.pages import report_markdown
from kraken_doctor.terminal.text import escape
from tests.render.samples import account, call, diagnosis, report


def test_the_page() -> None:
    """Verdict, accounts, findings, checks; a note only where it is asked for."""
    found = (diagnosis("B"), diagnosis(None, Severity.INFO, "a note"))
    page = markdown.render(report(account(), account("B", fails=True), diagnoses=found, outcome=Outcome.FAIL))
    assert page.startswith(
        f"### kraken-doctor {__version__} check: failed\n\n`api.kraken.com`, 2026-11-23 02:00:00 UTC"
    )
    assert "**1 of 2 accounts failing. Fix first: nonce-spent-higher.**" in page
    assert r"| `USER:daivon_frazier` | yes | \$100.00 | \$50.00 | \$150.00 | us | `…4tZA` |" in page
    assert "| `B` | no: `EAPI:Invalid nonce` |" in page
    assert "**nonce-spent-higher** (failure, likely, `B`): fix first" in page
    assert "- Run: `kraken-doctor clock`" in page
    assert "- Don't: retry in a loop." in page
    assert "a note" not in page


def test_the_report_has_all_it_rests_on() -> None:
    """Evidence, figures, versions; and says what it leaves out."""
    page = report_markdown.render(
        report(account()), [call(), call(1_795_399_300_000_000_000, outcome="EAPI:Invalid nonce")]
    )
    assert r"| `clock.offset` | `0.012 s` | \|x\| \<= 1 | pool.ntp.org |" in page
    assert "| `0123456789abcdef` | `Balance` | 2 | 1 | 0 | 43 ms | 43 ms | 43 ms | 0 ms |" in page
    assert "| `krakenex` | `2.2.2` |" in page
    assert "equal ids mean equal keys" in page
    assert "None were recorded." in report_markdown.render(report())


@pytest.mark.parametrize("count", [1, 20, 100, 1000])
def test_a_report_fits_into_an_issue(count: int) -> None:
    """However many accounts; it begins as it would, each part is there and whole, and what is missing is counted."""
    accounts = [account(f"USER:{n}", fails=n % 10 != 9) for n in range(count)]
    facts = tuple(Evidence(f"call.{n}.detail", "x" * 20, "s", "= 1", "exchange") for n in range(20))
    failing = [one for one in accounts if not one.connected]
    found = tuple(replace(diagnosis(one.label), cause=f"cause-{n}") for n, one in enumerate(failing))
    made = report(*accounts, diagnoses=found)
    checks = [CheckResult(id="nonce", account=one.label, outcome=Outcome.PASS, summary="x", evidence=facts)
              for one in accounts for _ in range(3)]  # fmt: skip
    page = report_markdown.render(replace(made, checks=(*made.checks, *checks)), [call()])
    assert len(page) <= report_markdown.MOST_CHARACTERS < 65_536
    parts = ("#### Findings", "#### Checks", "#### Private calls", "#### Evidence", "#### This host")
    assert [page.count(part) for part in parts] == [1] * 5
    assert page.count("<details>") == page.count("</details>") == 1
    assert ("left out to limit the length" in page) is (count > 1)
    reader = MarkdownIt("commonmark").enable("table")
    tables = [token for token in reader.parse(page) if token.type == "table_open"]
    assert len(tables) >= 5
    kept, left_out = page.count("(failure, likely, "), re.search(r"(\d+) more left out.*\n\n#### Checks", page)
    assert kept + int(left_out[1] if left_out else 0) == len(found)


@given(st.text(min_size=1, max_size=80))
def test_text_is_what_was_written(foreign: str) -> None:
    """Read back by a parser that is not ours, a sentence has the letters it had, and no markup."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    (block, *others) = [token for token in reader.parse(f"- Because: {markdown.text(foreign)}") if token.children]
    assert others == []
    assert {child.type for child in block.children or ()} <= {"text", "code_inline", "text_special"}
    shown = "".join(child.content for child in block.children or ())
    assert shown.removeprefix("Because:").replace(" ", "") == escape(foreign, 600).replace(" ", "")


@given(st.text(min_size=1, max_size=80))
def test_code_is_what_was_written(foreign: str) -> None:
    """Also with backticks in it, and in a table's cell."""
    reader = MarkdownIt("commonmark").enable("table")
    page = markdown.table(("a", "b"), [(markdown.code(foreign), "x")])
    cells = [token for token in reader.parse(page) if token.type == "inline"]
    assert len(cells) == 4
    assert len(cells[2].children or ()) == 1
    shown = (cells[2].children or [])[0]
    assert (shown.type, shown.content.strip()) == ("code_inline", escape(foreign).strip())


@pytest.mark.parametrize("foreign", ["1. one", "- one", "# one", "+ one", "=== one", "---", "> one", "    one", "~~~"])
def test_no_line_begins_a_block(foreign: str) -> None:
    """A summary stands at the start of a line."""
    kinds = {token.type for token in MarkdownIt("commonmark").parse(f"before\n\n{markdown.text(foreign)}\n")}
    assert kinds == {"paragraph_open", "inline", "paragraph_close"}
