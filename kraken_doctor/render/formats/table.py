"""For a person at a terminal: facts, then verdict, then one next step."""

from __future__ import annotations

from collections import Counter

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kraken_doctor import __version__
from kraken_doctor.model.report import AccountReport, CheckResult, Outcome, Report
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.render import phrases
from kraken_doctor.render.pages.details import details
from kraken_doctor.render.pages.findings import findings
from kraken_doctor.render.phrases import Limits
from kraken_doctor.render.rich_page import Words, style_of, to_text
from kraken_doctor.terminal.text import OUTCOME_WORDS, Symbols, Terminal, escape, money, symbols_for

_STORES = {"sqlite": "SQLite", "redis": "Redis"}
_UNITS = {unit.value: unit.words for unit in NonceUnit}
_STARTER_CALLS = 15
"""The call counter of the smallest tier: https://docs.kraken.com/exchange/guides/rest/ratelimits"""

_TWO_COLUMNS = 100
"""From this width on the run's checks stand side by side."""

_ALL_COLUMNS = 80
"""Below this width the table of accounts leaves out what the detail below it says again."""


def render(report: Report, terminal: Terminal, *, verbose: bool = False) -> str:
    """The whole page; *verbose* adds what is only worth knowing."""
    return phrases.fitted(report, lambda limits: to_text(_page(report, terminal, limits, verbose=verbose), terminal))


def _page(report: Report, terminal: Terminal, limits: Limits, *, verbose: bool) -> RenderableType:
    symbols = symbols_for(terminal)
    blocks: list[list[RenderableType]] = [[_header(report, symbols)], [environment(report, terminal, symbols)]]
    if len(report.accounts) > 1:
        blocks.append([accounts_table(report, terminal, symbols, limits)])
        if line := _said_once(report, symbols):
            blocks.append([Text(line, style="dim")])
    told = [account for account in report.accounts if phrases.told_singly(account, report)]
    blocks += [_connected(account, report, symbols) for account in told if account.connected]
    # One under the other: what they come to is told below, once.
    failing: list[RenderableType] = [
        _not_connected(account.label, account.connected, phrases.said(account, report), report, symbols)
        for account in told
        if not account.connected
    ]
    failing += [
        _not_connected(phrases.listed(labels), connected, said, report, symbols)
        for said, connected, labels in phrases.alike(report)[: limits.names]
    ]
    blocks += [failing, findings(report, symbols, verbose=verbose, limits=limits)[1:], own_fault(report)[1:]]
    blocks.append([*(details(report)[:-1] if verbose else ())])
    blocks.append([_closing(report)])
    parts = [part for block in blocks if block for part in (*block, "")]
    return Group(*parts[:-1])


def _header(report: Report, symbols: Symbols) -> Text:
    krakenex = report.environment.get("krakenex")
    parts = [f"kraken-doctor {__version__}", escape(phrases.target(report)), f"krakenex {krakenex}" if krakenex else ""]
    return Text(f" {symbols.dot} ".join(filter(None, parts)), style="bold")


def environment(report: Report, terminal: Terminal, symbols: Symbols) -> RenderableType:
    """The run's own checks, side by side where there is room."""
    own = [result for result in report.checks if result.account is None]
    columns = 2 if terminal.width >= _TWO_COLUMNS else 1
    grid = Table.grid(padding=(0, 3, 0, 0))
    for _ in range(columns):
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")  # a path is to be seen to its end
    for start in range(0, len(own), columns):
        grid.add_row(*(cell for result in own[start : start + columns] for cell in _cells(result, symbols)))
    return Padding(grid, (0, 0, 0, 2))


def _cells(result: CheckResult, symbols: Symbols) -> tuple[Text, Text]:
    """Its mark and name, and what was seen: a long summary is folded beside the name, not below it."""
    style = style_of(result.outcome)
    name = Text().append(f"{symbols.of(result.outcome)} ", style=style).append(result.id, style="bold")
    seen = Text()
    if result.outcome is not Outcome.PASS:
        seen.append(f"{OUTCOME_WORDS[result.outcome]}: ", style=style)
    return name, seen.append(escape(result.summary), style="default")


def _check(result: CheckResult, symbols: Symbols) -> Text:
    style = style_of(result.outcome)
    text = Text(f"{symbols.of(result.outcome)} ", style=style)
    text.append(f"{result.id:<10} ", style="bold")
    if result.outcome is not Outcome.PASS:
        text.append(f"{OUTCOME_WORDS[result.outcome]}: ", style=style)
    return text.append(escape(result.summary), style="default")


def accounts_table(
    report: Report, terminal: Terminal, symbols: Symbols, limits: Limits = phrases.EVERYTHING
) -> RenderableType:
    """One line an account, or for the first ones; a narrow screen has the total alone, and the parts below."""
    wide = terminal.width >= _ALL_COLUMNS
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Account", overflow="fold")
    table.add_column("Connected", no_wrap=True)
    for column in ("USD", "USDT", "Total") if wide else ("Total",):
        table.add_column(column, justify="right", no_wrap=True)
    if wide:
        table.add_column("Unit")
        table.add_column("Key", no_wrap=True)
    shown, more = phrases.in_table(report, limits)
    for account in shown:
        table.add_row(*_row(account, symbols, wide=wide))
    return Group(table, Text(more, style="dim")) if more else table


def _row(account: AccountReport, symbols: Symbols, *, wide: bool) -> list[Text]:
    balances, connected = account.balances, account.connected
    amounts = [money(a) for a in (balances.usd, balances.usdt, balances.total)] if balances else ["-"] * 3
    mark, style = {
        True: (symbols.passed, "green"), False: (symbols.failed, "red"), None: (symbols.unknown, "magenta"),
    }[connected]  # fmt: skip
    if connected and account.outcome is Outcome.WARN:
        mark, style = symbols.warned, "yellow"
    row = [
        Words(escape(account.label)),
        Text(f"{mark} {phrases.YES_NO[connected]}", style=style),
        *(Text(amount) for amount in (amounts if wide else amounts[2:])),
    ]
    return (
        [*row, Text(account.nonce.unit if account.nonce else "-"), Text(escape(account.key_tail) or "-")]
        if wide
        else row
    )


def _connected(account: AccountReport, report: Report, symbols: Symbols) -> list[RenderableType]:
    """The contract's lines."""
    label, balances = escape(account.label), account.balances
    lines: list[RenderableType] = [
        Text(f"{symbols.connected} Connected to Kraken Pro API ({label})"),
        Text(f"{symbols.connected} KRAKEN PRO CONNECTED ({label})"),
    ]
    details = []
    if balances is not None:
        lines.append(Text(f"   USD Balance: {money(balances.usd)}"))
        lines.append(Text(f"   USDT Balance: {money(balances.usdt)}"))
        lines.append(Text(f"   Total: {money(balances.total)}"))
        if others := [f"{code} {amount}" for code, amount in balances.asset_codes.items() if "." in code]:
            details.append(f"including {', '.join(escape(other) for other in others)}")
        if beside := phrases.other_assets(balances):
            details.append(f"and {beside}")
    if note := phrases.may_be_empty(account, report):
        details.append(escape(note))
    line = _nonce_line(account, symbols)
    if line and line != _said_once(report, symbols):
        details.append(line)
    lines += [Padding(Text(detail, style="dim"), (0, 0, 0, 3)) for detail in details]
    for result in phrases.undecided(report):
        if result.account == account.label:
            lines.append(Padding(_check(result, symbols), (0, 0, 0, 3)))
    return lines


def _not_connected(label: str, connected: bool | None, said: str, report: Report, symbols: Symbols) -> Text:
    if connected is None:
        state = "check incomplete" if report.outcome in phrases.NO_VERDICT else "not tested"
        return Text(
            f"{symbols.unknown} Kraken connection {state} ({escape(label)}): {escape(said)}", style="bold magenta"
        )
    return Text(f"{symbols.refused} Kraken connection test failed ({escape(label)}): {escape(said)}", style="bold red")


def _nonce_line(account: AccountReport, symbols: Symbols) -> str:
    """How this account's nonces were made; empty if none was."""
    nonce = account.nonce
    if nonce is None:
        return ""
    unit, store = _UNITS.get(nonce.unit, nonce.unit), _STORES.get(nonce.store, nonce.store)
    unit += f" ({escape(nonce.unit_from)})" if nonce.unit_from else ""
    calls = f"{account.private_calls} private call{'' if account.private_calls == 1 else 's'}"
    made = f"{calls} of the {_STARTER_CALLS} that a starter key has"
    return f"Nonce generator installed: {unit}, in order, {store} {symbols.dot} {made}"


def _said_once(report: Report, symbols: Symbols) -> str:
    """The line about the nonces that most of several accounts share; those that differ say their own."""
    lines = Counter(_nonce_line(account, symbols) for account in report.accounts if account.connected)
    line, count = lines.most_common(1)[0] if lines else ("", 0)
    return line if count > 1 else ""


def own_fault(report: Report) -> list[RenderableType]:
    """What the doctor itself broke at, whose fault that is, and whom to tell; nothing where nothing did."""
    if not (faults := phrases.own_faults(report)):
        return []
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    for position, fault in enumerate(faults):
        grid.add_row("" if position else "In", Text(escape(fault)))
    grid.add_row("Do", Text(phrases.OWN_FAULT_REMEDY))
    grid.add_row("Run", Text(phrases.OWN_FAULT_COMMAND))
    head = Text("kraken-doctor itself failed", style="bold magenta")
    return ["", Padding(Group(head, Text(phrases.OWN_FAULT), "", grid), (0, 0, 0, 2))]


def _closing(report: Report) -> Text:
    return Text(escape(phrases.verdict(report)), style=style_of(report.outcome))
