"""``kraken-doctor accounts``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.conduct import conduct

if TYPE_CHECKING:
    from kraken_doctor.model.report import Report
    from kraken_doctor.renderers.text import Terminal


@click.command("accounts")
@options.accounts
@click.option("--sandbox", is_flag=True, help="The demo accounts of the embedded exchange.")
@click.option(
    "--static",
    is_flag=True,
    help="For a hook before a commit: ask git about the .env too; no account is fine, a warning ends with status 1.",
)
@options.output
@click.pass_context
def command(ctx: click.Context, /, output: str, **choices: Any) -> None:
    """
    List the accounts found, and where each credential came from.

    Makes no network calls: what it says of a key is what can be seen without sending it. Shows no secret.

    \b
    Examples:
      kraken-doctor accounts
      kraken-doctor accounts --user daivon_frazier -o json
      kraken-doctor -q accounts --static
    """
    from kraken_doctor.checks.credentials import credentials

    request = options.request("accounts", (credentials,), choices)
    conduct(ctx, request, output, "warn" if request.static else "fail", screen=_screen)


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.console import Group

    from kraken_doctor.model.evidence import Outcome
    from kraken_doctor.renderers.findings import findings
    from kraken_doctor.renderers.screen import listing, to_text
    from kraken_doctor.renderers.text import marks

    signs = marks(terminal)
    if not report.accounts:
        return "No account is configured.\n"
    words = {Outcome.PASS: "ok", Outcome.WARN: "warning", Outcome.FAIL: "unusable"}
    forms = {result.account: words.get(result.outcome, "unknown") for result in report.checks}
    rows = []
    for account in report.accounts:
        variable, _, origin = account.source.partition(" ")
        pair = f"{variable.removesuffix('KEY')}*"
        rows.append([account.label, pair, origin.strip("()") or "-", account.key_tail or "-", forms[account.label]])
    scopes = (None, *(account.label for account in report.accounts))
    found = [part for scope in scopes for part in findings(report.diagnoses, scope, signs, verbose=False)]
    return to_text(Group(listing(["Account", "Variables", "From", "Key", "Form"], rows), *found), terminal)
