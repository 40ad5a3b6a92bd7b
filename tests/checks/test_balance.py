"""USD and USDT in every form that Kraken gives them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.checks.balance import add_up, currency


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("ZUSD", "USD"), ("USD", "USD"), ("USD.HOLD", "USD"), ("USD.M", "USD"), ("USD.F", "USD"), ("USD.B", "USD"),
        ("ZUSD.F", "USD"), ("USDT", "USDT"), ("USDT.F", "USDT"), ("USDT.M", "USDT"), ("USDT.B", "USDT"),
        ("USDT28.S", "USDT"), ("USDC", None), ("USDG", None), ("ZEUR", None), ("XTZ", None), ("ZRX", None),
        ("USD.T", None), ("USDT.T", None), ("XUSD", None), ("KFEE", None), ("ETH2.S", None), ("", None),
    ],
)  # fmt: skip
def test_codes(code: str, name: str | None) -> None:
    """By table and suffix, never by dropping a leading letter."""
    assert currency(code) == name


def test_all_forms_are_added_up_exactly() -> None:
    """With the decimals that Kraken sent, and a list of what went in."""
    found = add_up(
        {"ZUSD": "100.0000", "USD.F": "0.0001", "USDT": "50.00000000", "XXBT": "1.0", "USDT.B": "0.00000001"}
    )
    assert (str(found.usd), str(found.usdt), str(found.total)) == ("100.0001", "50.00000001", "150.00010001")
    assert set(found.asset_codes) == {"ZUSD", "USD.F", "USDT", "USDT.B"}
    assert found.others == {"XXBT": 1}


@pytest.mark.parametrize("result", [None, {}, {"XXBT": "0.0000000000"}])
def test_nothing_is_healthy(result: object) -> None:
    """No result at all, an empty one, zeros: an account without money, not a failure."""
    assert add_up(result).total == 0
    assert (add_up(result).asset_codes, add_up(result).others) == ({}, {})


@pytest.mark.parametrize(
    "result", [[], "x", 7, {"ZUSD": "abc"}, {"ZUSD": "NaN"}, {"ZUSD": "Infinity"}, {"ZUSD": True}, {"ZUSD": {}}]
)
def test_what_is_no_table_of_amounts_is_said_so(result: object) -> None:
    """And not shown as zero."""
    with pytest.raises(ValueError, match="amount"):
        add_up(result)


@given(st.lists(st.decimals(-(10**12), 10**12, places=8), max_size=8))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    """No float comes near money."""
    codes = ["ZUSD", "USD", "USD.HOLD", "USD.M", "USD.F", "USD.B", "USD.P", "USD.S"]
    table = {code: str(amount) for code, amount in zip(codes, amounts, strict=False)}
    assert add_up(table).usd == sum(amounts, Decimal(0))
