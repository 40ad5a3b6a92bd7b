"""The table of accounts, and what stands beside it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.model.report import Balances
from kraken_doctor.render.formats import table
from kraken_doctor.render.phrases import other_assets
from kraken_doctor.render.rich_page import Words, listing, to_text
from kraken_doctor.terminal.text import Terminal
from tests.render import samples


def held(usd: str = "0", **others: str) -> Balances:
    assets = {code.replace("_", "."): Decimal(amount) for code, amount in others.items()}
    return Balances(Decimal(usd), Decimal(0), {}, assets)


@pytest.mark.parametrize(
    ("balances", "said"),
    [
        (held("1"), ""),
        (held("1", XXBT="0.5"), "1 other asset"),
        (held("1", XXBT="0.5", ZEUR="9", ADA="3"), "3 other assets"),
        (held(ZEUR="120.999"), "EUR 120.99"),
        (held(ZEUR="120", EUR_HOLD="1", XXBT="2"), "EUR 120.00, EUR 1.00, 1 other asset"),
        (held(ZRX="5"), "1 other asset"),
    ],
)
def test_what_else_an_account_holds(balances: Balances, said: str) -> None:
    """Counted; cash in another currency by its amount where there are no dollars."""
    assert other_assets(balances) == said


def test_the_unit_is_called_so() -> None:
    """A column "Nonce" with ms in it reads like a latency."""
    report = samples.report(samples.account(), samples.account("MASTER"))
    heading = next(line for line in table.render(report, Terminal(80, False, True)).splitlines() if "Connected" in line)
    assert heading.split()[-2:] == ["Unit", "Key"]


NAMES = st.from_regex(r"USER:[a-z0-9]{1,12}(_[a-z0-9]{1,12}){0,8}", fullmatch=True)


@given(NAMES, st.integers(40, 120))
def test_a_long_name_is_folded_between_its_parts(name: str, width: int) -> None:
    """And nothing of it is lost."""
    shown = to_text(listing(["Account"], [[name]]), Terminal(width, False, True)).splitlines()[2:]
    assert "".join(line.strip() for line in shown) == name
    assert all(re.search(r"[_:]$", line) for line in shown[:-1])


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=200), st.integers(1, 50))
def test_any_word_fits(word: str, width: int) -> None:
    """A part that is too long by itself is broken, and nothing is lost."""
    lines = to_text(Words(word), Terminal(width, False, True)).splitlines()
    assert "".join(lines) == word
    assert all(len(line) <= width for line in lines)
