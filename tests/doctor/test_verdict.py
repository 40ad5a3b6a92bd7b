"""From the checks of an account to its report."""

from __future__ import annotations

import pytest

from kraken_doctor.doctor.verdict import judge
from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult, Outcome


@pytest.mark.parametrize(("usd", "others"), [("1.0", ("one",)), ("1.0", ("XXBT much",)), ("many", ())])
def test_what_is_no_number_is_no_balance(usd: str, others: tuple[str, ...]) -> None:
    """A saved report may have been edited."""
    evidence = (facts.BALANCES_USD.of(usd), facts.BALANCES_USDT.of("2.0"), facts.BALANCES_OTHERS.of(others))
    result = CheckResult(id="balances", account="USER:a", outcome=Outcome.PASS, summary="", evidence=evidence)
    _, (account,) = judge((result,), ())
    assert account.balances is None
