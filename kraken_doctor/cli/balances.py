"""``kraken-doctor balances``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.conduct import conduct

if TYPE_CHECKING:
    from kraken_doctor.model.report import Report
    from kraken_doctor.renderers.text import Terminal

_CHECKS = ("krakenex", "store", "credentials", "balances")


@click.command("balances")
@options.run
@options.output
@click.pass_context
def command(ctx: click.Context, /, output: str, fail_on: str, **choices: Any) -> None:
    """
    Show USD, USDT and total per account.

    One private call an account, and a second where the nonce of the first is refused. Stop the bot on a key first, or
    give the doctor a key of its own: beside a running bot, calls of either can be refused.

    \b
    Examples:
      kraken-doctor balances
      kraken-doctor balances --master -o json
    """
    from kraken_doctor.checks.catalogue import CATALOGUE

    checks = tuple(check for check in CATALOGUE if check.id in _CHECKS)
    conduct(ctx, options.request("balances", checks, choices, private_call_budget=2), output, fail_on, screen=_screen)


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.console import Group
    from rich.text import Text

    from kraken_doctor.renderers import table, words
    from kraken_doctor.renderers.findings import findings
    from kraken_doctor.renderers.screen import to_text
    from kraken_doctor.renderers.text import marks, plain

    signs = marks(terminal)
    where = plain(words.target(report))
    elsewhere = [] if where in ("", "api.kraken.com") else [Text(f"at {where}\n")]
    scopes = (None, *(account.label for account in report.accounts))
    found = [part for scope in scopes for part in findings(report.diagnoses, scope, signs, verbose=False)]
    notes = [f"{a.label}: {note}" for a in report.accounts if (note := words.may_be_empty(a, report))]
    return to_text(
        Group(*elsewhere, table.accounts_table(report, terminal, signs), *map(plain, notes), *found), terminal
    )
