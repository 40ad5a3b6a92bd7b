"""For pasting into a chat: one line an account, then one a finding."""

from __future__ import annotations

from kraken_doctor import __version__
from kraken_doctor.model.diagnosis import Severity
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.render import phrases
from kraken_doctor.terminal.text import OUTCOME_WORDS, escape, money


def render(report: Report) -> str:
    """Plain lines, no symbols: they are made to be quoted."""
    target = "sandbox" if report.sandbox else report.api_url
    where = f" ({escape(target)})" if target else ""  # a log is nowhere
    where += f" on {escape(report.host)}" if report.host else ""
    lines = [f"kraken-doctor {__version__} {report.command}: {report.outcome.value}{where}"]
    lines += [_account(account, report) for account in report.accounts]
    for diagnosis in report.diagnoses:
        if diagnosis.severity is Severity.INFO:
            continue
        whom = f" {escape(diagnosis.account)}" if diagnosis.account else ""
        first = " (first)" if diagnosis.primary else ""
        lines.append(f"{diagnosis.severity.value}{first}:{whom} {diagnosis.cause}: {escape(diagnosis.summary)}")
        lines.append(f"  do: {escape(diagnosis.remedy.text)}")
    for fault in phrases.own_faults(report):
        lines.append(f"kraken-doctor itself failed: {escape(fault)}")
        lines.append(f"  do: report that, with what this writes: {phrases.OWN_FAULT_COMMAND}")
    if not report.accounts:
        lines += [f"{result.id}: {OUTCOME_WORDS[result.outcome]}, {escape(result.summary)}" for result in report.checks]
    return "".join(f"{line}\n" for line in lines)


def _account(account: AccountReport, report: Report) -> str:
    label = escape(account.label)
    if account.balances is None:
        said = f", {escape(phrases.said(account, report))}" if account.error or account.connected is None else ""
        return f"{label}: {OUTCOME_WORDS[account.outcome]}{said}"
    balances = account.balances
    amounts = f"USD {money(balances.usd)}, USDT {money(balances.usdt)}, total {money(balances.total)}"
    return f"{label}: {OUTCOME_WORDS[account.outcome]}, {amounts}"
