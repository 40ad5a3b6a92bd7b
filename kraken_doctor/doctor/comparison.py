"""Two reports of the same bots: what is new, what is gone, what is still there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kraken_doctor.model.report import AccountReport, Diagnosis, FindingKey, Report


class Comparison(NamedTuple):
    """The findings of a report against those of an earlier one."""

    new: tuple[FindingKey, ...]
    gone: tuple[FindingKey, ...]
    still: tuple[FindingKey, ...]


def compare(report: Report, baseline: Report) -> Comparison:
    """
    Return what is new, gone and still there in *report*, against *baseline*.

    Accounts are the same where their keys are, since a published report numbers them; else where their labels are.
    """
    labels = _same_accounts(report.accounts, baseline.accounts)
    now = [_named(diagnosis, diagnosis.account) for diagnosis in report.diagnoses]
    before = [_named(d, labels.get(d.account, d.account) if d.account else None) for d in baseline.diagnoses]
    kinds_now, kinds_before = {(d.cause, d.account) for d in now}, {(d.cause, d.account) for d in before}
    return Comparison(
        new=tuple(d for d in now if (d.cause, d.account) not in kinds_before),
        gone=tuple(d for d in before if (d.cause, d.account) not in kinds_now),
        still=tuple(d for d in now if (d.cause, d.account) in kinds_before),
    )


def _named(diagnosis: Diagnosis, account: str | None) -> FindingKey:
    return FindingKey(diagnosis.cause, account, diagnosis.severity.value)


def _same_accounts(now: Sequence[AccountReport], before: Sequence[AccountReport]) -> dict[str, str]:
    """Return the labels of *before*, each with that of the same account in *now*."""
    by_key = {account.key_id: account.label for account in now if account.key_id}
    found = {old.label: by_key[old.key_id] for old in before if old.key_id in by_key}
    free = {account.label for account in now} - set(found.values())
    # A number that now stands for another account would tell of the wrong one.
    return {old.label: old.label if old.label in free else f"{old.label} (then)" for old in before} | found
