"""All rules over all scopes, ranked: what to mend first comes first, and once what all share and what explains more."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kraken_doctor.diagnosis import rules
from kraken_doctor.diagnosis.naming import AccountRule, RunRule
from kraken_doctor.model.findings import CheckResult, Diagnosis, EvidenceSet, Severity, by_kind, by_scope
from kraken_doctor.model.registry import found_in

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
    # What all share first: only a cause without an account explains the symptoms of every one.
    shared, single = _shared_by_all(single, labels)
    found = _fold_symptoms([*run_wide, *shared, *single])
    return _ranked(_without_repeats(found[: len(run_wide)], found[len(run_wide) :]))


def _without_repeats(common: Sequence[Diagnosis | None], others: Sequence[Diagnosis | None]) -> list[Diagnosis]:
    """Return the run's own findings and those of accounts, each cause once: as a failure of the run, if it is one."""
    failed = {diagnosis.cause for diagnosis in common if diagnosis and diagnosis.severity is Severity.FAIL}
    rest = [diagnosis for diagnosis in others if diagnosis and diagnosis.cause not in failed]
    # A warning of the run that an account's failure repeats, as the clock's does, would read like a second problem.
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
    # Without a failure one warning is the first thing to mend in the whole report.
    firsts = {d.account if failing else None: at for at, d in reversed([*enumerate(ordered)]) if d.severity is wanted}
    primary = set(firsts.values())
    return tuple(replace(diagnosis, primary=at in primary) for at, diagnosis in enumerate(ordered))


def _shared_by_all(found: Sequence[Diagnosis], labels: Sequence[str]) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """
    Split off what every account has: one finding about the environment, not one an account.

    Five keys that are refused at once have one cause, and it is not that five keys went bad.
    """
    if len(labels) < 2:
        return [], list(found)
    everyone, groups = set(labels), by_kind(found, _kind)
    shared = {kind: group for kind, group in groups.items() if {d.account for d in group} == everyone}
    return [_as_one(group) for group in shared.values()], [d for d in found if _kind(d) not in shared]


def _kind(diagnosis: Diagnosis) -> tuple[str, Severity, str]:
    # With its summary: one that names a variable or a date is true of its own account alone.
    return diagnosis.cause, diagnosis.severity, diagnosis.summary


def _as_one(group: Sequence[Diagnosis]) -> Diagnosis:
    first, *others = group
    because = first.because if all(other.because == first.because for other in others) else first.because[:1]
    everyone = f"in all {len({diagnosis.account for diagnosis in group})} accounts"
    # A command may name its account: each is said.
    commands = tuple(dict.fromkeys(command for one in group for command in one.remedy.commands))
    remedy = replace(first.remedy, commands=commands)
    one = replace(first, account=None, because=(*because, everyone), remedy=remedy)
    from kraken_doctor.diagnosis.causes import CAUSES  # a healthy run never needs their texts

    together = CAUSES[first.cause].everywhere
    return replace(one, **together._asdict()) if together else one


def _fold_symptoms(found: Sequence[Diagnosis]) -> list[Diagnosis | None]:
    """
    Put None for symptoms whose cause is among *found*, in the same account or in what all share.

    The cause names them.
    """
    if not found:
        return []
    from kraken_doctor.diagnosis.causes import CAUSES  # a healthy run never needs their texts

    folded: set[int] = set()
    kept: dict[int, Diagnosis] = {}
    for position, cause in enumerate(found):
        entry = CAUSES[cause.cause]
        symptoms = {
            at: other
            for at, other in enumerate(found)
            if _explains(cause, other)
            # What an exchange in maintenance refuses a key for proves nothing of the key; a warning comes from
            # elsewhere, and stays.
            and (other.cause in entry.brings_about or (other.cause in entry.hides and other.severity is Severity.FAIL))
        }
        folded |= symptoms.keys()
        hidden = [other for other in symptoms.values() if other.cause in entry.hides]
        seen = (f"also seen, to be judged when this is over: {_seen(hidden)}",) if hidden else ()
        explained = dict.fromkeys((*cause.explains, *(s.cause for s in symptoms.values() if s not in hidden)))
        kept[position] = replace(cause, explains=tuple(explained), because=(*cause.because, *seen))
    return [None if position in folded else diagnosis for position, diagnosis in kept.items()]


def _seen(hidden: Sequence[Diagnosis]) -> str:
    said = [f"{other.error or other.cause}{f' ({other.account})' if other.account else ''}" for other in hidden]
    return ", ".join(said[:_MOST_SEEN]) + (f" and {len(said) - _MOST_SEEN} more" if len(said) > _MOST_SEEN else "")


_MOST_SEEN = 5


def _explains(cause: Diagnosis, symptom: Diagnosis) -> bool:
    # A warning does not explain a failure: a clock that is a little wrong is not why a key is refused.
    return cause.account in (None, symptom.account) and cause.severity.rank <= symptom.severity.rank
