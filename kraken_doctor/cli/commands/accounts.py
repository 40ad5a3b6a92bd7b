"""``kraken-doctor accounts``."""

from dataclasses import replace
from typing import Any

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit, run


@params.command("accounts")
def command(ctx: click.Context, /, output: str, **choices: Any) -> None:
    """
    List the accounts found, and the source of each credential.

    Makes no network calls: only the format of keys and secrets is checked. Shows no secrets.

    \b
    Examples:
      kraken-doctor accounts
      kraken-doctor accounts --user daivon_frazier -o json
      kraken-doctor -q accounts --static
    """
    from kraken_doctor.checks.credentials import credentials

    app: App = ctx.obj
    request = params.request("accounts", (credentials,), choices)
    report = run(app, request, output)
    places = [] if request.sandbox else app.host.environment.looked_at
    looked_at = [{"place": place, "found": found} for place, found in places]
    report = replace(report, extra={**report.extra, "looked_at": looked_at})
    # A pre-commit hook stops by the exit status alone, and a .env that git tracks is a warning elsewhere.
    emit(ctx, report, output, "warn" if request.static else "fail", page="accounts")
