"""The page of a report: what it has; and in a real browser, that it loads nothing, can be read, and prints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.findings import Outcome, Severity
from kraken_doctor.model.payloads import ComparisonPart
from kraken_doctor.model.report import Report
from kraken_doctor.render.formats import html
from tests import chromium
from tests.render.samples import account, call, diagnosis, hostile, report

S = 10**9
COMPARISON: ComparisonPart = {
    "baseline_started_at": "2026-11-16T02:00:00Z", "gone": [],
    "new": [{"cause": "nonce-spent-higher", "account": "USER:1", "severity": "fail"}],
    "still": [{"cause": "key-unrestricted", "account": None, "severity": "info"}],
}  # fmt: skip


def full() -> Report:
    found = (diagnosis("B"), diagnosis(None, Severity.WARN, "a warning"), diagnosis("B", Severity.INFO, "a note"))
    made = report(account(), account("B", fails=True), diagnoses=found, outcome=Outcome.FAIL)
    return replace(made, extra={"versions": {"click": "8.5.1", "redis": None}, "comparison": COMPARISON})


def records() -> list[CallRecord]:
    kinds = ["ok", "ok", "EAPI:Invalid nonce", "read-timeout"]
    return [call(1_795_399_200 * S + n * 7 * S, outcome=kinds[n % 4], endpoint="Balance" if n % 3 else "AddOrder")
            for n in range(200)]  # fmt: skip


def test_what_is_on_the_page() -> None:
    """Verdict, findings with cure, accounts, checks, calls, evidence, versions, and what was left out."""
    page = html.render(full(), records())
    for part in (
        "1 of 2 accounts failing. Fix first: nonce-spent-higher.", "Create a new API key.",
        "<code>kraken-doctor clock</code>",
        "no: EAPI:Invalid nonce", "0123456789abcdef", "0.012 s (limit: |x| &lt;= 1), by pool.ntp.org", "8.5.1",
        "not installed", "200 calls, 50 refused for their nonce", "What has changed", "equal ids mean equal keys",
    ):  # fmt: skip
        assert part in page, part
    assert "No private calls were recorded in the last hour." in html.render(report())


def test_many_keys_make_no_endless_page() -> None:
    """The table has them all, the drawings stop; what was refused is drawn first."""
    many = [call(key_id=f"{n:016x}") for n in range(30) for _ in range(5)]
    page = html.render(report(), [*many, *(call(key_id="bad", outcome="EAPI:Invalid nonce") for _ in range(5))])
    assert page.count("<svg") == 8
    assert "And 23 more keys" in page
    assert page.count("<td") > 30
    assert page.index("Key <code>bad</code>") < page.index("Key <code>0000000000000000</code>")


def test_a_few_dots_are_no_drawing() -> None:
    """A check's own two calls of a key are in the table; there is no legend without a drawing."""
    page = html.render(report(), [call(key_id=f"{n:016x}") for n in range(30) for _ in range(4)])
    assert page.count("<td") > 30
    assert "<svg" not in page
    assert "Dashed line" not in page


# In a real browser.

AXE = os.environ.get("AXE_CORE", "")
"""Path of axe.min.js, of the npm package axe-core: too large, and not ours, to keep it here."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Page]:
    """A tab for all tests of this file: the browser takes longer to start than they do."""
    if chromium.BINARY is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with chromium.browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(params=["full", "empty", "hostile"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A report in a file."""
    made = {"full": (full(), records()), "empty": (report(), []), "hostile": (hostile(), [call(outcome="<b>")])}
    path = tmp_path / "report.html"
    path.write_text(html.render(*made[request.param]), encoding="utf-8")
    return path.as_uri()


@pytest.mark.chromium
def test_it_loads_nothing_and_runs_nothing(page: chromium.Page, url: str) -> None:
    """One request, for the page itself; the browser has nothing to complain of, and nothing of a script has run."""
    page.screen(1000)
    page.open(url)
    assert page.requested() == [url]
    assert page.complaints() == []
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("document.querySelectorAll('[src],[href],link,iframe,object,embed,img').length") == 0
    # The policy would stop what slipped through: an image that a script puts there by hand is not fetched.
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    assert any("Content Security Policy" in text for text in page.complaints())


@pytest.mark.chromium
@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_it_can_be_read_at_any_width(page: chromium.Page, url: str, width: int) -> None:
    """Nothing is wider than the screen, and no letter is smaller than 12 pixels."""
    page.screen(width)
    page.open(url)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # The heads of tables are for screen readers where each row has become a few lines.
    cut = """[...document.querySelectorAll('main *, header *')].filter(e => {
        const box = e.getBoundingClientRect(), head = e.closest('thead');
        return box.right > innerWidth + 1 && !(head && getComputedStyle(head).position === 'absolute')
    }).map(e => e.tagName)"""
    assert page.evaluate(cut) == []
    small = """[...document.querySelectorAll('p, dd, td, li, code, summary')]
        .filter(e => parseFloat(getComputedStyle(e).fontSize) < 12).length"""
    assert page.evaluate(small) == 0


@pytest.mark.chromium
@pytest.mark.skipif(not AXE, reason="AXE_CORE does not name axe-core's axe.min.js (npm pack axe-core)")
@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1200, False), (1200, True)])
def test_axe_core_finds_nothing(page: chromium.Page, url: str, width: int, dark: bool) -> None:
    """All of its rules, contrast among them, on light and dark; with the evidence opened, which it would not see."""
    page.screen(width, dark=dark)
    page.open(url)
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run(document).then(r => r.violations.map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 80))}`))"
    )
    assert found == []
    assert page.evaluate("axe.run(document).then(r => r.passes.length)") > 10


@pytest.mark.slow
@pytest.mark.chromium
def test_it_prints_all_of_it(page: chromium.Page, tmp_path: Path) -> None:
    """Black on white, whatever the reader's theme; the evidence too, which the screen keeps folded."""
    path = tmp_path / "report.html"
    path.write_text(html.render(full(), records()), encoding="utf-8")
    page.screen(800, dark=True)
    page.open(path.as_uri())
    visible = "document.querySelector('details dl').checkVisibility()"
    assert page.evaluate(visible) is False
    page.screen(800, dark=True, media="print")
    page.open(path.as_uri())
    assert page.evaluate(visible) is True
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = page.pdf()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") + printed.count(b"/Type /Page>") >= 2
