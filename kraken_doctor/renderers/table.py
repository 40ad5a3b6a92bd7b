"""For a person at a terminal: facts, then verdict, then one next step."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kraken_doctor import __version__
from kraken_doctor.model.diagnosis import Diagnosis, Severity
from kraken_doctor.model.evidence import CheckResult, Outcome
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.renderers.text import OUTCOME_WORDS, Marks, Terminal, ascii_only, marks, money, plain

# Sixteen-colour names: the terminal's own palette is legible on its own background, light or dark.
_STYLES = {Outcome.PASS: "green", Outcome.WARN: "yellow", Outcome.FAIL: "red", Outcome.SKIP: "dim"}
_SEVERITY_STYLES = {Severity.FAIL: "red", Severity.WARN: "yellow", Severity.INFO: "cyan"}
_STORES = {"sqlite": "SQLite", "redis": "Redis", "memory": "memory"}
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "10ns": "10-ns ticks", "ns": "nanoseconds"}
_STARTER_CALLS = 15
"""The call counter of the smallest tier: https://docs.kraken.com/exchange/guides/rest/ratelimits"""


def render(report: Report, terminal: Terminal, *, verbose: bool = False) -> str:
    """The whole page; with *verbose* what is only worth knowing, and every fact, too."""
    page = _Page(report, terminal, verbose=verbose)
    console = Console(
        file=io.StringIO(),
        width=terminal.width,
        color_system="standard" if terminal.colour else None,
        force_terminal=terminal.colour,
        legacy_windows=False,
        safe_box=not terminal.unicode,
        _environ={},
    )
    console.print(page.build())
    text = console.file.getvalue()  # type: ignore[attr-defined] # the StringIO from above
    text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    return text if terminal.unicode else ascii_only(text)


class _Page:
    def __init__(self, report: Report, terminal: Terminal, *, verbose: bool) -> None:
        self._report = report
        self._terminal = terminal
        self._verbose = verbose
        self._marks: Marks = marks(terminal)

    def build(self) -> RenderableType:
        report = self._report
        healthy = [account for account in report.accounts if account.balances is not None]
        broken = [account for account in report.accounts if account.balances is None]
        parts: list[RenderableType] = [self._header(), "", self._environment()]
        if len(report.accounts) > 1:
            parts.append(self._accounts())
        else:
            parts.append("")
        # What fails stands last: that is where the eye is when the command ends.
        for account in (*healthy, *broken):
            parts += [self._account(account), *self._findings(account.label), ""]
        parts += self._findings(None)
        parts.append(self._closing())
        return Group(*parts)

    def _header(self) -> Text:
        report, dot = self._report, f" {self._marks.dot} "
        target = "embedded exchange (sandbox)" if report.sandbox else report.api_url.partition("://")[2]
        krakenex = report.environment.get("krakenex")
        parts = [f"kraken-doctor {__version__}", plain(target), f"krakenex {krakenex}" if krakenex else ""]
        return Text(dot.join(filter(None, parts)), style="bold")

    def _environment(self) -> RenderableType:
        """The run's checks side by side where there is room."""
        results = [result for result in self._report.checks if result.account is None]
        wide = self._terminal.width >= 100
        grid = Table.grid(padding=(0, 3, 0, 0))
        cells = [self._check(result) for result in results]
        columns = 2 if wide else 1
        for start in range(0, len(cells), columns):
            grid.add_row(*cells[start : start + columns])
        return Padding(grid, (0, 0, 0, 2))

    def _check(self, result: CheckResult) -> Text:
        style = _STYLES.get(result.outcome, "magenta")
        text = Text(f"{self._marks.of(result.outcome)} ", style=style)
        text.append(f"{result.id:<10} ", style="bold")
        if result.outcome is not Outcome.PASS:
            text.append(f"{OUTCOME_WORDS[result.outcome]}: ", style=style)
        return text.append(plain(result.summary), style="default")

    def _accounts(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=None)
        table.add_column("Account", overflow="fold")
        table.add_column("Connected")
        for column in ("USD", "USDT", "Total"):
            table.add_column(column, justify="right")
        if self._terminal.width >= 80:
            table.add_column("Nonce")
            table.add_column("Key")
        for account in self._report.accounts:
            table.add_row(*self._row(account)[: len(table.columns)])
        return table

    def _row(self, account: AccountReport) -> list[Text]:
        balances, nonce = account.balances, account.nonce
        amounts = [money(a) for a in (balances.usd, balances.usdt, balances.total)] if balances else ["-"] * 3
        connected = "yes" if balances else "no"
        style = _STYLES.get(account.outcome, "magenta")
        return [
            Text(plain(account.label)),
            Text(f"{self._marks.of(account.outcome)} {connected}", style=style),
            *(Text(amount) for amount in amounts),
            Text(nonce.unit if nonce else "-"),
            Text(plain(account.key) or "-"),
        ]

    def _account(self, account: AccountReport) -> RenderableType:
        label, balances = plain(account.label), account.balances
        if balances is None:
            said = account.error or self._first_summary(account.label)
            head = f"{self._marks.refused} Kraken connection test failed ({label}): {plain(said)}"
            return Text(head, style="bold red")
        lines: list[RenderableType] = [
            Text(f"{self._marks.connected} Connected to Kraken Pro API ({label})"),
            Text(f"{self._marks.connected} KRAKEN PRO CONNECTED ({label})"),
            Text(f"   USD Balance: {money(balances.usd)}"),
            Text(f"   USDT Balance: {money(balances.usdt)}"),
            Text(f"   Total: {money(balances.total)}"),
        ]
        if others := [f"{code} {amount}" for code, amount in balances.forms.items() if "." in code]:
            text = f"including {', '.join(plain(other) for other in others)}"
            lines.append(Padding(Text(text, style="dim"), (0, 0, 0, 3)))
        if nonce := account.nonce:
            unit, store = _UNITS.get(nonce.unit, nonce.unit), _STORES.get(nonce.store, nonce.store)
            calls = f"{account.private_calls} private call{'s' if account.private_calls != 1 else ''}"
            made = f"{calls} of the {_STARTER_CALLS} that a starter key has"
            text = f"Nonce generator installed: {unit}, in order, {store} {self._marks.dot} {made}"
            lines.append(Padding(Text(text, style="dim"), (0, 0, 0, 3)))
        return Group(*lines)

    def _first_summary(self, label: str) -> str:
        """What to put behind "failed" when the exchange said nothing."""
        for diagnosis in self._report.diagnoses:
            if diagnosis.account in (label, None) and diagnosis.severity is Severity.FAIL:
                return diagnosis.summary.rstrip(".")
        own = [result for result in self._report.checks if result.account == label]
        return next((result.summary for result in own if result.outcome is not Outcome.PASS), "no verdict")

    def _findings(self, account: str | None) -> list[RenderableType]:
        parts: list[RenderableType] = []
        for diagnosis in self._report.diagnoses:
            if diagnosis.account != account:
                continue
            if diagnosis.severity is Severity.FAIL:
                parts += ["", Padding(self._finding(diagnosis), (0, 0, 0, 2)), ""]
            elif diagnosis.severity is Severity.WARN or self._verbose:
                parts += ["", Padding(self._remark(diagnosis), (0, 0, 0, 2))]
        return parts

    def _remark(self, diagnosis: Diagnosis) -> RenderableType:
        """A warning in two lines: what is wrong, and what to do."""
        word = "warning" if diagnosis.severity is Severity.WARN else "note"
        style = _SEVERITY_STYLES[diagnosis.severity]
        text = Text(f"{self._marks.warned} {word}: ", style=style)
        text.append(diagnosis.cause, style=f"bold {style}")
        body = Text(f"{plain(diagnosis.summary)} {self._because_in_line(diagnosis)}")
        return Group(text, Padding(Group(body, Text(plain(diagnosis.remedy.text, 600))), (0, 0, 0, 2)))

    @staticmethod
    def _because_in_line(diagnosis: Diagnosis) -> str:
        return f"({'; '.join(plain(fact) for fact in diagnosis.because)})" if diagnosis.because else ""

    def _finding(self, diagnosis: Diagnosis) -> RenderableType:
        """A failure in full: facts, what is likely, what remains possible, what to do and what not."""
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True, style="bold")
        grid.add_column()
        rows = [("Because", diagnosis.because)]
        rows += [("Possible", tuple(_alternative(a.text, a.told_apart_by) for a in diagnosis.possible))]
        remedy = diagnosis.remedy
        rows += [("Do", (remedy.text, *remedy.commands)), ("Or", (remedy.otherwise,)), ("Don't", (remedy.avoid,))]
        for name, texts in rows:
            for position, text in enumerate(text for text in texts if text):
                grid.add_row(Text(name if position == 0 else ""), Text(plain(text, 600)))
        head = Text(diagnosis.cause, style=f"bold {_SEVERITY_STYLES[diagnosis.severity]}")
        head.append(f" ({diagnosis.confidence.value})", style="default")
        more = Text(f"More: kraken-doctor explain {diagnosis.cause}", style="dim")
        return Group(head, Text(plain(diagnosis.summary)), "", grid, "", more)

    def _closing(self) -> Text:
        report = self._report
        words = {
            Outcome.PASS: "All well.",
            Outcome.WARN: "Connected, with a warning.",
            Outcome.FAIL: "Not everything works.",
        }.get(report.outcome, "No verdict: something could not be checked.")
        failing = sum(account.outcome is Outcome.FAIL for account in report.accounts)
        if failing:
            words = f"{failing} of {len(report.accounts)} account{'s' if len(report.accounts) != 1 else ''} failing."
        primary = report.primary
        if primary is not None and primary.severity is Severity.FAIL:
            words += f" First: {primary.cause}."
        return Text(words, style=_STYLES.get(report.outcome, "magenta"))


def _alternative(text: str, told_apart_by: str) -> str:
    return f"{text} (told apart by: {told_apart_by})" if told_apart_by else text
