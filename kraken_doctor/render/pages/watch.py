"""`watch` in words: a line a change, the lines that stand on a terminal between the rounds, and the JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kraken_doctor.model.diagnosis import Severity
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.model.report import AccountReport, Change, FindingKey, Report
from kraken_doctor.render import phrases
from kraken_doctor.terminal.text import OUTCOME_WORDS, ascii_only, escape, symbols_for
from kraken_doctor.terminal.text import Terminal as Screen


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
    """One line: when, what it was and is, which findings are new and which gone."""
    parts = [f"new: {_name(finding)}" for finding in change.new] + [f"gone: {_name(found)}" for found in change.gone]
    named = {finding.account for finding in (*change.new, *change.gone)}
    parts += [
        f"{escape(label)}: {OUTCOME_WORDS[outcome]}" for label, outcome in change.accounts.items() if label not in named
    ]
    return f"{utc_timestamp(change.at_ns)}  {_moved(change)}: {'; '.join(parts) or escape(change.verdict)}"


def sentence_of(change: Change) -> str:
    """The same for a message to people, of our own words and the accounts' names alone: it may be read as markup."""
    causes = "; ".join(_name(finding) for finding in change.new)
    gone = "; ".join(_name(finding) for finding in change.gone)
    found = (f": {causes}" if causes else "") + (f", gone: {gone}" if gone else "")
    return f"kraken-doctor: {_moved(change)}{found}"


def document(change: Change) -> dict[str, Any]:
    """A change in the published JSON form, see schema.json."""
    return {
        "at": utc_timestamp(change.at_ns),
        "before": change.before.value if change.before else None,
        "outcome": change.outcome.value,
        "text": sentence_of(change),
        "new": [finding._asdict() for finding in change.new],
        "gone": [finding._asdict() for finding in change.gone],
        "accounts": {label: outcome.value for label, outcome in change.accounts.items()},
    }


def summary(made: int, changed: int, report: Report | None) -> str:
    """How it ended, in one line."""
    last = f" The last: {escape(phrases.verdict(report))}" if report else ""
    return f"{_many(made, 'round')}, {_many(changed, 'change')}.{last}"


def status_lines(seen: WatchStatus, width: int, *, unicode: bool = True) -> list[str]:
    """What stands on the terminal between two rounds, at most *width* cells a line."""
    from rich.cells import cell_len, set_cell_size

    symbols = symbols_for(Screen(unicode=unicode))
    shown = [
        f"Watching {escape(phrases.target(seen.report))} every {_span(seen.every_s)}, next in {_span(seen.next_s)}:"
        f" {_many(seen.made, 'round')}, the last {_span(seen.ago_s)} ago"
    ]
    accounts = seen.report.accounts
    column = max((cell_len(escape(account.label)) for account in accounts), default=0)
    mark = max(map(len, (symbols.passed, symbols.failed)))
    for account in accounts:
        name = set_cell_size(escape(account.label), column)
        shown.append(f"  {symbols.of(account.outcome):<{mark}} {name}  {_state(account, seen)}")
    common = [d for d in seen.report.diagnoses if d.account is None and d.severity is not Severity.INFO]
    shown += [f"  {symbols.warned} {phrases.SEVERITY_WORDS[d.severity]}: {escape(d.cause)}" for d in common]
    ellipsis = "…" if unicode else "..."
    if not unicode:
        shown = [ascii_only(line) for line in shown]
    return [
        line if cell_len(line) <= width else set_cell_size(line, width - len(ellipsis)) + ellipsis for line in shown
    ]


def _moved(change: Change) -> str:
    now = OUTCOME_WORDS[change.outcome]
    if change.before is None or change.before is change.outcome:
        return now
    return f"{now} (was {OUTCOME_WORDS[change.before]})"


def _state(account: AccountReport, seen: WatchStatus) -> str:
    word = {True: "connected", False: escape(phrases.said(account, seen.report)), None: "unknown"}[account.connected]
    said = f"{word}, for {_span(seen.since_s.get(account.label, 0.0))}"
    rests_s = seen.rests_s.get(account.label, 0.0)
    return f"{said}; asked again in {_span(rests_s)}" if rests_s else said


def _span(seconds: float) -> str:
    """In whole units, so that a countdown does not tremble."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _name(finding: FindingKey) -> str:
    return f"{escape(finding.account)} {finding.cause}" if finding.account else finding.cause
