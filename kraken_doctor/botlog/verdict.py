"""
From patterns to causes. Pure.

A log shows what was logged: another program on the key, the key's window and the exchange's own count are not in it.
So a refused nonce never has a certain cause here; what the exchange said in plain words has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from kraken_doctor.botlog.counters import ErrorStats, elapsed_s
from kraken_doctor.botlog.patterns import Pattern, when
from kraken_doctor.botlog.prefilter import words
from kraken_doctor.botlog.stats import LogStats
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.causes.symptoms import EXCHANGE_SYMPTOMS
from kraken_doctor.diagnosis.naming import finding
from kraken_doctor.diagnosis.recognise import SYMPTOMS
from kraken_doctor.model.cause import Symptom
from kraken_doctor.model.findings import Alternative, Confidence, Diagnosis, Remedy, Severity
from kraken_doctor.tables import load

_ADVICE = load(__file__, "advice.toml")
"""What to do, where the log itself says more than the error does."""

_LEADS = load(__file__, "leads.toml")
"""By pattern what it points to: cause, confidence, summary and others; the first that is found counts."""


def advice(error: ErrorStats, stats: LogStats) -> tuple[str, Remedy | None]:
    """Return a summary and a remedy by the evidence; empty and None where the catalogue's own are right."""
    boxes = (box for box, calls in words()["permissions"].items() if any(error.endpoints[call] for call in calls))
    named = {"calls": _listed(error.endpoints), "permissions": _listed(boxes)}
    for rule in _ADVICE.values():
        if _holds(rule, error, stats) and all(value for key, value in named.items() if f"{{{key}}}" in rule["text"]):
            fields = ("summary", "text", "otherwise", "avoid")
            said = {field: rule[field].format_map(named) for field in fields if field in rule}
            return said.pop("summary", ""), Remedy(**said)
    return "", None


def _holds(rule: Mapping[str, Any], error: ErrorStats, stats: LogStats) -> bool:
    return (
        error.title in rule["errors"]
        and all(error.hints[hint] for hint in rule.get("hints", ()))
        and not any(error.hints[hint] for hint in rule.get("without", ()))
        and (not rule.get("alone") or _alone(error, stats))
    )


def _alone(error: ErrorStats, stats: LogStats) -> bool:
    """Return whether every refused call is of a kind that never worked, while others did."""
    worked = stats.worked_endpoints
    never_worked = "" not in error.endpoints and not any(worked[call] for call in error.endpoints)
    return never_worked and any(worked.values())


def _listed(names: Iterable[str]) -> str:
    return " and ".join(f'"{name}"' if " " in name else name for name in names if name)


_CALM_S = 600.0
"""A transient failure that has not come back for so long has passed."""

_MOST_FINDINGS = 8
_SYMPTOMS_BY_TITLE = {symptom.title: symptom for symptom in SYMPTOMS}


_FEW = 3
"""Fewer refusals than that are an event, not a pattern."""

_OF_KRAKENEX = ("", "krakenex", "pykrakenapi", "home-assistant")
"""Clients whose nonces may be krakenex's own; an unknown one's too."""

_TOLD_APART = dict(_SYMPTOMS_BY_TITLE["EAPI:Invalid nonce"].causes)


def verdict(stats: LogStats, patterns: tuple[Pattern, ...], end: float | None) -> tuple[Diagnosis, ...]:
    """
    Return what the log points to, what to fix first in front.

    Args:
        stats: Of the whole log.
        patterns: Its patterns, from `patterns.patterns`.
        end: The log's last time.
    """
    found = [_refused(stats, patterns)] if stats.refused and not stats.is_foreign(stats.errors_of("nonce")) else []
    others = sorted((error for error in stats.errors.values() if error.kind != "nonce"), key=lambda error: -error.count)
    found += [diagnosis for error in others if (diagnosis := _other(error, stats, end))]
    found = _folded(_once_each(found))[:_MOST_FINDINGS]
    found.sort(key=lambda diagnosis: diagnosis.severity.rank)  # stable: the nonce first, then what came most
    return tuple(replace(d, primary=n == 0 and d.severity is not Severity.INFO) for n, d in enumerate(found))


def _refused(stats: LogStats, patterns: tuple[Pattern, ...]) -> Diagnosis:
    ids = [pattern.id for pattern in patterns]
    lead = next(id_ for id_ in _LEADS if id_ in ids)
    found = _LEADS[lead]
    cause, sure, summary = found["cause"], Confidence(found["confidence"]), found["summary"]
    if lead == "concurrent" and stats.programs_together > stats.refused_together / 2:
        cause, summary = "nonce-shared-key", "Several programs use this key at the same time."
    if lead == "after-timeout" and stats.refused_after_cut >= _FEW:
        sure = Confidence.LIKELY
    timeless = lead == "always" and stats.row_began is None
    if timeless or (stats.refused < _FEW and lead not in ("repeated", "mixed-units")):
        sure = Confidence.POSSIBLE
    error = stats.errors_of("nonce")
    title, texts = error.title, [pattern.text for pattern in patterns]
    because = (f"{title}: {_often(error)}", *texts, _generator(stats))
    severity = Severity.WARN if "over" in ids else None
    remedy = Remedy(**found["remedy"]) if "remedy" in found else None
    plain = not stats.installed and stats.client in _OF_KRAKENEX
    possible = _alternatives(cause, found["others"], plain=plain)
    return finding(
        cause, *because, summary=summary, confidence=sure, severity=severity, remedy=remedy, error=title,
        possible=possible,
    )  # fmt: skip


def _generator(stats: LogStats) -> str:
    if stats.installed:
        return f"the custom nonce generator was installed, last at {when(stats.last_installed)}"
    return "no line shows that the custom nonce generator was installed"


def _alternatives(cause: str, likely: list[str], *, plain: bool) -> tuple[Alternative, ...]:
    """Return the likeliest other causes of a refused nonce; *plain*: krakenex's own generator may be in use."""
    ruled_out = {cause, *(() if plain else ("nonce-generator-default",))}
    others = [other for other in likely if other not in ruled_out][:3]
    return tuple(Alternative(f"{other}: {CAUSES[other].title}", _TOLD_APART[other]) for other in others)


def _other(error: ErrorStats, stats: LogStats, end: float | None) -> Diagnosis | None:
    """Return any other error: what the exchange said in plain words, or a step of the connection that failed."""
    if stats.is_foreign(error):
        return None
    symptom: Symptom | None = _SYMPTOMS_BY_TITLE.get(error.title)
    if symptom is None:
        return finding("error-unrecognised", _often(error), error=error.shown)
    if not symptom.causes:
        return None
    causes = dict(symptom.causes)
    if error.near_dns and "dns-failed" in causes and len(causes) > 1:
        # The names of other services did not resolve at the same time: it is this host, whatever the client calls it.
        causes = {"dns-failed": ""}
    cause = next(iter(causes))
    passed = _passed(error, cause, end)
    exchanges = symptom in EXCHANGE_SYMPTOMS
    # A grade less where it is not the exchange that says so, and one where it has several causes.
    sure = list(Confidence)[(not exchanges) + (len(causes) > 1)]
    if not (exchanges or error.naming_kraken or stats.names_kraken):
        sure = Confidence.POSSIBLE  # nothing in the log says that it was on the way to Kraken
    title, because = error.title, (f"{error.title}: {_often(error)}", *filter(None, [passed]))
    severity = Severity.WARN if passed and CAUSES[cause].severity is Severity.FAIL else None
    summary, remedy = advice(error, stats)
    others = ((other, apart) for other, apart in causes.items() if other != cause)
    possible = tuple(Alternative(f"{other}: {CAUSES[other].title}", apart) for other, apart in others)
    return finding(
        cause, *because, summary=summary, confidence=sure, severity=severity, remedy=remedy, error=title,
        possible=possible,
    )  # fmt: skip


def _passed(error: ErrorStats, cause: str, end: float | None) -> str:
    """Return why it is thought to be over; nothing where it is not."""
    if error.worked_after:
        return "it is over: calls have succeeded since"
    calm = error.last is not None and end is not None and elapsed_s(error.last, end) >= _CALM_S
    if calm and CAUSES[cause].transient is not None and not error.gave_up_after:
        return f"not logged again since {when(error.last)}; the log does not show whether calls succeed now"
    return ""


def _once_each(found: list[Diagnosis]) -> list[Diagnosis]:
    """Two errors may be one cause in two clients' words."""
    merged: dict[str, Diagnosis] = {}
    for diagnosis in found:
        known = merged.setdefault(diagnosis.cause, diagnosis)
        if known is not diagnosis:
            worse = min(known, diagnosis, key=lambda one: one.severity.rank)
            merged[diagnosis.cause] = replace(worse, because=(*known.because, *diagnosis.because))
    return list(merged.values())


def _folded(found: list[Diagnosis]) -> list[Diagnosis]:
    """Tell a lockout under the refused nonces that end in it."""
    lockout = next((diagnosis for diagnosis in found[1:] if diagnosis.cause == "temporary-lockout"), None)
    if lockout is None or not found[0].cause.startswith("nonce-"):
        return found
    first = found[0]
    severity = min(first.severity, lockout.severity, key=lambda severity: severity.rank)
    because = (*first.because, *lockout.because)
    told = replace(first, because=because, explains=("temporary-lockout",), severity=severity)
    return [told, *(diagnosis for diagnosis in found[1:] if diagnosis is not lockout)]


def _often(error: ErrorStats) -> str:
    if error.first is None:
        return f"{error.count}x"
    if error.count == 1:
        return f"once, {when(error.first)}"
    return f"{error.count}x, {when(error.first)} to {when(error.last)}"
