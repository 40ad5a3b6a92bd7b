"""
From patterns to causes. Pure.

A log shows what was logged: another program on the key, the key's window and the exchange's own count are not in it.
So a refused nonce never has a certain cause here; what the exchange said in plain words has.
"""

from __future__ import annotations

from dataclasses import replace

from kraken_doctor.botlog.advice import advice
from kraken_doctor.botlog.errorstats import ErrorStats
from kraken_doctor.botlog.patterns import Pattern, when
from kraken_doctor.botlog.stats import LogStats
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.causes.exchange_signs import EXCHANGE_SIGNS
from kraken_doctor.diagnosis.naming import name
from kraken_doctor.diagnosis.recognise import SIGNS
from kraken_doctor.model.cause import Sign
from kraken_doctor.model.diagnosis import Alternative, Confidence, Diagnosis, Remedy, Severity

_CALM_S = 600.0
"""A failure of the way or a busy exchange that has not come back for so long has passed."""

_PASSING = frozenset({"way", "exchange", "limit"})
_MOST_FINDINGS = 8
_SIGNS = {sign.title: sign for sign in SIGNS}

# Pattern: the cause it points to, how surely with many and with few refusals. The first pattern that is found counts.
_LEADS: dict[str, tuple[str, Confidence]] = {
    "repeated": ("nonce-generator-broken", Confidence.LIKELY),
    "mixed-units": ("nonce-spent-higher", Confidence.LIKELY),
    "after-timeout": ("nonce-generator-broken", Confidence.POSSIBLE),
    "concurrent": ("nonce-reordered", Confidence.LIKELY),
    "one-endpoint": ("nonce-generator-broken", Confidence.POSSIBLE),
    "falling": ("nonce-reordered", Confidence.POSSIBLE),
    "since": ("nonce-spent-higher", Confidence.LIKELY),
    "first-call": ("nonce-shared-key", Confidence.POSSIBLE),
    "restart": ("nonce-shared-key", Confidence.POSSIBLE),
    "always": ("nonce-spent-higher", Confidence.LIKELY),
    "sparse": ("nonce-reordered", Confidence.POSSIBLE),
    "now-and-then": ("nonce-reordered", Confidence.POSSIBLE),
}
_FEW = 3
"""Fewer refusals than that are an event, not a pattern."""

_SUMMARIES = {
    "repeated": "One nonce is sent more than once.",
    "mixed-units": "The bot has counted finer on this key before than it does now.",
    "one-endpoint": "Only one kind of call is refused: what it sends is not what was signed, or not only digits.",
    "after-timeout": "A call that got no answer is sent again with its old nonce.",
    "concurrent": "Calls of one key overtake each other.",
    "falling": "Nonces leave this host out of order.",
    "since": "Since then the key has accepted a larger nonce than this bot gives.",
    "first-call": "At each start something else has already used the key.",
    "restart": "Around a start two programs use the key: the old one may not have ended.",
    "always": "This key has accepted a larger nonce than this bot gives.",
    "sparse": "Some calls may arrive behind later ones, or another program uses the key now and then.",
    "now-and-then": "Some calls arrive behind later ones, or another program uses the key now and then.",
}
_TOLD_APART = dict(_SIGNS["EAPI:Invalid nonce"].causes)


def verdict(stats: LogStats, patterns: tuple[Pattern, ...], end: float | None) -> tuple[Diagnosis, ...]:
    """
    What the log points to, the first to mend first.

    Args:
        stats: Of the whole log.
        patterns: Its patterns, from `patterns.patterns`.
        end: The log's last time.
    """
    found = [_refused(stats, patterns)] if stats.refused else []
    others = sorted((error for error in stats.errors.values() if error.kind != "nonce"), key=lambda error: -error.count)
    found += [diagnosis for error in others if (diagnosis := _other(error, stats, end))]
    found = _folded(_once_each(found))[:_MOST_FINDINGS]
    found.sort(key=lambda diagnosis: diagnosis.severity.rank)  # stable: the nonce first, then what came most
    return tuple(replace(d, primary=n == 0 and d.severity is not Severity.INFO) for n, d in enumerate(found))


def _refused(stats: LogStats, patterns: tuple[Pattern, ...]) -> Diagnosis:
    ids = [pattern.id for pattern in patterns]
    lead = next(id_ for id_ in _LEADS if id_ in ids)
    cause, confidence = _LEADS[lead]
    summary = _SUMMARIES[lead]
    if lead == "concurrent" and stats.programs_together > stats.refused_together / 2:
        cause, summary = "nonce-shared-key", "Several programs use this key at the same time."
    if lead == "after-timeout" and stats.refused_after_cut >= _FEW:
        confidence = Confidence.LIKELY
    timeless = lead == "always" and stats.row_began is None
    if timeless or (stats.refused < _FEW and lead not in ("repeated", "mixed-units")):
        confidence = Confidence.POSSIBLE
    error = stats.errors_of("nonce")
    because = (f"{error.title}: {_often(error)}", *(pattern.text for pattern in patterns), _generator(stats))
    return name(
        cause,
        None,
        summary,
        because,
        confidence=confidence,
        severity=Severity.WARN if "over" in ids else None,
        remedy=_remedy(lead),
        error=error.title,
        possible=_alternatives(cause, lead, installed=stats.installed > 0),
    )


def _generator(stats: LogStats) -> str:
    if stats.installed:
        return f"the custom nonce generator was installed, last at {when(stats.last_installed)}"
    return "no line says that the custom nonce generator was installed"


def _remedy(lead: str) -> Remedy | None:
    """Where the pattern knows better than the catalogue."""
    if lead == "after-timeout":
        return Remedy(
            "Let each attempt take a fresh nonce: kraken_doctor.install(api) does. Look at OpenOrders first.",
            avoid="Don't send an order again before OpenOrders has shown that it was not placed.",
        )
    if lead in ("first-call", "restart"):
        return Remedy(
            "Let the old process end before the new one starts, and give each program its own key.",
            avoid="Don't start from a nonce in the future: it locks out every other program on the key.",
        )
    if lead == "mixed-units":
        return Remedy(
            "Let the bot count in the finer unit again, or create a new API key: on this one a coarser nonce is never"
            " accepted again.",
            avoid="Don't retry in a loop: refused nonces can lock the account for a quarter of an hour.",
        )
    if lead == "one-endpoint":
        return Remedy("Compare the body that this call sends with what is signed: the same bytes, the nonce in it.")
    return None


# What else is possible depends on whether calls of the same key go through in between: then nothing lasting is.
_LASTING = ("clock-behind", "nonce-shared-key", "nonce-generator-broken")
_PASSING_BY = ("nonce-reordered", "nonce-shared-key", "nonce-generator-default", "nonce-generator-broken")
_AT_STARTS = ("nonce-spent-higher", "nonce-reordered", "nonce-generator-broken")
_OTHERS = {
    "always": _LASTING, "since": _LASTING, "mixed-units": _LASTING, "restart": _AT_STARTS, "first-call": _AT_STARTS,
    "sparse": ("nonce-shared-key", "nonce-spent-higher", "nonce-generator-default"),
}  # fmt: skip


def _alternatives(cause: str, lead: str, *, installed: bool) -> tuple[Alternative, ...]:
    """The likeliest other causes of a refused nonce."""
    ruled_out = {cause, *(("nonce-generator-default",) if installed else ())}
    others = [other for other in _OTHERS.get(lead, _PASSING_BY) if other not in ruled_out][:3]
    return tuple(Alternative(f"{other}: {CAUSES[other].title}", _TOLD_APART[other]) for other in others)


def _other(error: ErrorStats, stats: LogStats, end: float | None) -> Diagnosis | None:
    """Return any other error: what the exchange said in plain words, or a step of the connection that failed."""
    if not error.naming_kraken and stats.names_exchange and not stats.names_kraken:
        return None  # a bot of another exchange
    sign: Sign | None = _SIGNS.get(error.title)
    if sign is None:
        return name("error-unrecognised", None, "", (_often(error),), confidence=Confidence.CERTAIN, error=error.shown)
    if not sign.causes:
        return None
    causes = dict(sign.causes)
    if error.near_dns and "dns-failed" in causes and len(causes) > 1:
        # The names of other services did not resolve at the same time: it is this host, whatever the client calls it.
        causes = {"dns-failed": ""}
    cause = next(iter(causes))
    passed = _passed(error, end)
    nameless = not (error.naming_kraken or stats.names_kraken)
    sure = (
        [Confidence.CERTAIN, Confidence.LIKELY] if sign in EXCHANGE_SIGNS else [Confidence.LIKELY, Confidence.POSSIBLE]
    )
    summary, remedy = advice(error, stats)
    others = [(other, apart) for other, apart in causes.items() if other != cause]
    return name(
        cause,
        None,
        summary,
        (f"{error.title}: {_often(error)}", *((passed,) if passed else ())),
        # Nothing in the log says that it was on the way to Kraken.
        confidence=Confidence.POSSIBLE if nameless and sign not in EXCHANGE_SIGNS else sure[len(causes) > 1],
        severity=Severity.WARN if passed and CAUSES[cause].severity is Severity.FAIL else None,
        remedy=remedy,
        error=error.title,
        possible=tuple(Alternative(f"{other}: {CAUSES[other].title}", apart) for other, apart in others),
    )


def _passed(error: ErrorStats, end: float | None) -> str:
    """Why it is thought to be over; empty where it is not."""
    if error.worked_after:
        return "it has passed: calls have worked since"
    calm = error.last is not None and end is not None and end - error.last >= _CALM_S
    if calm and error.kind in _PASSING and not error.gave_up_after:
        return f"not logged again since {when(error.last)}; whether calls work since is not logged"
    return ""


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


def _often(error: ErrorStats) -> str:
    if error.first is None:
        return f"{error.count}x"
    if error.count == 1:
        return f"once, {when(error.first)}"
    return f"{error.count}x, {when(error.first)} to {when(error.last)}"
