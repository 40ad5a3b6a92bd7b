"""What a page about many accounts has room for: what they share is said once, with their names."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from kraken_doctor.model.findings import Diagnosis, Remedy, by_kind
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.render.phrases import YES_NO, failures, listed, ranked, said

FEW = 4
"""So many accounts, or facts of single ones, are told one by one; of more that were not named only what they share."""

_MOST_LINES = 80
"""Of a page about many accounts: it is to be read, and the JSON has all."""


class Limits(NamedTuple):
    """How much of each kind a page has room for."""

    rows: int
    """Accounts in the table."""
    names: int
    """Accounts that are listed by name."""
    full: int
    """Findings in full; the others have a line."""


EVERYTHING = Limits(1000, 1000, 1000)
_LIMITS = (EVERYTHING, Limits(24, 100, 3), Limits(8, 100, 1), Limits(8, 20, 1), Limits(4, 2, 1))
"""Tried in this order: who is concerned is worth more than rows of a table."""


def fitted(report: Report, page: Callable[[Limits], str]) -> str:
    """*page* with as much in it as fits on one that can be read; that of few accounts as it is."""
    text = ""
    for limits in _LIMITS:
        text = page(limits)
        if len(report.accounts) <= FEW or text.count("\n") <= _MOST_LINES:
            break
    return text


def in_table(report: Report, limits: Limits) -> tuple[tuple[AccountReport, ...], str]:
    """The accounts that a table has room for, and a line about the others: those not connected are told below."""
    if len(report.accounts) <= limits.rows:
        return report.accounts, ""
    ordered = sorted(report.accounts, key=lambda account: account.connected is not True)
    rest = Counter(YES_NO[account.connected] for account in ordered[limits.rows :])
    said_of = ", ".join(f"{count} {word}" for word, count in rest.items())
    return tuple(ordered[: limits.rows]), f"and {rest.total()} more (connected: {said_of}); -o json has all"


def told_singly(account: AccountReport, report: Report) -> bool:
    """Whether *account* has lines of its own: it was named, or there are few."""
    return account.label in report.named or len(report.accounts) <= FEW


def alike(report: Report) -> list[tuple[str, bool | None, list[str]]]:
    """What is said of accounts that are not connected and have no lines of their own, once, with their labels."""

    def kind(account: AccountReport) -> tuple[str, bool | None]:
        found = [] if account.error else failures(report, account.label)
        return found[0].cause if found else said(account, report), account.connected

    others = (a for a in report.accounts if a.connected is not True and not told_singly(a, report))
    return [(what, connected, [a.label for a in same]) for (what, connected), same in by_kind(others, kind).items()]


def grouped(report: Report, *, notes: bool = False) -> list[tuple[Diagnosis, tuple[str, ...]]]:
    """What `ranked` has, each cause once, with the accounts that have it; none where it is the run's own."""
    groups = by_kind(ranked(report, notes=notes), _kind).values()
    return [(_merged(found), tuple(d.account for d in found if d.account)) for found in groups]


def _kind(diagnosis: Diagnosis) -> tuple[object, ...]:
    # Of an account the summary may name its own variable or date, which would make a group of each.
    summary = diagnosis.summary if diagnosis.account is None else None
    return diagnosis.cause, diagnosis.severity, summary


def _merged(found: list[Diagnosis]) -> Diagnosis:
    """What all of *found* say, and the first few of what each says of its own account."""
    first, *others = found
    if not others:
        return first
    summary = first.summary
    if all(other.summary == summary for other in others):
        because = _shared(found, lambda d: d.because)
    else:
        from kraken_doctor.diagnosis.causes import CAUSES  # a healthy run never needs their texts

        summary = CAUSES[first.cause].title if first.cause in CAUSES else summary
        because = _shared(found, lambda d: (d.summary.rstrip("."), *d.because))
    possible = {p.text: replace(p, told_apart_by=_any_account(p.told_apart_by)) for d in found for p in d.possible}
    text = " ".join(_shared(found, lambda d: (d.remedy.text,)))
    commands = tuple(dict.fromkeys(command for d in found for command in d.remedy.commands))[:FEW]
    remedy = Remedy(text, commands, _any_account(first.remedy.otherwise), first.remedy.avoid)
    return replace(first, summary=summary, because=because, possible=tuple(possible.values()), remedy=remedy)


def _shared(found: list[Diagnosis], texts_of: Callable[[Diagnosis], tuple[str, ...]]) -> tuple[str, ...]:
    """The texts of all of *found*; behind them those of single accounts, of the first few."""
    count = Counter(text for diagnosis in found for text in dict.fromkeys(texts_of(diagnosis)))
    own: dict[str, list[str]] = {}
    for diagnosis in found:
        mine = "; ".join(text for text in texts_of(diagnosis) if count[text] < len(found))
        if mine:
            own.setdefault(mine, []).append(diagnosis.account or "")
    lines = [f"{listed(accounts)}: {text}" for text, accounts in own.items()]
    more = (f"and {len(lines) - FEW} more like these",) if len(lines) > FEW else ()
    return (*(text for text in texts_of(found[0]) if count[text] == len(found)), *lines[:FEW], *more)


def _any_account(text: str) -> str:
    # It is the first account's command, and would be read as what to do for all of them.
    return re.sub(r"--user \S+|--master\b", "--user NAME", text)
