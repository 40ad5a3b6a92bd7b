"""For an issue, a pull request or a job's summary: GitHub-flavoured Markdown, with foreign text as text."""

import re
from collections.abc import Iterable, Sequence

from kraken_doctor import __version__
from kraken_doctor.model.findings import CheckResult, Diagnosis
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.render import grouping, phrases
from kraken_doctor.terminal.text import OUTCOME_WORDS, PROSE_LIMIT_CHARACTERS, escape, money

# What CommonMark or GitHub's dialect gives a meaning to anywhere; an underscore has one but inside a word.
_PUNCTUATION = re.compile(r"([\\`*\[\]<>~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")

# The same at the start of a line: a list, a heading, a rule.
_OPENING = re.compile(r"^(\d{0,9})(?=[.)](?:\s|$)|[-+](?:\s|$)|#{1,6}(?:\s|$)|[-=]+\s*$)")

# What GitHub turns into a link or a message to somebody, backslash or not: only code is left alone.
_REACHES_OUT = re.compile(r"(?<!\S)\S*(?:@|://|www\.|#\d)\S*")


def render(report: Report, *, notes: bool = False) -> str:
    """The page; *notes* adds what is only worth knowing, and leaves nothing out for its length."""
    if notes:
        return _page(report, grouping.EVERYTHING, notes=True)
    return grouping.fitted(report, lambda limits: _page(report, limits))


def _page(report: Report, limits: grouping.Limits, *, notes: bool = False) -> str:
    krakenex = report.environment.get("krakenex")
    used = f", krakenex {text(str(krakenex))}" if krakenex else ""
    host = f", on {code(report.host)}" if report.host else ""
    where = f"{code(phrases.target(report))}, {phrases.began(report)}{host}{used}"
    parts = [
        f"### kraken-doctor {text(__version__)} {text(report.command)}: {OUTCOME_WORDS[report.outcome]}\n",
        f"{where}\n",
        f"**{text(phrases.verdict(report))}**\n",
    ]
    if report.accounts:
        parts.append(accounts(report, limits))
    if found := grouping.grouped(report, notes=notes):
        parts += ["#### Findings\n", *(finding(*one, limits=limits, position=at) for at, one in enumerate(found))]
    if faults := phrases.own_faults(report):
        said, run = "".join(f"- In {text(fault)}\n" for fault in faults), code(phrases.OWN_FAULT_COMMAND)
        parts += ["#### kraken-doctor itself failed\n", said, f"{phrases.OWN_FAULT}\n", f"- Run: {run}\n"]
    parts += ["#### Checks\n", checks(report, together=not notes)]
    return "\n".join(parts)


def accounts(report: Report, limits: grouping.Limits = grouping.EVERYTHING) -> str:
    """The table of accounts; a report for the public has neither amounts nor a key's letters, but key ids."""
    private = any(account.balances or account.key_tail for account in report.accounts)
    columns = ("USD", "USDT", "Total", "Nonce", "Key") if private else ("Nonce", "Key id")
    shown, more = grouping.in_table(report, limits)
    rows = (_account(account, report, private=private) for account in shown)
    return table(("Account", "Connected", *columns), rows) + (f"\n{text(more)}\n" if more else "")


def checks(report: Report, *, together: bool = False) -> str:
    """The table of checks; *together*, those of many accounts that ended alike have one line."""
    found: dict[tuple[object, ...], list[CheckResult]] = {}
    for at, result in enumerate(report.checks):
        many = together and result.account and len(report.accounts) > grouping.FEW
        found.setdefault((result.id, result.outcome) if many else (at,), []).append(result)
    rows = []
    for first, *others in found.values():
        whose = f"{len(others) + 1} accounts" if others else code(first.account) if first.account else ""
        same = all(other.summary == first.summary for other in others)
        rows.append((code(first.id), whose, OUTCOME_WORDS[first.outcome], text(first.summary) if same else ""))
    return table(("Check", "Account", "Outcome", "Result"), rows)


def finding(
    diagnosis: Diagnosis, accounts: Sequence[str], *, position: int = 0, limits: grouping.Limits = grouping.EVERYTHING
) -> str:
    """One diagnosis of *accounts*: its proof, its cure, and what not to do; beyond the limits its name alone."""
    whose = f", {code(phrases.listed(accounts, limits.names))}" if accounts else ""
    severity = phrases.SEVERITY_WORDS[diagnosis.severity]
    first = "" if position else ": fix first"
    head = f"**{text(diagnosis.cause)}** ({severity}, {diagnosis.confidence.value}{whose}){first}"
    if position >= limits.full:
        return f"{head}\n"
    lines = [head, "", text(diagnosis.summary), ""]
    for name, texts in phrases.details(diagnosis, without="Explains"):
        shown = code if name in phrases.LITERAL else text
        lines += [f"- {name}: {shown(one)}" for one in texts]
    return "\n".join(lines) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells that are Markdown already, as a table."""
    # GitHub splits a row at each "|" before it reads what is in a cell: inside code, too, it needs the backslash.
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def text(foreign: str) -> str:
    """A sentence, with whatever stands in it, as nothing but words."""
    shown = escape(foreign, PROSE_LIMIT_CHARACTERS)
    parts: list[str] = []
    end = 0
    for match in _REACHES_OUT.finditer(shown):
        parts += [_PUNCTUATION.sub(r"\\\1", shown[end : match.start()]), code(match[0])]
        end = match.end()
    parts.append(_PUNCTUATION.sub(r"\\\1", shown[end:]))
    return _OPENING.sub(r"\1\\", "".join(parts).strip())


def code(foreign: str) -> str:
    """A value, letter for letter; nothing in it ends the code."""
    # Backticks with nothing between them are no code: GitHub would show the backticks.
    shown = escape(foreign).strip() or " "
    # A fence longer than any run of backticks inside; the blanks keep one at either end apart from it.
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if "`" in shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _account(account: AccountReport, report: Report, *, private: bool) -> tuple[str, ...]:
    balances = account.balances
    state = {True: "yes", False: f"no: {code(phrases.said(account, report))}", None: "unknown"}[account.connected]
    unit = text(account.nonce.unit) if account.nonce else ""
    if not private:
        return code(account.label), state, unit, code(account.key_id) if account.key_id else ""
    amounts = [money(a) for a in (balances.usd, balances.usdt, balances.total)] if balances else [""] * 3
    return code(account.label), state, *map(text, amounts), unit, code(account.key_tail) if account.key_tail else ""
