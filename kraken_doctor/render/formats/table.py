"""For a person at a terminal: facts, then verdict, then one next step."""

import re
from collections import Counter

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kraken_doctor import __version__
from kraken_doctor.model.findings import CheckResult, Evidence, Outcome
from kraken_doctor.model.format import counted, milliseconds
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.render import grouping, phrases
from kraken_doctor.render.pages.findings import findings, may_be_empty
from kraken_doctor.render.rich_page import inset, listing, named, style_of, to_text
from kraken_doctor.terminal.text import OUTCOME_WORDS, Symbols, Terminal, escape, money, symbols_for

_STORES = {"sqlite": "SQLite", "redis": "Redis"}
_UNITS = {unit.value: unit.words for unit in NonceUnit}
_STARTER_CALLS = 15
"""The call counter of the smallest tier: https://docs.kraken.com/exchange/guides/rest/ratelimits"""

_TWO_COLUMNS = 100
"""From this width on the run's checks stand side by side."""

_AMOUNTS = ["USD", "USDT", "Total"]
_COLUMNS = ["Account", "Connected", *_AMOUNTS, "Unit", "Key"]
_NARROW_COLUMNS = ["Account", "Connected", "Total"]
_ALL_COLUMNS = 80
"""Below this width the table of accounts leaves out what the detail below it says again."""


_DETAILS = re.compile(
    r"path\.(dns\.(addresses|seconds)|tcp\.(address|seconds)|tls\.(version|seconds|issuer)|http\.first_byte|latency"
    r"|environment|proxy)|clock\.ntp\.agreeing|store\.name|credentials\.source|nonce\.unit|call\.\d+\.latency"
    r"|key\.(permissions|nonce_window|ip_allowlist)"
)
"""Facts that `-v` shows."""


def render(report: Report, terminal: Terminal, *, verbose: bool = False) -> str:
    """The whole page; *verbose* adds what is only worth knowing."""
    return grouping.fitted(report, lambda limits: to_text(_page(report, terminal, limits, verbose=verbose), terminal))


def _page(report: Report, terminal: Terminal, limits: grouping.Limits, *, verbose: bool) -> RenderableType:
    symbols = symbols_for(terminal)
    blocks: list[list[RenderableType]] = [[_header(report, symbols)], [environment(report, terminal)]]
    if len(report.accounts) > 1:
        blocks.append([accounts_table(report, terminal, limits)])
        if line := _said_once(report, symbols):
            blocks.append([Text(line, style="dim")])
    told = [account for account in report.accounts if grouping.told_singly(account, report)]
    blocks += [_connected(account, report, symbols) for account in told if account.connected]
    # One under the other: what they come to is told below, once.
    alike = grouping.alike(report)[: limits.names]
    failing = [(phrases.listed(labels), connected, said) for said, connected, labels in alike]
    # In front: these were asked for by name, or are few.
    failing[:0] = [(a.label, a.connected, phrases.said(a, report)) for a in told if not a.connected]
    blocks.append([_not_connected(*one, report, symbols) for one in failing])
    blocks += [findings(report, terminal, verbose=verbose, limits=limits)[1:], own_fault(report)[1:]]
    blocks.append([*(_details(report) if verbose else ())])
    blocks.append([Text(escape(phrases.verdict(report)), style=style_of(report.outcome))])
    parts = [part for block in blocks if block for part in (*block, "")]
    return Group(*parts[:-1])


def _header(report: Report, symbols: Symbols) -> Text:
    krakenex = report.environment.get("krakenex")
    parts = [f"kraken-doctor {__version__}", escape(phrases.target(report)), f"krakenex {krakenex}" if krakenex else ""]
    return Text(f" {symbols.dot} ".join(filter(None, parts)), style="bold")


def environment(report: Report, terminal: Terminal) -> RenderableType:
    """The run's own checks, side by side where there is room."""
    own, symbols = [result for result in report.checks if result.account is None], symbols_for(terminal)
    columns = 2 if terminal.width >= _TWO_COLUMNS else 1
    grid = Table.grid(padding=(0, 3, 0, 0))
    for _ in range(columns):
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")  # a path is to be seen to its end
    for start in range(0, len(own), columns):
        grid.add_row(*(cell for result in own[start : start + columns] for cell in _check(result, symbols)))
    return inset(grid)


def _check(result: CheckResult, symbols: Symbols, width: int = 0) -> tuple[Text, Text]:
    """Its mark and name, and what was seen: a long summary is folded beside the name, not below it."""
    style = style_of(result.outcome)
    name = Text().append(f"{symbols.of(result.outcome)} ", style=style).append(f"{result.id:<{width}}", style="bold")
    seen = Text()
    if result.outcome is not Outcome.PASS:
        seen.append(f"{OUTCOME_WORDS[result.outcome]}: ", style=style)
    return name, seen.append(escape(result.summary), style="default")


def accounts_table(report: Report, terminal: Terminal, limits: grouping.Limits = grouping.EVERYTHING) -> RenderableType:
    """One line an account, or for the first ones; a narrow screen has the total alone, and the parts below."""
    shown, more = grouping.in_table(report, limits)
    columns = _COLUMNS if terminal.width >= _ALL_COLUMNS else _NARROW_COLUMNS
    rows = [dict(zip(_COLUMNS, _row(account, symbols_for(terminal)), strict=True)) for account in shown]
    cells = [[row[column] for column in columns] for row in rows]
    table = listing(columns, cells, whole={*_COLUMNS} - {"Account", "Unit"}, right=_AMOUNTS)
    return Group(table, Text(more, style="dim")) if more else table


def _row(account: AccountReport, symbols: Symbols) -> list[str | Text]:
    balances, connected, nonce = account.balances, account.connected, account.nonce
    amounts = [money(a) for a in (balances.usd, balances.usdt, balances.total)] if balances else ["-"] * 3
    outcome = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.INCONCLUSIVE}[connected]
    if connected and account.outcome is Outcome.WARN:
        outcome = Outcome.WARN
    state = Text(f"{symbols.of(outcome)} {phrases.YES_NO[connected]}", style=style_of(outcome))
    return [escape(account.label), state, *amounts, nonce.unit if nonce else "-", account.key_tail or "-"]


def _connected(account: AccountReport, report: Report, symbols: Symbols) -> list[RenderableType]:
    """The contract's lines."""
    label, balances = escape(account.label), account.balances
    lines: list[RenderableType] = [
        Text(f"{symbols.connected} Connected to Kraken Pro API ({label})"),
        Text(f"{symbols.connected} KRAKEN PRO CONNECTED ({label})"),
    ]
    details = []
    if balances is not None:
        amounts = ("USD Balance", balances.usd), ("USDT Balance", balances.usdt), ("Total", balances.total)
        lines += [Text(f"   {name}: {money(amount)}") for name, amount in amounts]
        # Staked, earning or on hold. With rewards on, the plain code may stand at 0 and the whole amount here, so the
        # sum alone would look wrong: https://github.com/ccxt/ccxt/issues/24663
        if others := [f"{code} {amount}" for code, amount in balances.asset_codes.items() if "." in code]:
            details.append(f"including {', '.join(escape(other) for other in others)}")
        if beside := phrases.other_assets(balances):
            details.append(f"and {beside}")
    if note := may_be_empty(account, report):
        details.append(escape(note))
    line = _nonce_line(account, symbols)
    if line and line != _said_once(report, symbols):
        details.append(line)
    lines += [inset(Text(detail, style="dim"), 3) for detail in details]
    own = (result for result in phrases.undecided(report) if result.account == account.label)
    return [*lines, *(inset(Text(" ").join(_check(result, symbols, 10)), 3) for result in own)]


def _not_connected(label: str, connected: bool | None, said: str, report: Report, symbols: Symbols) -> Text:
    head, style = f"{symbols.refused} Kraken connection test failed", "bold red"
    if connected is None:
        state = "check incomplete" if report.outcome in phrases.NO_VERDICT else "not tested"
        head, style = f"{symbols.unknown} Kraken connection {state}", "bold magenta"
    return Text(f"{head} ({escape(label)}): {escape(said)}", style=style)


def _nonce_line(account: AccountReport, symbols: Symbols) -> str:
    """How this account's nonces were made; empty if none was."""
    nonce = account.nonce
    if nonce is None:
        return ""
    unit, store = _UNITS.get(nonce.unit, nonce.unit), _STORES.get(nonce.store, nonce.store)
    unit += f" ({escape(nonce.unit_from)})" if nonce.unit_from else ""
    made = f"{counted(account.private_calls, 'private call')} of the {_STARTER_CALLS} that a starter key has"
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
    rows = phrases.beside("In", map(escape, faults))
    rows += [("Do", phrases.paragraph("own-fault-remedy")), ("Run", phrases.OWN_FAULT_COMMAND)]
    head = Text("kraken-doctor itself failed", style="bold magenta")
    return ["", inset(Group(head, Text(phrases.OWN_FAULT), "", named(rows)))]


def _details(report: Report) -> list[RenderableType]:
    """What ``-v`` adds: addresses, times, and where each value comes from, by the names that the JSON report has."""
    told = {None, *(account.label for account in report.accounts if grouping.told_singly(account, report))}
    rows = {
        (result.account, item.name): [result.account or "", item.name, _value(item), item.source]
        for result in report.checks
        for item in result.evidence
        if result.account in told and _DETAILS.fullmatch(item.name)
    }
    return [listing(["Account", "Fact", "Value", "From"], list(rows.values()), whole=("Fact",))] if rows else []


def _value(item: Evidence) -> str:
    timed = item.unit == "s" and isinstance(item.value, float)
    return milliseconds(float(str(item.value))) if timed else phrases.fact(item)
