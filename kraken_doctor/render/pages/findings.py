"""Diagnoses on the screen: a failure in full, a warning in two lines."""

from rich.console import Group, RenderableType
from rich.text import Text

from kraken_doctor.model.findings import Confidence, Diagnosis, Severity
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.render.grouping import EVERYTHING, Limits, grouped
from kraken_doctor.render.phrases import SEVERITY_WORDS, beside, cure, details, listed
from kraken_doctor.render.rich_page import SEVERITY_STYLES, inset, named
from kraken_doctor.terminal.text import PROSE_LIMIT_CHARACTERS, Terminal, escape, symbols_for


def findings(
    report: Report, terminal: Terminal, *, verbose: bool = False, limits: Limits = EVERYTHING
) -> list[RenderableType]:
    """The findings, in the order in which they are to be read; what is only worth knowing with *verbose*."""
    parts: list[RenderableType] = []
    for position, (diagnosis, accounts) in enumerate(grouped(report, notes=verbose)):
        whose = listed([escape(label) for label in accounts], limits.names) if len(report.accounts) > 1 else ""
        if position <= limits.full:
            parts.append("")
        if position >= limits.full:
            parts.append(inset(_line(diagnosis, whose)))
        elif diagnosis.severity is Severity.FAIL:
            parts.append(inset(_failure(diagnosis, whose)))
        else:
            parts.append(inset(_remark(diagnosis, whose, symbols_for(terminal).warned)))
    return parts


def may_be_empty(account: AccountReport, report: Report) -> str:
    """Return what to say beside balances of zero that no answer has stated; empty where one has."""
    found = (d for d in report.diagnoses if d.cause == "account-empty" and d.account in (account.label, None))
    return next((f"{d.summary}: {d.because[0]}" for d in found if d.confidence is not Confidence.CERTAIN), "")


def _line(diagnosis: Diagnosis, whose: str) -> Text:
    """What there is no room for in full."""
    head = Text(f"{SEVERITY_WORDS[diagnosis.severity]}: ", style=SEVERITY_STYLES[diagnosis.severity])
    head.append(f"{diagnosis.cause}", style="bold")
    return head.append(f"{f' in {whose}' if whose else ''} (kraken-doctor explain {diagnosis.cause})")


def _failure(diagnosis: Diagnosis, whose: str) -> RenderableType:
    """Facts, what remains possible, what to do and what not."""
    rows = [("Accounts" if ", " in whose else "Account", whose)] if whose else []
    for name, texts in details(diagnosis, without="The exchange said"):
        rows += beside(name, (escape(text, PROSE_LIMIT_CHARACTERS) for text in texts))
    head = Text(diagnosis.cause, style=f"bold {SEVERITY_STYLES[diagnosis.severity]}")
    head.append(f" ({diagnosis.confidence.value})", style="default")
    more = Text(f"More: kraken-doctor explain {diagnosis.cause}", style="dim")
    return Group(head, Text(escape(diagnosis.summary)), "", named(rows), "", more)


def _remark(diagnosis: Diagnosis, whose: str, symbol: str) -> RenderableType:
    """What is wrong and why, then what to do."""
    word, style = SEVERITY_WORDS[diagnosis.severity], SEVERITY_STYLES[diagnosis.severity]
    head = Text(f"{symbol} {word}: ", style=style).append(diagnosis.cause, style=f"bold {style}")
    head.append(f" ({whose})" if whose else "", style="default")
    because = f" ({'; '.join(escape(fact) for fact in diagnosis.because)})" if diagnosis.because else ""
    lines = [Text(f"{escape(diagnosis.summary)}{because}")]
    for heading, texts in cure(diagnosis.remedy):
        before = {"Do": "", "Don't": "Don't "}.get(heading, f"{heading}: ")
        lines += [Text(f"{before}{escape(text, PROSE_LIMIT_CHARACTERS)}") for text in texts if text]
    return Group(head, inset(Group(*lines)))
