"""
From patterns to causes. Pure.

A log shows what was logged: another program on the key, the key's window and the exchange's own count are not in it.
So a refused nonce never has a certain cause here; what the exchange said in plain words has.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from kraken_doctor.botlog.patterns import Pattern, when
from kraken_doctor.botlog.tally import Seen, Tally
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.causes.symptoms import EXCHANGE_SYMPTOMS
from kraken_doctor.diagnosis.naming import diagnosis_for
from kraken_doctor.diagnosis.recognise import SYMPTOMS
from kraken_doctor.model.cause import Symptom
from kraken_doctor.model.diagnosis import Alternative, Confidence, Diagnosis, Remedy, Severity

_CALM_S = 600.0
"""A transient failure that has not come back for so long has passed."""

_MOST_FINDINGS = 8
_SYMPTOMS_BY_TITLE = {symptom.title: symptom for symptom in SYMPTOMS}


class _Lead(NamedTuple):
    """What a pattern points to; see leads.toml."""

    cause: str
    confidence: str
    summary: str
    others: list[str]
    remedy: dict[str, Any] | None = None


_LEADS = {
    name: _Lead(**fields)
    for name, fields in tomllib.loads(Path(__file__).with_name("leads.toml").read_text(encoding="utf-8")).items()
}
"""By pattern; the first that is found counts."""

_FEW = 3
"""Fewer refusals than that are an event, not a pattern."""

_TOLD_APART = dict(_SYMPTOMS_BY_TITLE["EAPI:Invalid nonce"].causes)


def verdict(tally: Tally, patterns: tuple[Pattern, ...], end: float | None) -> tuple[Diagnosis, ...]:
    """
    What the log points to, the first to mend first.

    Args:
        tally: Of the whole log.
        patterns: Its patterns, from `patterns.patterns`.
        end: The log's last time.
    """
    found = [_refused(tally, patterns)] if tally.refused else []
    others = sorted((seen for seen in tally.errors.values() if seen.kind != "nonce"), key=lambda seen: -seen.count)
    found += [diagnosis for seen in others if (diagnosis := _other(seen, end))]
    found = _folded(_once_each(found))[:_MOST_FINDINGS]
    found.sort(key=lambda diagnosis: diagnosis.severity.rank)  # stable: the nonce first, then what came most
    return tuple(replace(d, primary=n == 0 and d.severity is not Severity.INFO) for n, d in enumerate(found))


def _refused(tally: Tally, patterns: tuple[Pattern, ...]) -> Diagnosis:
    ids = [pattern.id for pattern in patterns]
    lead = next(id_ for id_ in _LEADS if id_ in ids)
    found = _LEADS[lead]
    cause, confidence, summary = found.cause, Confidence(found.confidence), found.summary
    if lead == "concurrent" and tally.programs_together > tally.refused_together / 2:
        cause, summary = "nonce-shared-key", "Several programs use this key at the same time."
    if lead == "after-timeout" and tally.refused_after_cut >= _FEW:
        confidence = Confidence.LIKELY
    timeless = lead == "always" and tally.row_began is None
    if timeless or (tally.refused < _FEW and lead not in ("repeated", "mixed-units")):
        confidence = Confidence.POSSIBLE
    seen = tally.errors_of("nonce")
    because = (f"{seen.title}: {_often(seen)}", *(pattern.text for pattern in patterns), _generator(tally))
    return diagnosis_for(
        cause,
        None,
        summary,
        because,
        confidence=confidence,
        severity=Severity.WARN if "over" in ids else None,
        remedy=Remedy(**found.remedy) if found.remedy else None,
        error=seen.title,
        possible=_alternatives(cause, found.others, installed=tally.installed > 0),
    )


def _generator(tally: Tally) -> str:
    if tally.installed:
        return f"the custom nonce generator was installed, last at {when(tally.last_installed)}"
    return "no line says that the custom nonce generator was installed"


def _alternatives(cause: str, likely: list[str], *, installed: bool) -> tuple[Alternative, ...]:
    """The likeliest other causes of a refused nonce."""
    ruled_out = {cause, *(("nonce-generator-default",) if installed else ())}
    others = [other for other in likely if other not in ruled_out][:3]
    return tuple(Alternative(f"{other}: {CAUSES[other].title}", _TOLD_APART[other]) for other in others)


def _other(seen: Seen, end: float | None) -> Diagnosis | None:
    """Any other error: what the exchange said in plain words, or a step of the way that failed."""
    symptom: Symptom | None = _SYMPTOMS_BY_TITLE.get(seen.title)
    if symptom is None:
        return diagnosis_for(
            "error-unrecognised", None, "", (_often(seen),), confidence=Confidence.CERTAIN, error=seen.title
        )
    if not symptom.causes:
        return None
    cause = next(iter(symptom.causes))
    calm = seen.last is not None and end is not None and end - seen.last >= _CALM_S
    passed = seen.worked_after or (calm and CAUSES[cause].transient is not None)
    sure = (
        [Confidence.CERTAIN, Confidence.LIKELY]
        if symptom in EXCHANGE_SYMPTOMS
        else [Confidence.LIKELY, Confidence.POSSIBLE]
    )
    others = [(other, apart) for other, apart in symptom.causes.items() if other != cause]
    return diagnosis_for(
        cause,
        None,
        "",
        (f"{seen.title}: {_often(seen)}", *(("it has passed",) if passed else ())),
        confidence=sure[len(symptom.causes) > 1],
        severity=Severity.WARN if passed else None,
        error=seen.title,
        possible=tuple(Alternative(f"{other}: {CAUSES[other].title}", apart) for other, apart in others),
    )


def _once_each(found: list[Diagnosis]) -> list[Diagnosis]:
    """Two errors may be one cause in two clients' words."""
    merged: dict[str, Diagnosis] = {}
    for diagnosis in found:
        known = merged.get(diagnosis.cause)
        if known is None:
            merged[diagnosis.cause] = diagnosis
        else:
            worse = min(known, diagnosis, key=lambda one: one.severity.rank)
            merged[diagnosis.cause] = replace(worse, because=(*known.because, *diagnosis.because))
    return list(merged.values())


def _folded(found: list[Diagnosis]) -> list[Diagnosis]:
    """A lockout is what refused calls end in: it is told under them."""
    first = found[0] if found else None
    if first is None or not first.cause.startswith("nonce-") or len(found) < 2:
        return found
    lockout = next((diagnosis for diagnosis in found if diagnosis.cause == "temporary-lockout"), None)
    if lockout is None:
        return found
    told = replace(
        first,
        because=(*first.because, *lockout.because),
        explains=("temporary-lockout",),
        severity=min(first.severity, lockout.severity, key=lambda severity: severity.rank),
    )
    return [told, *(diagnosis for diagnosis in found[1:] if diagnosis is not lockout)]


def _often(seen: Seen) -> str:
    if seen.first is None:
        return f"{seen.count}x"
    if seen.count == 1:
        return f"once, {when(seen.first)}"
    return f"{seen.count}x, {when(seen.first)} to {when(seen.last)}"
