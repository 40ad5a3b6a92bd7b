"""For pasting into a chat: one line an account, then one a finding."""

from kraken_doctor import __version__
from kraken_doctor.model.findings import Outcome
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.render import grouping, phrases
from kraken_doctor.terminal.text import OUTCOME_WORDS, PROSE_LIMIT_CHARACTERS, escape, money

_LIMITS = grouping.Limits(rows=24, names=6, full=0)


def render(report: Report) -> str:
    """Plain lines, no symbols: they are made to be quoted."""
    target = "sandbox" if report.sandbox else report.api_url
    where = f" ({escape(target)})" if target else ""  # a log is nowhere
    where += f" on {escape(report.host)}" if report.host else ""
    lines = [f"kraken-doctor {__version__} {report.command}: {report.outcome.value}{where}"]
    single = [account for account in report.accounts if account.connected or grouping.told_singly(account, report)]
    lines += [_account(account, report) for account in single[: _LIMITS.rows]]
    # A chat cuts long messages, and then what is wrong, which stands below, would be cut off.
    lines += [f"and {len(single) - _LIMITS.rows} more connected"] if len(single) > _LIMITS.rows else []
    state = {True: "pass", False: OUTCOME_WORDS[Outcome.FAIL], None: OUTCOME_WORDS[Outcome.INCONCLUSIVE]}
    for said, connected, labels in grouping.alike(report)[: _LIMITS.names]:
        lines.append(f"{escape(phrases.listed(labels))}: {state[connected]}, {escape(said)}")
    for position, (diagnosis, accounts) in enumerate(grouping.grouped(report)):
        whom = f" {escape(phrases.listed(accounts, _LIMITS.rows), PROSE_LIMIT_CHARACTERS)}" if accounts else ""
        first = "" if position else " (first)"
        lines.append(f"{diagnosis.severity.value}{first}:{whom} {diagnosis.cause}: {escape(diagnosis.summary)}")
        lines.append(f"  do: {escape(diagnosis.remedy.text, PROSE_LIMIT_CHARACTERS)}")
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
