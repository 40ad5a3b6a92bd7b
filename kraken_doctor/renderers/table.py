"""For a person at a terminal: facts, then verdict, then one next step."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kraken_doctor import __version__
from kraken_doctor.model.diagnosis import Severity
from kraken_doctor.model.evidence import CheckResult, Outcome
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.renderers.findings import findings
from kraken_doctor.renderers.screen import style_of, to_text
from kraken_doctor.renderers.text import OUTCOME_WORDS, UNICODE_MARKS, Marks, Terminal, marks, money, plain

_STORES = {"sqlite": "SQLite", "redis": "Redis"}
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "10ns": "10-ns ticks", "ns": "nanoseconds"}
_STARTER_CALLS = 15
"""The call counter of the smallest tier: https://docs.kraken.com/exchange/guides/rest/ratelimits"""

_TWO_COLUMNS = 100
"""From this width on the run's checks stand side by side."""

_ALL_COLUMNS = 80
"""Below this width the table of accounts leaves out what the detail below it says again."""


def render(report: Report, terminal: Terminal, *, verbose: bool = False) -> str:
    """The whole page; *verbose* adds what is only worth knowing."""
    signs = marks(terminal)
    parts: list[RenderableType] = [_header(report, signs), "", environment(report, terminal, signs), ""]
    if len(report.accounts) > 1:
        parts += [accounts_table(report, terminal, signs), ""]
        if line := _said_once(report):
            parts += [Text(line, style="dim"), ""]
    # What fails stands last: that is where the eye is when the command ends.
    for account in sorted(report.accounts, key=lambda account: account.balances is None):
        parts.append(_account(account, report, signs))
        parts += [*findings(report.diagnoses, account.label, signs, verbose=verbose), ""]
    common = findings(report.diagnoses, None, signs, verbose=verbose)
    parts += [*common[1:], *([""] if common else []), _closing(report)]
    return to_text(Group(*parts), terminal)


def _header(report: Report, signs: Marks) -> Text:
    target = "embedded exchange (sandbox)" if report.sandbox else report.api_url.partition("://")[2]
    krakenex = report.environment.get("krakenex")
    parts = [f"kraken-doctor {__version__}", plain(target), f"krakenex {krakenex}" if krakenex else ""]
    return Text(f" {signs.dot} ".join(filter(None, parts)), style="bold")


def environment(report: Report, terminal: Terminal, signs: Marks) -> RenderableType:
    """The run's own checks, side by side where there is room."""
    cells = [_check(result, signs) for result in report.checks if result.account is None]
    columns = 2 if terminal.width >= _TWO_COLUMNS else 1
    grid = Table.grid(padding=(0, 3, 0, 0))
    for start in range(0, len(cells), columns):
        grid.add_row(*cells[start : start + columns])
    return Padding(grid, (0, 0, 0, 2))


def _check(result: CheckResult, signs: Marks) -> Text:
    style = style_of(result.outcome)
    text = Text(f"{signs.of(result.outcome)} ", style=style)
    text.append(f"{result.id:<10} ", style="bold")
    if result.outcome is not Outcome.PASS:
        text.append(f"{OUTCOME_WORDS[result.outcome]}: ", style=style)
    return text.append(plain(result.summary), style="default")


def accounts_table(report: Report, terminal: Terminal, signs: Marks) -> Table:
    """One line an account."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Account", overflow="fold")
    table.add_column("Connected")
    for column in ("USD", "USDT", "Total"):
        table.add_column(column, justify="right")
    if terminal.width >= _ALL_COLUMNS:
        table.add_column("Nonce")
        table.add_column("Key")
    for account in report.accounts:
        table.add_row(*_row(account, signs)[: len(table.columns)])
    return table


def _row(account: AccountReport, signs: Marks) -> list[Text]:
    balances = account.balances
    amounts = [money(a) for a in (balances.usd, balances.usdt, balances.total)] if balances else ["-"] * 3
    return [
        Text(plain(account.label)),
        Text(f"{signs.of(account.outcome)} {'yes' if balances else 'no'}", style=style_of(account.outcome)),
        *(Text(amount) for amount in amounts),
        Text(account.nonce.unit if account.nonce else "-"),
        Text(plain(account.key) or "-"),
    ]


def _account(account: AccountReport, report: Report, signs: Marks) -> RenderableType:
    label, balances = plain(account.label), account.balances
    if balances is None:
        said = account.error or _first_summary(account, report)
        return Text(f"{signs.refused} Kraken connection test failed ({label}): {plain(said)}", style="bold red")
    details = []
    if others := [f"{code} {amount}" for code, amount in balances.forms.items() if "." in code]:
        details.append(f"including {', '.join(plain(other) for other in others)}")
    if not _said_once(report) and (line := _nonce_line(account, signs)):
        details.append(line)
    return Group(
        Text(f"{signs.connected} Connected to Kraken Pro API ({label})"),
        Text(f"{signs.connected} KRAKEN PRO CONNECTED ({label})"),
        Text(f"   USD Balance: {money(balances.usd)}"),
        Text(f"   USDT Balance: {money(balances.usdt)}"),
        Text(f"   Total: {money(balances.total)}"),
        *(Padding(Text(detail, style="dim"), (0, 0, 0, 3)) for detail in details),
    )


def _nonce_line(account: AccountReport, signs: Marks) -> str:
    """How this account's nonces were made; empty if none was."""
    nonce = account.nonce
    if nonce is None:
        return ""
    unit, store = _UNITS.get(nonce.unit, nonce.unit), _STORES.get(nonce.store, nonce.store)
    calls = f"{account.private_calls} private call{'' if account.private_calls == 1 else 's'}"
    made = f"{calls} of the {_STARTER_CALLS} that a starter key has"
    return f"Nonce generator installed: {unit}, in order, {store} {signs.dot} {made}"


def _said_once(report: Report) -> str:
    """The line about the nonces where it is the same for several accounts; else empty."""
    lines = {_nonce_line(account, UNICODE_MARKS) for account in report.accounts}
    return lines.pop() if len(report.accounts) > 1 and len(lines) == 1 else ""


def _first_summary(account: AccountReport, report: Report) -> str:
    """What to put behind "failed" when the exchange said nothing."""
    for diagnosis in report.diagnoses:
        if diagnosis.account in (account.label, None) and diagnosis.severity is Severity.FAIL:
            return diagnosis.summary.rstrip(".")
    own = [result for result in report.checks if result.account == account.label]
    return next((result.summary for result in own if result.outcome is not Outcome.PASS), "no verdict")


def _closing(report: Report) -> Text:
    words = {
        Outcome.PASS: "All well.",
        Outcome.WARN: "It works, with a warning.",
        Outcome.FAIL: "Not everything works.",
    }.get(report.outcome, "No verdict: something could not be checked.")
    failing, count = sum(account.outcome is Outcome.FAIL for account in report.accounts), len(report.accounts)
    if failing:
        words = f"{failing} of {count} account{'' if count == 1 else 's'} failing."
    primary = report.primary
    if primary is not None and primary.severity is Severity.FAIL:
        words += f" First: {primary.cause}."
    return Text(words, style=style_of(report.outcome))
