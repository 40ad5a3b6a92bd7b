"""All rules over all scopes, ranked: what to mend first comes first, and what is common is said once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kraken_doctor.diagnosis import rules
from kraken_doctor.diagnosis.dedupe import fold_symptoms, shared_by_all
from kraken_doctor.diagnosis.naming import AccountRule, RunRule
from kraken_doctor.model.registry import found_in
from kraken_doctor.model.report import CheckResult, Diagnosis, EvidenceSet, Severity, by_scope

_RUN_RULES, _ACCOUNT_RULES = found_in(rules, RunRule), found_in(rules, AccountRule)


def diagnose(results: Iterable[CheckResult]) -> tuple[Diagnosis, ...]:
    """
    Return the causes that *results* add up to, those of the run first, then account by account.

    Pure: a saved report gives the same answer as the run that it came from.
    """
    scopes = by_scope(results)
    common = EvidenceSet(scopes.pop(None))
    labels = [label for label in scopes if label is not None]
    run_wide = [found for rule in _RUN_RULES for found in rule.find(common)]
    single: list[Diagnosis] = []
    for label in labels:
        evidence = EvidenceSet(scopes[label], label)
        single += [replace(found, account=label) for rule in _ACCOUNT_RULES for found in rule.find(evidence)]
    shared, single = shared_by_all(single, labels)
    found = fold_symptoms([*run_wide, *shared, *single])
    return _ranked(_without_repeats(found[: len(run_wide)], found[len(run_wide) :]))


def _without_repeats(common: Sequence[Diagnosis | None], others: Sequence[Diagnosis | None]) -> list[Diagnosis]:
    """Return the run's own findings and those of accounts, each cause once: as a failure of the run, if it is one."""
    failed = {diagnosis.cause for diagnosis in common if diagnosis and diagnosis.severity is Severity.FAIL}
    rest = [diagnosis for diagnosis in others if diagnosis and diagnosis.cause not in failed]
    said = {diagnosis.cause for diagnosis in rest}
    return [*(diagnosis for diagnosis in common if diagnosis and diagnosis.cause not in said), *rest]


def _ranked(found: Sequence[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Sort worst first within a scope, then in the catalogue's order: a cause before what it may bring about."""
    if not found:
        return ()
    from kraken_doctor.diagnosis.causes import CAUSES

    order = list(CAUSES)
    scopes = {account: at for at, account in enumerate(dict.fromkeys([None, *(d.account for d in found)]))}
    ordered = sorted(found, key=lambda d: (scopes[d.account], d.severity.rank, order.index(d.cause)))
    failing = any(diagnosis.severity is Severity.FAIL for diagnosis in ordered)
    wanted = Severity.FAIL if failing else Severity.WARN
    marked: set[str | None] = set()
    ranked = []
    for diagnosis in ordered:
        # Without a failure one warning is the first thing to mend in the whole report.
        primary = diagnosis.severity is wanted and diagnosis.account not in marked and (failing or not marked)
        if primary:
            marked.add(diagnosis.account)
        ranked.append(replace(diagnosis, primary=primary))
    return tuple(ranked)
