"""What every form says of a report in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kraken_doctor.model import facts
from kraken_doctor.model.diagnosis import Confidence, Diagnosis, Remedy, Severity
from kraken_doctor.model.evidence import CheckResult, Evidence, EvidenceSet, Outcome
from kraken_doctor.model.format import utc_words
from kraken_doctor.model.report import AccountReport, Report

SEVERITY_WORDS = {Severity.FAIL: "failure", Severity.WARN: "warning", Severity.INFO: "note"}

YES_NO = {True: "yes", False: "no", None: "unknown"}
"""`AccountReport.connected` in words."""

LITERAL = ("Run", "The exchange said")
"""Headings of `details` below which each letter counts."""

NO_VERDICT = (Outcome.INCONCLUSIVE, Outcome.ERROR)


def verdict(report: Report) -> str:
    """The run in one or two sentences."""
    connected = [account.connected for account in report.accounts]
    failing, tested = connected.count(False), True in connected
    words = {
        Outcome.PASS: "All checks passed.",
        Outcome.WARN: "Connected, with warnings." if tested else "Checks passed, with warnings.",
        Outcome.FAIL: "Problem found.",
    }.get(report.outcome, "No verdict: something could not be checked.")
    if failing:
        words = f"{failing} of {len(connected)} accounts failing." if len(connected) > 1 else "Problem found."
    elif report.outcome in NO_VERDICT and own_faults(report):
        words = "No verdict: kraken-doctor itself failed."
    elif report.outcome in NO_VERDICT and (open_ones := undecided(report)):
        words = f"No verdict. {_whose(open_ones[0])}: {open_ones[0].summary.rstrip('.')}."
    elif report.outcome in (Outcome.PASS, Outcome.WARN) and connected and not tested:
        words += " The connection was not tested."
    primary = report.primary
    if primary is not None and primary.severity is Severity.FAIL:
        words += f" Fix first: {primary.cause}."
    return words


def said(account: AccountReport, report: Report) -> str:
    """What stands behind "failed": the exchange's own words, else the cause, else the check that did not pass."""
    if account.error:
        return account.error
    if failures := _failures(report, account.label):
        return failures[0].summary.rstrip(".")
    own = [result for result in report.checks if result.account == account.label]
    broken = {result.id for result in report.checks if result.outcome is Outcome.ERROR}
    if faulty := [result.id for result in own if result.id in broken or result.blocked_by in broken]:
        return f"kraken-doctor itself failed before {faulty[0]} was done"
    fine = (Outcome.PASS, Outcome.WARN, Outcome.SKIP)
    untested = "no private call was accepted" if account.private_calls else "no private call was made"
    return next((result.summary for result in own if result.outcome not in fine), untested)


def may_be_empty(account: AccountReport, report: Report) -> str:
    """Return what to say beside balances of zero that no answer has stated; empty where one has."""
    found = (d for d in report.diagnoses if d.cause == "account-empty" and d.account in (account.label, None))
    return next((f"{d.summary}: {d.because[0]}" for d in found if d.confidence is not Confidence.CERTAIN), "")


def undecided(report: Report) -> list[CheckResult]:
    """Checks without a verdict, but for those of an account whose failure is named: that is why they have none."""
    return [
        result for result in report.checks if result.outcome in NO_VERDICT and not _failures(report, result.account)
    ]


OWN_FAULT = "A fault of this program: it says nothing about your connection."
OWN_FAULT_REMEDY = (
    "Report it to where you have kraken-doctor from, with the file that this writes: names, amounts and keys"
    " are left out."
)
OWN_FAULT_COMMAND = "kraken-doctor report --file report.html"


def own_faults(report: Report) -> list[str]:
    """Where the doctor itself failed, each fault once, with the accounts that it was met with."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for result in report.checks:
        if result.outcome is Outcome.ERROR:
            where = EvidenceSet.of(result.evidence).get(facts.DOCTOR_FAILED_AT, "")
            summary = result.summary.removeprefix("the check itself broke: ").removeprefix("the doctor itself failed: ")
            found.setdefault((result.id, summary, where), []).extend([result.account] if result.account else [])
    return [
        f"{check}{f' of {listed(accounts)}' if accounts else ''}: {summary}{f', at {where}' if where else ''}"
        for (check, summary, where), accounts in found.items()
    ]


def ranked(report: Report, *, notes: bool = False) -> list[Diagnosis]:
    """The diagnoses as they are to be read: primary causes first, then by severity; *notes* are only worth knowing."""
    wanted = [diagnosis for diagnosis in report.diagnoses if notes or diagnosis.severity is not Severity.INFO]
    return sorted(wanted, key=lambda diagnosis: (not diagnosis.primary, diagnosis.severity.rank))


def grouped(report: Report, *, notes: bool = False) -> list[tuple[Diagnosis, str]]:
    """The same, each finding once, with the accounts that share it word for word; empty where it is the run's own."""
    groups: dict[Diagnosis, list[str]] = {}
    first: dict[Diagnosis, Diagnosis] = {}
    for diagnosis in ranked(report, notes=notes):
        kind = replace(diagnosis, account=None, primary=False)
        first.setdefault(kind, diagnosis)
        groups.setdefault(kind, []).extend([diagnosis.account] if diagnosis.account else [])
    return [(first[kind], ", ".join(accounts)) for kind, accounts in groups.items()]


def cure(remedy: Remedy) -> list[tuple[str, tuple[str, ...]]]:
    """What to do and what not, each by its heading; an empty text is one that there is not."""
    avoid = remedy.avoid.removeprefix("Don't ")
    return [("Do", (remedy.text,)), ("Run", remedy.commands), ("Or", (remedy.otherwise,)), ("Don't", (avoid,))]


def details(diagnosis: Diagnosis) -> Iterator[tuple[str, list[str]]]:
    """What stands below a diagnosis's summary, as far as there is any: by its heading, in the order of reading."""
    possible = (f"{a.text} (to confirm: {a.told_apart_by})" if a.told_apart_by else a.text for a in diagnosis.possible)
    for heading, texts in (
        ("Because", diagnosis.because),
        ("Explains", (", ".join(diagnosis.explains),)),
        ("Possible", possible),
        *cure(diagnosis.remedy),
        ("The exchange said", (diagnosis.error,)),
    ):
        if found := list(filter(None, texts)):
            yield heading, found


def fact(item: Evidence) -> str:
    """A fact's value with its unit."""
    if isinstance(item.value, bool):
        return "yes" if item.value else "no"
    value = ", ".join(item.value) if isinstance(item.value, tuple) else item.value
    return "none" if value in (None, "") else f"{value} {item.unit}".rstrip()


def target(report: Report) -> str:
    """Where the run went."""
    return "embedded exchange (sandbox)" if report.sandbox else report.api_url.partition("://")[2]


def began(report: Report) -> str:
    """When it began, in UTC."""
    return utc_words(report.started_at_ns // 10**9)


def _failures(report: Report, account: str | None) -> list[Diagnosis]:
    return [d for d in report.diagnoses if d.severity is Severity.FAIL and d.account in (account, None)]


def listed(names: list[str], most: int = 3) -> str:
    """Return *names*, those beyond the first *most* as a number."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _whose(result: CheckResult) -> str:
    return f"{result.account} {result.id}" if result.account else result.id
