"""Many accounts: what they share is said once, with their names, on a page that can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.doctor.verdict import account_reports
from kraken_doctor.model.findings import CheckResult, Outcome, Severity, Value
from kraken_doctor.model.report import Report
from kraken_doctor.render import grouping
from kraken_doctor.render.formats import github, markdown, short, table
from kraken_doctor.terminal.text import Terminal
from tests.diagnosis.cases import MS, REFUSED, RIGHT, call, found
from tests.render.samples import account, diagnosis, report

PAGES: dict[str, Callable[[Report], str]] = {
    "table": lambda shown: table.render(shown, Terminal(width=80)),
    "table, verbose": lambda shown: table.render(shown, Terminal(width=80), verbose=True),
    "table, narrow": lambda shown: table.render(shown, Terminal(width=60)),
    "short": short.render,
    "markdown": markdown.render,
    "github": github.render,
}

GOOD = call(1, "ms", MS) | {"balances.USD": "1.00", "balances.USDT": "2.00"}
SAID: dict[str, Callable[[int], dict[str, Value]]] = {
    "an invalid key": lambda n: {
        **call(1, "ms", MS, "EAPI:Invalid key"),
        "credentials.source": f"KRAKEN_USER_{n}_API_KEY", "credentials.key_tail": f"…{n}",
    },
    "a secret that is not set": lambda n: {"credentials.missing": (f"KRAKEN_USER_ACCOUNT{n:02}_API_SECRET",)},
    "an expiry": lambda n: GOOD | {"key.expires_in": 3600.0 * (n + 1), "key.valid_until": 1_795_392_000 + n},
    "a nonce that was spent": lambda n: call(1, "ms", MS + n, REFUSED),
    "a nonce that is withheld": lambda n: {
        "nonce.unit": "ms", "nonce.withheld": "finer", "nonce.mark": MS * 1000 + n, "nonce.mark.unit": "us",
    },
    "no answer in time": lambda n: call(1, "ms", MS, "read-timeout", failure="read-timeout", detail=f"{n} s"),
    "throttled": lambda n: call(1, "ms", MS, f"EService:Throttled:{1_795_392_060 + 60 * n}"),
    "errors of all kinds": lambda n: call(1, "ms", MS, f"EFoo:Number {n}"),
    "a different cause each": lambda n: call(
        1, "ms", MS,
        ("EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Temporary lockout", REFUSED, "EAPI:Feature disabled",
         "EAuth:Account unconfirmed", "EGeneral:Permission denied", "EFoo:x", "EAPI:Rate limit exceeded")[n % 9],
    ),
    "nothing": lambda n: GOOD,
}  # fmt: skip


def many(count: int, ill: int, what: str) -> Report:
    """So many accounts, *ill* of them with what is said under *what*."""
    results = [RIGHT]
    for n in range(count):
        label = f"USER:account{n:02}"
        values = SAID[what](n) if n < ill else GOOD
        results += [
            replace(found("authentication", label, values, Outcome.FAIL if n < ill else Outcome.PASS), summary=str(n)),
            CheckResult(id="balances", account=label, outcome=Outcome.PASS, summary=f"USD {n}"),
        ]
    diagnoses = diagnose(results)
    return replace(
        report(), checks=tuple(results), diagnoses=diagnoses, accounts=account_reports(results, diagnoses),
        outcome=Outcome.FAIL,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("what", SAID)
@pytest.mark.parametrize(("count", "ill"), [(30, 29), (40, 36), (40, 40), (100, 3), (100, 99)])
def test_at_most_80_lines(page: str, what: str, count: int, ill: int) -> None:
    """Whatever they have, a page of them stays one."""
    assert PAGES[page](many(count, ill, what)).count("\n") <= 80


@pytest.mark.parametrize("page", PAGES)
def test_one_cause_is_said_once_with_the_accounts(page: str) -> None:
    """Each of the 36 is named; the remedy stands there once."""
    text = " ".join(PAGES[page](many(40, 36, "an invalid key")).split())
    assert text.count("is it a Spot key") == (2 if page == "github" else 1)
    if page.startswith("table") or page == "markdown":
        assert all(f"USER:account{n:02}" in text for n in range(36))
    assert "36" in text or page.startswith("table")


def test_what_differs_is_told_of_the_first_few() -> None:
    """What all share is said once, and what is one account's own behind its name."""
    (one, labels), *_ = grouping.grouped(many(40, 36, "a secret that is not set"))
    assert (len(labels), one.summary) == (36, "Key or secret is not set")
    assert "USER:account00: KRAKEN_USER_ACCOUNT00_API_SECRET is not set" in one.because
    assert one.because[-1] == "and 32 more like these"
    (nonce, _), *_ = grouping.grouped(many(40, 36, "a nonce that was spent"))
    assert "check --user NAME --nonce-unit us" in nonce.possible[1].told_apart_by


def test_order_of_the_page() -> None:
    """Connected accounts, failing ones, findings: the run's first; and the last line names the first of them."""
    ours = replace(diagnosis(None), cause="exchange-maintenance", primary=True)
    theirs = replace(diagnosis("B"), cause="key-invalid", primary=True)
    warned = replace(diagnosis("A", Severity.WARN), cause="key-can-withdraw")
    shown = report(account("B", fails=True), account("A"), diagnoses=(warned, theirs, ours), outcome=Outcome.FAIL)
    text = table.render(shown, Terminal())
    order = [
        "KRAKEN PRO CONNECTED (A)", "test failed (B)", "  exchange-maintenance (", "  key-invalid (",
        "warning: key-can-withdraw (A)", "1 of 2 accounts failing. Fix first: exchange-maintenance.",
    ]  # fmt: skip
    assert sorted(order, key=text.index) == order
    assert text.splitlines()[-1] == order[-1]
    first = [line for line in short.render(shown).splitlines() if "(first)" in line]
    assert first == ["fail (first): exchange-maintenance: This key has already accepted a larger nonce."]
    assert markdown.render(shown).count("fix first") == 1


@pytest.mark.parametrize(("count", "named", "told"), [(4, (), 4), (5, (), 0), (5, ("USER:3", "USER:4"), 2)])
def test_lines_of_their_own(count: int, named: tuple[str, ...], told: int) -> None:
    """For who was named; and for all where at most four are examined."""
    for fails, words in ((False, "KRAKEN PRO CONNECTED"), (True, "Kraken connection test failed")):
        accounts = [account(f"USER:{n}", fails=fails) for n in range(count)]
        text = table.render(replace(report(*accounts), named=named), Terminal())
        assert text.count(words) == told + (fails and told < count)
        assert all(f"({words})" for words in named)
