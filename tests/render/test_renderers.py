"""One report in every form: the contract's words, foreign text as data, no width that breaks."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.model import json_report
from kraken_doctor.model.findings import Outcome
from kraken_doctor.render.formats import short, table
from kraken_doctor.terminal.text import Terminal, escape, money
from tests.render.samples import account, diagnosis, report


def test_a_healthy_account_in_the_contracts_words() -> None:
    """Line by line."""
    text = table.render(report(account()), Terminal())
    for line in (
        "✅ Connected to Kraken Pro API (USER:daivon_frazier)",
        "✅ KRAKEN PRO CONNECTED (USER:daivon_frazier)",
        "USD Balance: $100.00",
        "USDT Balance: $50.00",
        "Total: $150.00",
        "Nonce generator installed: microseconds, in order, SQLite · 2 private calls",
    ):
        assert line in text


def test_a_failing_account_in_the_contracts_words() -> None:
    """The exchange's error, then cause and remedy; and it stands below the healthy ones."""
    failing = report(account(fails=True), account("MASTER"), diagnoses=(diagnosis(),), outcome=Outcome.FAIL)
    text = table.render(failing, Terminal())
    lines = text.splitlines()
    head = lines.index("❌ Kraken connection test failed (USER:daivon_frazier): EAPI:Invalid nonce")
    assert head > lines.index("✅ KRAKEN PRO CONNECTED (MASTER)")
    below = "\n".join(lines[head:])
    for part in ("nonce-spent-higher (likely)", "Because", "Possible", "Do ", "Or ", "Don't", "kraken-doctor explain"):
        assert part in below
    assert "1 of 2 accounts failing. Fix first: nonce-spent-higher." in text


def test_without_unicode_ascii_stands_in() -> None:
    """And nothing that such a stream could not encode."""
    text = table.render(
        report(account(), account("B", fails=True), diagnoses=(diagnosis("B"),)), Terminal(unicode=False)
    )
    text.encode("ascii")
    assert "[OK] Connected to Kraken Pro API (USER:daivon_frazier)" in text
    assert "[FAIL] Kraken connection test failed (B)" in text


@pytest.mark.parametrize("width", [40, 60, 79, 80, 99, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Wide characters counted as two."""
    from rich.cells import cell_len

    full = report(account(), account("USER:" + "x" * 70, fails=True), diagnoses=(diagnosis("USER:" + "x" * 70),))
    for line in table.render(full, Terminal(width=width)).splitlines():
        assert cell_len(line) <= width, line


def test_colour_only_where_it_is_wanted() -> None:
    """No escape sequence without; and the words are the same."""
    from rich.text import Text

    full = report(account(fails=True), diagnoses=(diagnosis(),))
    without, coloured = table.render(full, Terminal()), table.render(full, Terminal(colour=True))
    assert "\x1b" not in without
    assert "\x1b" in coloured
    assert Text.from_ansi(coloured).plain.split() == without.split()


def test_an_outcome_is_never_told_by_a_symbol_alone() -> None:
    """A word stands beside every mark that does not mean "fine"."""
    text = table.render(report(account()), Terminal())
    assert "✗ path       failed: dns-failed" in text
    assert "- exchange   skipped: not made" in text


@given(st.text())
def test_plain_is_one_printable_line_within_its_bound(text: str) -> None:
    """Whatever comes."""
    shown = escape(text)
    assert len(shown) <= 300
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("0.009", "$0.00"),
        ("100.0000", "$100.00"),
        ("171288.6158", "$171288.61"),
        ("-10.0232", "$-10.02"),
        ("1E+3", "$1000.00"),
    ],
)
def test_money_is_never_rounded_up(amount: str, shown: str) -> None:
    """Two decimals, the rest cut."""
    assert money(Decimal(amount)) == shown


def test_json_is_the_published_form() -> None:
    """Every field of the contract, with its type."""
    document = json.loads(json_report.render(report(account(), diagnoses=(diagnosis(),))))
    assert document["schema_version"] == 1
    assert document["tool"]["name"] == "kraken-doctor"
    assert document["started_at"] == "2026-11-23T02:00:00Z"
    assert document["duration_s"] == 0.412
    assert document["target"] == {"api_url": "https://api.kraken.com", "sandbox": False}
    assert document["checks"][0] == {
        "id": "clock", "account": None, "outcome": "pass", "summary": "+12 ms ± 8 ms, 4 of 4 servers",
        "blocked_by": None, "duration_s": 0.05,
        "evidence": [
            {"name": "clock.offset", "value": 0.012, "unit": "s", "bound": "|x| <= 1", "source": "pool.ntp.org"}
        ],
    }  # fmt: skip
    found = document["diagnoses"][0]
    assert (found["cause"], found["severity"], found["confidence"]) == ("nonce-spent-higher", "fail", "likely")
    assert found["primary"] is True
    assert found["remedy"]["commands"] == ["kraken-doctor clock"]
    one = document["accounts"][0]
    assert one["balances"] == {"USD": "100.0000", "USDT": "50.00000000", "total": "150.00000000"}
    assert one["nonce"] == {
        "unit": "us", "unit_from": "", "in_order": True, "store": "sqlite", "last": 1795399471659000
    }  # fmt: skip
    assert (one["key"], one["source"], one["private_calls"]) == ("…4tZA", "KRAKEN_USER_DAIVON_API_KEY (.env)", 2)


def test_short_is_short() -> None:
    """A line an account, two a finding, for pasting."""
    text = short.render(
        report(account(), account("MASTER", fails=True), diagnoses=(diagnosis("MASTER"),), outcome=Outcome.FAIL)
    )
    assert text.splitlines()[1:] == [
        "USER:daivon_frazier: pass, USD $100.00, USDT $50.00, total $150.00",
        "MASTER: failed, EAPI:Invalid nonce",
        "fail (first): MASTER nonce-spent-higher: This key has already accepted a larger nonce.",
        "  do: Create a new API key.",
    ]
