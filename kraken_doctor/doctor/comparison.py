"""Two reports of the same bots: what is new, what is gone, what is still there. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.model.payloads import ComparisonPart
from kraken_doctor.model.report import AccountReport, FindingKey, Report


def compared(report: Report, baseline: Report) -> Report:
    """
    Return *report* with what is new, gone and still there, against *baseline*.

    Accounts are the same where their keys are, since a published report numbers them; else where their labels are.
    """
    labels = _same_accounts(report.accounts, baseline.accounts)
    now = {(d.cause, d.account): d.severity.value for d in report.diagnoses}
    before = {(d.cause, labels.get(d.account or "", d.account)): d.severity.value for d in baseline.diagnoses}
    comparison: ComparisonPart = {
        "baseline_started_at": utc_timestamp(baseline.started_at_ns),
        "new": [FindingKey(*kind, now[kind])._asdict() for kind in now if kind not in before],
        "gone": [FindingKey(*kind, before[kind])._asdict() for kind in before if kind not in now],
        "still": [FindingKey(*kind, now[kind])._asdict() for kind in now if kind in before],
    }
    return replace(report, extra={**report.extra, "comparison": comparison})


def _same_accounts(now: Sequence[AccountReport], before: Sequence[AccountReport]) -> dict[str, str]:
    """Return the labels of *before*, each with that of the same account in *now*."""
    by_key = {account.key_id: account.label for account in now if account.key_id}
    found = {old.label: by_key[old.key_id] for old in before if old.key_id in by_key}
    free = {account.label for account in now} - set(found.values())
    # A number that now stands for another account would tell of the wrong one.
    return {old.label: old.label if old.label in free else f"{old.label} (then)" for old in before} | found
