"""``kraken-doctor accounts``."""

from __future__ import annotations

from typing import Any

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.emit import run_and_emit


@click.command("accounts")
@params.accounts
@click.option("--sandbox", is_flag=True, help="The demo accounts of the embedded exchange.")
@click.option(
    "--static",
    is_flag=True,
    help="For a hook before a commit: ask git about the .env too; no account is fine, a warning ends with status 1.",
)
@params.output
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

    request = params.request("accounts", (credentials,), choices)
    run_and_emit(ctx, request, output, "warn" if request.static else "fail", page="accounts")
