"""One run of a plan: order, prerequisites, deadline, concurrency."""

import contextlib
import functools
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from kraken_doctor import descriptors, parallel
from kraken_doctor.checks.base import AccountContext, Check, CheckOutcome, Instruments, Scope
from kraken_doctor.checks.clock import date_samples, exchange_samples, proved_ahead_s
from kraken_doctor.checks.session import AccountSession
from kraken_doctor.clock import Deadline
from kraken_doctor.doctor.plan import Plan
from kraken_doctor.errors import HostLimitError
from kraken_doctor.model import facts
from kraken_doctor.model.account import Account
from kraken_doctor.model.findings import CheckResult, EvidenceSet, Outcome

Observe = Callable[[str, str | None, CheckResult | None], None]
"""
Told when a check's time has come (no result yet) and when it ends: its id, the account's label, the result.

Its time comes before what it needs is done: who watches can tell from the running checks what it waits for.
"""

Sessions = Callable[[Account, Callable[[], float]], AccountSession]
"""
Makes an account's session.

It gets what waits for the check of the clock, and says what is to be added to a clock that is proved to be ahead:
seconds, 0 or below.
"""

_PACKAGE = "kraken_doctor"

# Not a check without a verdict: what is not known to fail is tried, and its own answer tells.
_BLOCKING = (Outcome.FAIL, Outcome.ERROR)


class Runner:
    """
    Makes the checks of a plan.

    Args:
        plan: What to examine.
        context: The instruments.
        sessions: See `Sessions`.
        observe: See `Observe`; called from several threads.
        given_up: Whether the user wants the end; asked all the time.
        spent_s: How much of the deadline was over before, in seconds.
    """

    def __init__(
        self,
        plan: Plan,
        context: Instruments,
        sessions: Sessions,
        observe: Observe = lambda _check, _account, _result: None,
        given_up: Callable[[], bool] = lambda: False,
        *,
        spent_s: float = 0.0,
    ) -> None:
        self._plan, self._context, self._sessions = plan, context, sessions
        self._observe, self._given_up = observe, given_up
        self._deadline = Deadline(context.clock, plan.deadline_s - spent_s)
        self._lock = threading.Lock()
        self._results: dict[tuple[str | None, str], CheckResult] = {}
        self._run_checks: dict[str, Future[None]] = {}
        self.interrupted = False
        """Whether it was given up."""

    def run(self, meanwhile: Sequence[Callable[[], object]] = ()) -> tuple[CheckResult, ...]:
        """
        Run the run's checks and all accounts in parallel; each waits for what it needs, and no longer.

        Once all are under way *meanwhile* is begun, in a thread of its own; nobody waits for it.

        Returns:
            A result for every check of the plan. What did not finish before the deadline, or before it was given up,
            is inconclusive.
        """
        for check in self._plan.of_scope(Scope.RUN):
            # One by one: what a check needs stands above it, and so is under way before it looks.
            make = functools.partial(self._make, check, None, functools.partial(check.run, self._context))
            self._run_checks[check.id] = parallel.start([make], workers=1)[0]
        jobs = [functools.partial(self._examine, account) for account in self._plan.accounts]
        futures = [*parallel.start(jobs, workers=self._plan.jobs), *self._run_checks.values()]
        parallel.start(meanwhile, workers=1)
        for future in futures:
            if parallel.wait(future, self._deadline.remaining, self._given_up):
                future.result()  # raises what no check can answer for, such as a unit that is none
            # Not at the deadline: those that are done by then are still looked at, since one may have raised.
            elif self._given_up():
                self.interrupted = True
                break
        return self._complete()

    def _examine(self, account: Account) -> None:
        context = AccountContext(
            run=self._context,
            account=account,
            session=self._sessions(account, self._correction_s),
            evidence=lambda: EvidenceSet(self._finished(account.label), account.label),
        )
        # Asked before each attempt: after Ctrl-C or the deadline no nonce is spent on an answer that nobody reads.
        context.session.is_over = self._is_over
        for check in self._plan.of_scope(Scope.ACCOUNT):
            self._make(check, account.label, functools.partial(check.run, context))

    def _is_over(self) -> bool:
        """Whether nothing is to be sent any more. For a call that is not made since the user gave up, that is said."""
        if self._given_up():
            self.interrupted = True
        return self.interrupted or not self._deadline.remaining()

    def _make(self, check: Check, account: str | None, run: Callable[[], CheckOutcome]) -> None:
        """Run one check to its result, whatever it does: a broken one must not take the others with it."""
        self._observe(check.id, account, None)
        for need in check.needs:
            if need in self._run_checks:
                self._wait(self._run_checks[need])
        # From here: what it waited for is another check's time.
        began = self._context.clock.monotonic()
        blocked_by = self._blocked_by(check, account)
        if blocked_by is not None:
            ended = CheckOutcome(Outcome.SKIP, f"not run: {blocked_by} failed")
        elif not self._deadline.remaining():
            ended = CheckOutcome(Outcome.INCONCLUSIVE, "not run: deadline reached")
        else:
            try:
                ended = run()
            except Exception as exc:  # noqa: BLE001
                ended = _broken(exc)
            if ended.outcome in _BLOCKING and descriptors.are_short():
                ended = CheckOutcome(Outcome.INCONCLUSIVE, descriptors.SHORTAGE)  # whatever it took that for
        took_s = self._context.clock.monotonic() - began
        result = CheckResult(id=check.id, account=account, **ended._asdict(), blocked_by=blocked_by, duration_s=took_s)
        with self._lock:
            self._results[account, check.id] = result
        self._observe(check.id, account, result)

    def _blocked_by(self, check: Check, account: str | None) -> str | None:
        """Return the check at the root of why this one can't succeed; None when nothing is in the way."""
        with self._lock:
            for need in check.needs:
                result = self._results.get((account, need)) or self._results.get((None, need))
                if result is not None and result.outcome in _BLOCKING:
                    return need
                if result is not None and result.blocked_by is not None:
                    return result.blocked_by
        return None

    def _wait(self, future: Future[None]) -> None:
        with contextlib.suppress(TimeoutError):  # `_complete` says what is missing
            future.result(timeout=self._deadline.remaining())

    def _correction_s(self) -> float:
        # Left out by --only or --skip: one call of Time, or else the dates of what came back, keep nonces from being
        # ahead.
        if "clock" not in self._run_checks:
            return proved_ahead_s(exchange_samples(self._context) or date_samples(self._context))
        self._wait(self._run_checks["clock"])
        with self._lock:
            result = self._results.get((None, "clock"))
        return EvidenceSet((result,) if result else ()).get(facts.CLOCK_AHEAD, 0.0)

    def _finished(self, account: str) -> tuple[CheckResult, ...]:
        """Return what there is of the run and of this account."""
        slots = [(None if check.scope is Scope.RUN else account, check.id) for check in self._plan.checks]
        with self._lock:
            return tuple(self._results[slot] for slot in slots if slot in self._results)

    def _complete(self) -> tuple[CheckResult, ...]:
        in_time = f"within the deadline of {self._plan.deadline_s:g} s"
        why = f"not finished {'before the interruption' if self.interrupted else in_time}"
        missing = functools.partial(CheckResult, outcome=Outcome.INCONCLUSIVE, summary=why)
        with self._lock:
            return tuple(
                self._results.get((label, check.id)) or missing(id=check.id, account=label)
                for check, label in self._plan.slots()
            )


def _broken(exc: Exception) -> CheckOutcome:
    """Return a defect of ours: what it was, and where."""
    if isinstance(exc, HostLimitError) or descriptors.exhausted(exc):
        return CheckOutcome(Outcome.INCONCLUSIVE, descriptors.SHORTAGE)
    inside = [frame for frame in traceback.extract_tb(exc.__traceback__) if _PACKAGE in Path(frame.filename).parts]
    where = f"{Path(inside[-1].filename).name}:{inside[-1].lineno}" if inside else ""
    summary = f"the check itself failed: {type(exc).__name__}: {exc}"
    return CheckOutcome(Outcome.ERROR, summary, (facts.DOCTOR_FAILED_AT.of(where),))
