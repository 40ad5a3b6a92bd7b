"""From results and diagnoses to outcomes, accounts and the exit status. Pure."""

import enum
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from kraken_doctor.diagnosis.naming import calls
from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult, Diagnosis, EvidenceSet, Outcome, Severity, by_kind, by_scope
from kraken_doctor.model.report import AccountReport, Balances, NonceReport


class FailOn(enum.Enum):
    """From which severity on the exit status says "problem"."""

    FAIL = "fail"
    WARN = "warn"
    NEVER = "never"


class ExitStatus(enum.IntEnum):
    """The same for every output format."""

    # 1 is for a confirmed problem alone, since cron jobs and CI act on it: 2 is Click's for bad usage, and 130 a
    # shell's for SIGINT (128 + 2).
    OK = 0
    PROBLEM = 1
    USAGE = 2
    NO_VERDICT = 3
    INTERRUPTED = 130


CALLING = frozenset({"authentication", "balances"})
"""Checks that make private calls."""

_OF_HOST = {"krakenex", "store"}
"""Checks without which no call can be made, and which say nothing of the connection."""

_BESIDE_THE_POINT = ("clock", Outcome.INCONCLUSIVE)

_FINE = (Outcome.PASS, Outcome.WARN)


def outcome_of(results: Sequence[CheckResult], diagnoses: Sequence[Diagnosis]) -> Outcome:
    """
    Return what a run, or an account, comes to.

    A named failure wins over everything. A check that could not be made leaves the whole without a verdict;
    but for the clock, which by itself decides nothing once nonces are accepted, unless it is all that was asked.
    """
    severities = {diagnosis.severity for diagnosis in diagnoses}
    decisive = [result for result in results if (result.id, result.outcome) != _BESIDE_THE_POINT] or results
    outcomes = {result.outcome for result in decisive}
    if Severity.FAIL in severities or Outcome.FAIL in outcomes:
        return Outcome.FAIL
    # Before warnings: "connected, with warnings" would say that the rest was found in order.
    if outcomes & {Outcome.INCONCLUSIVE, Outcome.ERROR}:
        return Outcome.INCONCLUSIVE
    if Severity.WARN in severities or Outcome.WARN in outcomes:
        return Outcome.WARN
    return Outcome.PASS


def graded(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """
    Return *results*; a public endpoint that failed is a warning at most where a private call was accepted.

    So is a maintenance that refuses none.
    """
    ends = {result.outcome for result in results if result.id in CALLING}
    if Outcome.PASS not in ends:
        return tuple(results)
    harmless = Outcome.FAIL not in ends
    return tuple(
        replace(result, outcome=Outcome.WARN) if _failed_in_public(result, in_maintenance=harmless) else result
        for result in results
    )


def _failed_in_public(result: CheckResult, *, in_maintenance: bool) -> bool:
    known = EvidenceSet.of(result.evidence)
    if in_maintenance and known.get(facts.EXCHANGE_STATUS) == "maintenance":
        return True
    return any(known.get(call.FAILURE) or known.get(call.ERROR) for call in (facts.PATH, facts.EXCHANGE))


def exit_status(outcome: Outcome, fail_on: FailOn) -> ExitStatus:
    """Return the process's exit status."""
    failed = outcome is Outcome.FAIL and fail_on is not FailOn.NEVER
    if failed or (outcome is Outcome.WARN and fail_on is FailOn.WARN):
        return ExitStatus.PROBLEM
    if outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR):
        return ExitStatus.NO_VERDICT
    return ExitStatus.OK


def judge(results: Sequence[CheckResult], diagnoses: Sequence[Diagnosis]) -> tuple[Outcome, tuple[AccountReport, ...]]:
    """
    Return what a run comes to, and each of its accounts.

    An account that was to be called and of which nothing is known leaves the run without a verdict; one that was not
    to be called has none either, and moves nothing.
    """
    outcome, accounts = outcome_of(results, diagnoses), account_reports(results, diagnoses)
    called = {result.account for result in results if result.id in CALLING}
    unknown = any(account.connected is None and account.label in called for account in accounts)
    return (Outcome.INCONCLUSIVE if unknown and outcome in _FINE else outcome), accounts


def account_reports(results: Sequence[CheckResult], diagnoses: Sequence[Diagnosis]) -> tuple[AccountReport, ...]:
    """Return each account's part of the run, in the order of the results."""
    scopes = by_scope(results)
    found = by_kind(diagnoses, lambda diagnosis: diagnosis.account)
    return tuple(
        _account_report(label, own, found.get(label, ())) for label, own in scopes.items() if label is not None
    )


def _account_report(label: str, results: Sequence[CheckResult], diagnoses: Sequence[Diagnosis]) -> AccountReport:
    """Return one account's part, from the run's results and its own, and from its own diagnoses."""
    evidence = EvidenceSet(results, label)
    own = [result for result in results if result.account == label]
    made = calls(evidence)
    last = made[-1] if made else None
    outcome = outcome_of(own, diagnoses)
    # Without a nonce nothing was sent: that tells nothing of the connection.
    untested = not made and (
        evidence.get(facts.NONCE_ERROR) is not None or bool({r.blocked_by for r in own} & _OF_HOST)
    )
    if outcome in _FINE and (blockers := {result.blocked_by for result in own} - {None}):
        # What all accounts share is in their way; where that is a fault of our own, nothing is known of them.
        broken = {result.id for result in results if result.outcome is Outcome.ERROR}
        outcome = Outcome.INCONCLUSIVE if blockers <= broken else Outcome.FAIL
    accepted = any(call.outcome == "ok" for call in made)
    if outcome in _FINE and not accepted:
        outcome = Outcome.INCONCLUSIVE
    # What the balances have shown to work, a mark that can't be read afterwards does not undo.
    connected = accepted and (outcome is not Outcome.FAIL or evidence.outcome("balances") is Outcome.PASS)
    nonce = None
    if (unit := evidence.get(facts.NONCE_UNIT)) is not None:
        store, unit_from = evidence.get(facts.STORE_NAME, ""), evidence.source(facts.NONCE_UNIT)
        sent = last.nonce if last else None
        nonce = NonceReport(unit=unit, in_order=True, store=store, last=sent, unit_from=unit_from)
    return AccountReport(
        label=label,
        outcome=outcome,
        connected=connected or (False if outcome is Outcome.FAIL and not untested else None),
        key_tail=evidence.get(facts.KEY_TAIL, ""),
        key_id=evidence.get(facts.KEY_ID) or None,
        source=evidence.get(facts.CREDENTIALS_SOURCE, ""),
        balances=_balances(evidence),
        nonce=nonce,
        private_calls=len(made),
        error=last.outcome if last and last.outcome != "ok" else "",
    )


def _balances(evidence: EvidenceSet) -> Balances | None:
    usd, usdt = evidence.get(facts.BALANCES_USD), evidence.get(facts.BALANCES_USDT)
    if not usd or not usdt:
        return None
    try:
        codes, others = (
            {code: Decimal(amount) for code, _, amount in (form.partition(" ") for form in evidence.get(fact, ()))}
            for fact in (facts.BALANCES_FORMS, facts.BALANCES_OTHERS)
        )
        return Balances(Decimal(usd), Decimal(usdt), codes, others)
    except InvalidOperation:
        return None  # of a saved report that somebody edited: what is no number is no balance
