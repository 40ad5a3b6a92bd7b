"""Round after round of the same run: what changed, and whom to leave alone. Bounded, however long it goes on."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.doctor.verdict import judge
from kraken_doctor.error_strings import kraken_error
from kraken_doctor.errors import KrakenTemporaryLockout
from kraken_doctor.model.findings import CheckResult, Outcome, Severity
from kraken_doctor.model.report import AccountReport, Change, FindingKey, Report

LONGEST_REST_S = 900.0
"""A lockout is over after about 15 minutes without an attempt, and each attempt begins it anew:
https://docs.kraken.com/exchange/guides/general/errors"""

_FIRST_REST_S = 300.0
"""After a first refusal: somebody may be fixing it. Ours."""

_CHANGES_KEPT = 1_000


class RunHistory:
    """
    What is known of the rounds so far.

    Args:
        now_s: The monotonic clock at the beginning, in seconds.
        describe: Says what a report comes to, in a sentence.
    """

    def __init__(self, now_s: float, describe: Callable[[Report], str]) -> None:
        self._describe = describe
        self.made = 0
        self.outcomes: Counter[Outcome] = Counter()
        self.changes: deque[Change] = deque(maxlen=_CHANGES_KEPT)
        """The newest, oldest first."""
        self.changed = 0
        """How many there were in all."""
        self.latest: Report | None = None
        self.latest_s = self.began_s = now_s
        self.since_s: dict[str, float] = {}
        """Account to the time of its last change of outcome."""
        self._checks: dict[str, list[CheckResult]] = {}
        """By account: from when it was last asked."""
        self._known: dict[tuple[str, str | None], FindingKey] = {}
        self._refusals: Counter[str] = Counter()
        self._rests_until_s: dict[str, float] = {}

    def resting(self, now_s: float) -> frozenset[str]:
        """
        Return the accounts that are not asked now: the exchange refused them a short while ago.

        Refused keys, signatures and nonces asked again and again end in a lockout of the account, its healthy bots
        included.
        """
        return frozenset(label for label in self._rests_until_s if self.rests_s(label, now_s) > 0)

    def rests_s(self, label: str, now_s: float) -> float:
        """Return for how many seconds more an account is left alone; 0 when it is asked in the next round."""
        return max(0.0, self._rests_until_s.get(label, now_s) - now_s)

    def add(self, report: Report, rested: frozenset[str], now_s: float) -> Change | None:
        """
        Add a finished round, and return what it changed; None for nothing.

        Args:
            report: Of the accounts that were asked.
            rested: The others: for them the findings of the round before stand.
            now_s: The monotonic clock.
        """
        for account in report.accounts:
            self._let_rest(account, now_s)
        report = self._with_rested(report, rested)
        change = self._change(report)
        self.made += 1
        self.outcomes[report.outcome] += 1
        self.latest, self.latest_s = report, now_s
        labels = {account.label for account in report.accounts}
        self.since_s = {label: self.since_s.get(label, now_s) for label in labels}
        if change is not None:
            self.since_s |= dict.fromkeys(change.accounts, now_s)
            self.changes.append(change)
            self.changed += 1
        return change

    def _let_rest(self, account: AccountReport, now_s: float) -> None:
        if not _was_refused(account):
            self._refusals.pop(account.label, None)
            self._rests_until_s.pop(account.label, None)
            return
        self._refusals[account.label] += 1
        locked = isinstance(kraken_error((account.error,)), KrakenTemporaryLockout)
        # Who is locked out was refused before, if not by us: for them the first rest is too short.
        first = self._refusals[account.label] == 1 and not locked
        self._rests_until_s[account.label] = now_s + (_FIRST_REST_S if first else LONGEST_REST_S)

    def _with_rested(self, report: Report, rested: frozenset[str]) -> Report:
        """Return *report* with what is still known of accounts that were not asked, judged as a whole."""
        asked = [account.label for account in report.accounts]
        for label in asked:
            self._checks[label] = [check for check in report.checks if check.account == label]
        if not rested:
            return report
        common = [check for check in report.checks if check.account is None]
        known = [own for label, own in self._checks.items() if label in asked or label in rested]
        checks = tuple(check for own in (common, *known) for check in own)
        diagnoses = diagnose(checks)
        outcome, accounts = judge(checks, diagnoses)
        return replace(report, checks=checks, diagnoses=diagnoses, outcome=outcome, accounts=accounts)

    def _change(self, report: Report) -> Change | None:
        before = self.latest
        outcomes = {account.label: account.outcome for account in before.accounts} if before else {}
        accounts = {a.label: a.outcome for a in report.accounts if outcomes.get(a.label, a.outcome) is not a.outcome}
        new, gone = self._learn(report)
        if before is not None and before.outcome is report.outcome and not (new or gone or accounts):
            return None
        last = before.outcome if before else None
        first = report.primary
        step = first.remedy.text if first and report.outcome is Outcome.FAIL else ""
        return Change(report.started_at_ns, last, report.outcome, self._describe(report), new, gone, accounts, step)

    def _learn(self, report: Report) -> tuple[tuple[FindingKey, ...], tuple[FindingKey, ...]]:
        """Return what is new and gone. A finding that could not be looked for is not gone: it is known as before."""
        found = {
            (d.cause, d.account): FindingKey(d.cause, d.account, d.severity.value)
            for d in report.diagnoses
            if d.severity is not Severity.INFO
        }
        new = tuple(named for kind, named in found.items() if kind not in self._known)
        gone = tuple(
            named for kind, named in self._known.items() if kind not in found and _is_examined(named, report.checks)
        )
        for named in gone:
            del self._known[named.cause, named.account]
        self._known |= found
        return new, gone


def _is_examined(named: FindingKey, checks: Iterable[CheckResult]) -> bool:
    """Whether every check that could have found it again was made to its end."""
    passed: dict[str | None, bool] = {}
    for check in checks:
        if check.id == "clock" and not named.cause.startswith("clock"):
            continue  # where no time server answers there is no verdict, round after round
        passed[check.account] = passed.get(check.account, True) and check.outcome in (Outcome.PASS, Outcome.WARN)
    if named.account is not None:
        return passed.get(named.account, False)
    # What all accounts shared is not shared any more when one of them is well.
    accounts = [well for account, well in passed.items() if account is not None]
    return passed.get(None, False) and (any(accounts) or not accounts)


def _was_refused(account: AccountReport) -> bool:
    """Whether the exchange said no to this account itself, and will again; its own troubles pass."""
    if ":" not in account.error:  # nothing, or the id of a step on the way
        return False
    cause = kraken_error((account.error,)).cause
    # A counter that is full empties by itself; but the calls of a watch are among those that fill it.
    return CAUSES[cause].transient is None or cause == "rate-limited"
