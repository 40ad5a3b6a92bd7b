"""`watch` in words: a line a change, the lines that stand on a terminal between the rounds, and the JSON form."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kraken_doctor.model.findings import Outcome, Severity
from kraken_doctor.model.format import counted, utc_timestamp
from kraken_doctor.model.report import AccountReport, Change, FindingKey, Report
from kraken_doctor.render import phrases
from kraken_doctor.render.fold import Row, aligned, failing, fitted
from kraken_doctor.terminal.text import OUTCOME_WORDS, Symbols, escape, symbols_for
from kraken_doctor.terminal.text import Terminal as Screen

_NAMED_IN_A_MESSAGE = 3
"""Accounts by name: a phone shows a few lines, and the JSON form has them all."""

_MARKUP = re.compile(r"[<>@`*~|\[\]]")
"""What makes a mention, a link or a form of letters in some chat: a message may go to any of them."""

_SEVERITY_WORDS = {"fail": "FAILED", "warn": "WARNING"}


class WatchStatus(NamedTuple):
    """What is known between two rounds. Times in seconds."""

    every_s: float
    made: int
    ago_s: float
    """Since the last round."""
    next_s: float
    """Until the next one."""
    since_s: Mapping[str, float]
    """Account to how long it has been so."""
    rests_s: Mapping[str, float]
    """Account to how long it is still left alone."""
    report: Report


def line_of(change: Change) -> str:
    """One line: when, which findings are new and which are gone, each with all its accounts, so that a log can tell."""
    return f"{utc_timestamp(change.at_ns)}  {_moved(change, len(change.new) + len(change.gone))}"


def sentence_of(change: Change, host: str) -> str:
    """The same for a message to people, with the next step: of our own words and names alone, and free of markup."""
    # The verdict of a failure may quote whoever answered; that all checks passed is our own sentence.
    ours = change._replace(verdict="" if change.outcome is not Outcome.PASS else change.verdict)
    step = f". Next: {escape(change.next_step)}" if change.next_step and change.new else ""
    said = f"kraken-doctor{host and f' on {escape(host)}'}: {_moved(ours, _NAMED_IN_A_MESSAGE)}{step}"
    return _MARKUP.sub("", said)


def document(change: Change, host: str = "") -> dict[str, Any]:
    """A change on *host* in the published JSON form, see schema.json."""
    return {
        "at": utc_timestamp(change.at_ns),
        "before": change.before.value if change.before else None,
        "outcome": change.outcome.value,
        "text": sentence_of(change, host),
        "new": [finding._asdict() for finding in change.new],
        "gone": [finding._asdict() for finding in change.gone],
        "accounts": {label: outcome.value for label, outcome in change.accounts.items()},
    }


def other_watch(labels: Sequence[str], host: str) -> str:
    """What to say of another watch on the same keys."""
    return phrases.paragraph("other-watch", account=escape(phrases.listed(labels)), host=escape(host))


def summary(made: int, changed: int, report: Report | None) -> str:
    """How it ended, in one line."""
    last = f" The last: {escape(phrases.verdict(report))}" if report else ""
    return f"{counted(made, 'round')}, {counted(changed, 'change')}.{last}"


def status_lines(seen: WatchStatus, width: int, height: int = 24, *, unicode: bool = True) -> list[str]:
    """What stands on the terminal between two rounds: who fails first, the rest as a number where there is no room."""
    symbols = symbols_for(Screen(unicode=unicode))
    watching = f"Watching {escape(phrases.target(seen.report))} every {_span(seen.every_s)}"
    made = f"{counted(seen.made, 'round')}, the last {_span(seen.ago_s)} ago"
    shown = [f"{watching}, next in {_span(seen.next_s)}: {made}"]
    common = [d for d in seen.report.diagnoses if d.account is None and d.severity is not Severity.INFO]
    shown += [f"  {symbols.warned} {phrases.SEVERITY_WORDS[d.severity]}: {escape(d.cause)}" for d in common]
    accounts = sorted(seen.report.accounts, key=lambda account: (account.connected is True, account.connected is None))
    rows = [_row(account, seen, symbols) for account in accounts]
    if len(shown) + len(rows) <= height:
        shown += aligned(rows)
    else:
        well = sum(account.connected is True for account in accounts)
        shown += failing(rows[: len(rows) - well], width, max(0, height - len(shown) - bool(well)))
        shown += [f"  {symbols.passed} {well} connected"] if well else []
    return fitted(shown[:height], width, unicode=unicode)


def _moved(change: Change, most: int) -> str:
    """What failed and what was resolved, with *most* accounts by name; the verdict where that says nothing."""
    parts = [*_found("", change.new, most), *_found("RESOLVED", change.gone, most)]
    named = {finding.account for finding in (*change.new, *change.gone)}
    others = ((label, outcome) for label, outcome in change.accounts.items() if label not in named)
    parts += [f"{escape(label)} {OUTCOME_WORDS[outcome]}" for label, outcome in others]
    well = change.outcome is Outcome.PASS and change.before is not Outcome.PASS
    if parts:
        return "; ".join(parts) + (f". {escape(change.verdict)}" if well else "")
    verdict = escape(change.verdict.removeprefix("No verdict").lstrip(".: "))
    return OUTCOME_WORDS[change.outcome].upper() + (f": {verdict}" if verdict else "")


def _found(word: str, findings: Iterable[FindingKey], most: int) -> list[str]:
    """Each cause once, with whom it is about; without a *word* with that of its severity."""
    whom: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        kind = word or _SEVERITY_WORDS.get(finding.severity, "FAILED"), finding.cause
        whom.setdefault(kind, []).extend([escape(finding.account)] if finding.account else [])
    return [" ".join(filter(None, (kind, phrases.listed(names, most), cause))) for (kind, cause), names in whom.items()]


def _row(account: AccountReport, seen: WatchStatus, symbols: Symbols) -> Row:
    said = {True: "connected", False: escape(phrases.said(account, seen.report)), None: "unknown"}[account.connected]
    state = f"{said}, for {_span(seen.since_s.get(account.label, 0.0))}"
    rests_s = seen.rests_s.get(account.label, 0.0)
    state += f"; next check in {_span(rests_s)}" if rests_s else ""
    # What is unusable as written is said with the variable's name, of which no two are equal.
    causes = [] if account.error or account.connected is not False else phrases.failures(seen.report, account.label)
    return Row(symbols.of(account.outcome), escape(account.label), causes[0].cause if causes else said, state)


def _span(seconds: float) -> str:
    """In whole units, so that a countdown does not tremble."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
