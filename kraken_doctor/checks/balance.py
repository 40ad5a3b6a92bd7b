"""
USD and USDT in all the forms that Kraken gives them.

https://docs.kraken.com/api-reference/account-data/get-account-balance names the suffixes; `.HOLD` is fiat on
hold, seen in the public list of assets. Amounts are decimal texts, and stay exact.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from kraken_doctor.model.report import Balances

# By table, never by rule: a rule that drops a leading Z or X would read ZRX and XTZ as other assets.
_CURRENCY = {"ZUSD": "USD", "USD": "USD", "USDT": "USDT"}

# .S staked, .M opt-in rewards, .P parachain, .B yield-bearing, .F Kraken Rewards, .HOLD on hold.
# Not .T: a tokenised share is no cash. Digits before the suffix are a bonding period in days.
# Only so many, as for all that is repeated in a pattern for foreign text: with \d+, a name of a hundred thousand digits
# is searched anew from each of them.
_SUFFIX = re.compile(r"(?:\d{1,4}\.[SB]|\.(?:[SMPFB]|HOLD))$")

_LONGEST_AMOUNT_CHARACTERS = 64
_LARGEST_EXPONENT = 20
"""Sums of two such amounts are exact in Python's 28 digits, down to Kraken's 10 decimals and beyond."""


def currency(code: str) -> str | None:
    """Return ``USD`` or ``USDT`` if *code* is a form of it, else None."""
    return _CURRENCY.get(_SUFFIX.sub("", code))


def add_up(result: object) -> Balances:
    """
    Return the two currencies out of a ``Balance`` answer.

    Raises:
        ValueError: It is no table of decimal amounts.
    """
    sums: dict[str, Decimal] = {}
    forms: dict[str, Decimal] = {}
    others: dict[str, Decimal] = {}
    for code, amount in _amounts(result).items():
        name = currency(code)
        if amount:
            (others if name is None else forms)[code] = amount
        if name is not None:
            # The first amount decides the decimals of a sum of nothing but zeros: "0.0000" stays so.
            sums[name] = sums[name] + amount if name in sums else amount
    return Balances(sums.get("USD", Decimal(0)), sums.get("USDT", Decimal(0)), forms, others)


def _amounts(result: object) -> dict[str, Decimal]:
    if result is None:
        return {}  # an account without balances may have no result at all
    if not isinstance(result, Mapping):
        raise ValueError(f"expected a table of amounts, not {type(result).__name__}")
    return {str(code): _amount(text) for code, text in result.items()}


def _amount(text: object) -> Decimal:
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(text, bool) or not amount.is_finite():
        raise ValueError("an amount is not a decimal number")
    if abs(amount.adjusted()) > _LARGEST_EXPONENT or len(str(text)) > _LONGEST_AMOUNT_CHARACTERS:
        raise ValueError("an amount is impossibly large")
    return amount
