"""Order, prerequisites, deadline: what a run does with its checks."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from kraken_doctor.checks.base import Check, CheckOutcome, Scope
from kraken_doctor.clock import SystemClock
from kraken_doctor.doctor.plan import Plan, choose
from kraken_doctor.doctor.runner import Runner
from kraken_doctor.doctor.verdict import ExitStatus, FailOn, exit_status, outcome_of
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.account import Account
from kraken_doctor.model.findings import CheckResult, Outcome

ACCOUNTS = tuple(Account(label=f"USER:{n}", key_variable="K", secret_variable="S") for n in "ab")


def check(name: str, run: Any, *needs: str, scope: Scope = Scope.RUN) -> Check:
    return Check(id=name, title=name, scope=scope, run=run, needs=needs, requests=(f"GET {name}",))


def ends(outcome: Outcome) -> Any:
    return lambda context: CheckOutcome(outcome, outcome.value)


def run(
    *checks: Check, accounts: tuple[Account, ...] = (), deadline_s: float = 10.0, meanwhile: Any = ()
) -> dict[tuple[str, str | None], CheckResult]:
    context: Any = SimpleNamespace(clock=SystemClock())
    session: Any = SimpleNamespace(replies=[])
    examination = Runner(
        Plan(accounts=accounts, checks=checks, deadline_s=deadline_s), context, lambda account, clock: session
    )
    return {(result.id, result.account): result for result in examination.run(meanwhile)}


def test_a_skip_names_the_root() -> None:
    """Not the nearest parent: the one to mend."""
    results = run(
        check("path", ends(Outcome.FAIL)),
        check("exchange", ends(Outcome.PASS), "path"),
        check("orders", ends(Outcome.PASS), "exchange"),
        check("other", ends(Outcome.PASS)),
    )
    assert (results["orders", None].outcome, results["orders", None].blocked_by) == (Outcome.SKIP, "path")
    assert results["other", None].outcome is Outcome.PASS


def test_a_check_that_could_not_tell_blocks_nobody() -> None:
    """Unknown is not bad."""
    results = run(check("a", ends(Outcome.INCONCLUSIVE)), check("b", ends(Outcome.PASS), "a"))
    assert results["b", None].outcome is Outcome.PASS


def test_a_broken_check_takes_nobody_with_it() -> None:
    """It is an error of its own, and what needs it is skipped."""

    def broken(context: Any) -> CheckOutcome:
        raise ZeroDivisionError("oops")

    results = run(check("a", broken), check("b", ends(Outcome.PASS), "a"), check("c", ends(Outcome.PASS)))
    assert (results["a", None].outcome, "ZeroDivisionError" in results["a", None].summary) == (Outcome.ERROR, True)
    assert results["b", None].blocked_by == "a"
    assert results["c", None].outcome is Outcome.PASS


def test_one_account_decides_nothing_for_another() -> None:
    """Each is examined to its end."""

    def by_account(context: Any) -> CheckOutcome:
        return CheckOutcome(Outcome.FAIL if context.account.label == "USER:a" else Outcome.PASS, "")

    results = run(
        check("key", by_account, scope=Scope.ACCOUNT),
        check("balance", ends(Outcome.PASS), "key", scope=Scope.ACCOUNT),
        accounts=ACCOUNTS,
    )
    assert results["balance", "USER:a"].outcome is Outcome.SKIP
    assert results["balance", "USER:b"].outcome is Outcome.PASS


def test_accounts_wait_for_what_they_need_and_no_longer() -> None:
    """A slow time server does not hold up the accounts."""
    release = threading.Event()

    def slow(context: Any) -> CheckOutcome:
        release.wait(10)
        return CheckOutcome(Outcome.PASS, "")

    def account(context: Any) -> CheckOutcome:
        release.set()
        return CheckOutcome(Outcome.PASS, "")

    results = run(
        check("clock", slow),
        check("path", ends(Outcome.PASS)),
        check("key", account, "path", scope=Scope.ACCOUNT),
        accounts=ACCOUNTS,
    )
    assert all(result.outcome is Outcome.PASS for result in results.values())


def test_what_is_done_meanwhile_is_done_while_checks_wait_and_decides_nothing() -> None:
    """Neither before the first request leaves nor after the last answer."""
    under_way, done = threading.Event(), threading.Event()

    def asks(context: Any) -> CheckOutcome:
        under_way.set()
        return CheckOutcome(Outcome.PASS if done.wait(10) else Outcome.FAIL, "asked")

    def loads() -> None:
        assert under_way.wait(10)
        done.set()
        raise ImportError

    assert run(check("a", asks), meanwhile=[loads])["a", None].outcome is Outcome.PASS


def test_the_deadline_ends_the_run_and_what_hangs_is_said() -> None:
    """Everything that finished is in the report."""
    forever = threading.Event()
    results = run(
        check("hangs", lambda context: forever.wait(30)),
        check("fine", ends(Outcome.PASS)),
        check("needs", ends(Outcome.PASS), "hangs", scope=Scope.ACCOUNT),
        accounts=ACCOUNTS,
        deadline_s=0.3,
    )
    forever.set()
    assert results["hangs", None].outcome is Outcome.INCONCLUSIVE
    assert "deadline of 0.3 s" in results["hangs", None].summary
    assert results["fine", None].outcome is Outcome.PASS
    assert results["needs", "USER:a"].outcome is Outcome.INCONCLUSIVE


def test_results_come_in_the_order_of_the_catalogue() -> None:
    """Whichever check ends first."""
    gate = threading.Event()

    def late(context: Any) -> CheckOutcome:
        gate.wait(5)
        return CheckOutcome(Outcome.PASS, "")

    def early(context: Any) -> CheckOutcome:
        gate.set()
        return CheckOutcome(Outcome.PASS, "")

    results = run(
        check("late", late),
        check("early", early),
        check("each", ends(Outcome.PASS), scope=Scope.ACCOUNT),
        accounts=ACCOUNTS,
    )
    assert list(results) == [("late", None), ("early", None), ("each", "USER:a"), ("each", "USER:b")]


def test_choosing_checks() -> None:
    """What is named brings what it needs; an unknown name is a usage error that lists the known."""
    checks = (check("a", None), check("b", None, "a"), check("c", None, "b"), check("d", None))
    assert [c.id for c in choose(only=["c"], checks=checks)] == ["a", "b", "c"]
    assert [c.id for c in choose(skip=["a", "d"], checks=checks)] == ["b", "c"]
    with pytest.raises(ConfigurationError, match="there are a, b, c, d"):
        choose(only=["e"], checks=checks)


def test_a_plan_lists_its_requests() -> None:
    """For `--dry-run`: the run's once, an account's for each."""
    plan = Plan(accounts=ACCOUNTS, checks=(check("a", None), check("b", None, scope=Scope.ACCOUNT)))
    assert plan.requests() == ["once: GET a", "USER:a: GET b", "USER:b: GET b"]


def results_of(*outcomes: Outcome) -> list[CheckResult]:
    return [CheckResult(id=str(n), account=None, outcome=outcome, summary="") for n, outcome in enumerate(outcomes)]


def test_outcomes_and_statuses() -> None:
    """A confirmed problem wins over no verdict, and that over a warning."""
    for outcomes, expected in (
        ([Outcome.PASS, Outcome.SKIP], Outcome.PASS),
        ([Outcome.WARN], Outcome.WARN),
        ([Outcome.WARN, Outcome.INCONCLUSIVE], Outcome.INCONCLUSIVE),
        ([Outcome.ERROR], Outcome.INCONCLUSIVE),
        ([Outcome.FAIL, Outcome.ERROR], Outcome.FAIL),
    ):
        assert outcome_of(results_of(*outcomes), []) is expected
    for outcome, fail_on, status in (
        (Outcome.PASS, FailOn.WARN, ExitStatus.OK),
        (Outcome.WARN, FailOn.FAIL, ExitStatus.OK),
        (Outcome.WARN, FailOn.WARN, ExitStatus.PROBLEM),
        (Outcome.FAIL, FailOn.FAIL, ExitStatus.PROBLEM),
        (Outcome.FAIL, FailOn.NEVER, ExitStatus.OK),
        (Outcome.INCONCLUSIVE, FailOn.NEVER, ExitStatus.NO_VERDICT),
    ):
        assert exit_status(outcome, fail_on) is status


def test_an_unknown_clock_alone_leaves_a_verdict() -> None:
    """By itself it decides nothing once nonces are accepted."""
    unknown = CheckResult(id="clock", account=None, outcome=Outcome.INCONCLUSIVE, summary="")
    assert outcome_of([unknown, *results_of(Outcome.PASS)], []) is Outcome.PASS


def test_a_call_that_is_not_made_since_the_user_gave_up_is_an_interruption() -> None:
    """Also where all checks end before whoever waits for them looks: what was learned is not the whole."""
    session: Any = SimpleNamespace(replies=[])

    def asks(context: Any) -> CheckOutcome:
        return CheckOutcome(Outcome.INCONCLUSIVE if context.session.is_over() else Outcome.PASS, "")

    context: Any = SimpleNamespace(clock=SystemClock())
    examination = Runner(
        Plan(accounts=ACCOUNTS[:1], checks=(check("calls", asks, scope=Scope.ACCOUNT),), deadline_s=10),
        context,
        lambda account, clock: session,
        given_up=lambda: threading.current_thread() is not threading.main_thread(),
    )
    assert [result.outcome for result in examination.run()] == [Outcome.INCONCLUSIVE]
    assert examination.interrupted
