"""What is said once: causes that all accounts share, and symptoms under the cause that explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kraken_doctor.model.diagnosis import Alternative, Diagnosis, Remedy, Severity

_SYMPTOMS = {
    "exchange-maintenance": ("exchange-unavailable", "exchange-busy", "exchange-error", "edge-error", "read-timeout"),
}
"""A cause, and what it always brings about. Where evidence decides, as with a clock and a certificate, a rule does."""

_LOOK_FOR = "Every key is refused: look for what they have in common before you make new ones."

_TOGETHER: dict[str, tuple[str, tuple[Alternative, ...], Remedy]] = {
    "key-invalid": (
        _LOOK_FOR,
        (
            Alternative("this host's address is on none of their allow-lists", "did the address change?"),
            Alternative("they belong to another product or environment", "the base URL, --api-url, KRAKEN_SPOT_URL"),
            Alternative("they were deleted, or have expired, together", "the list of keys on Kraken"),
        ),
        Remedy(
            "Compare this host's public address with the keys' allow-lists, then look whether the keys still exist.",
            avoid="Don't retry in a loop: failed calls can lock the account for a quarter of an hour.",
        ),
    ),
    "signature-invalid": (
        _LOOK_FOR,
        (
            Alternative(
                "something on the way, or in the environment, changes all secrets alike", "quotes, how .env is read"
            ),
            Alternative("all keys have two-factor authentication and no ..._OTP is set", "the keys' settings"),
        ),
        Remedy(
            "Look at how the secrets get into the environment: one slip there breaks them all.",
            avoid="Don't retry in a loop: failed calls can lock the account for a quarter of an hour.",
        ),
    ),
}
"""What it means when one cause is met in every account: its summary, what remains possible, what to do."""


def shared_by_all(found: Sequence[Diagnosis], labels: Sequence[str]) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """
    Split off what every account has: one finding about the environment, not one an account.

    Five keys that are refused at once have one cause, and it is not that five keys went bad.
    """
    if len(labels) < 2:
        return [], list(found)
    by_kind: dict[tuple[str, Severity, str], list[Diagnosis]] = {}
    for diagnosis in found:
        by_kind.setdefault(_kind(diagnosis), []).append(diagnosis)
    everyone = set(labels)
    shared = {kind: group for kind, group in by_kind.items() if {d.account for d in group} == everyone}
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
    if first.cause not in _TOGETHER:
        return one
    summary, possible, remedy = _TOGETHER[first.cause]
    return replace(one, summary=summary, possible=possible, remedy=remedy)


def fold_symptoms(found: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Without the symptoms whose cause is among *found*, in the same account or in what all share; it names them."""
    symptoms: dict[int, Diagnosis] = {}
    explained: dict[int, list[str]] = {}
    for position, cause in enumerate(found):
        for other, symptom in enumerate(found):
            if _explains(cause, symptom):
                symptoms[other] = symptom
                explained.setdefault(position, []).append(symptom.cause)
    return [
        replace(diagnosis, explains=tuple(dict.fromkeys((*diagnosis.explains, *explained.get(position, ())))))
        for position, diagnosis in enumerate(found)
        if position not in symptoms
    ]


def _explains(cause: Diagnosis, symptom: Diagnosis) -> bool:
    # A warning does not explain a failure: a clock that is a little wrong is not why a key is refused.
    return (
        symptom.cause in _SYMPTOMS.get(cause.cause, ())
        and cause.account in (None, symptom.account)
        and cause.severity.rank <= symptom.severity.rank
    )
