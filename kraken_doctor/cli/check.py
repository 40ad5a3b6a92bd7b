"""``kraken-doctor check``."""

from __future__ import annotations

from typing import Any

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.app import App
from kraken_doctor.cli.conduct import conduct


@click.command("check")
@options.accounts
@options.target
@options.ntp
@options.retry
@options.nonce_unit
@options.output
@options.fail_on
@click.option("--only", multiple=True, metavar="CHECK", help="Only this check and what it needs; may be given again.")
@click.option("--skip", multiple=True, metavar="CHECK", help="Not this check; may be given again.")
@click.option("--dry-run", is_flag=True, help="List each request that would be made, and make none.")
@options.jobs
@click.pass_context
def command(ctx: click.Context, /, output: str, fail_on: str, dry_run: bool, **choices: Any) -> None:
    """
    Examine the connection: environment once, then each account.

    Exit status: 0 fine, 1 a confirmed problem, 2 bad usage, 3 no verdict.

    \b
    Examples:
      kraken-doctor check --sandbox
      kraken-doctor check --user daivon_frazier -o short
      kraken-doctor check --only clock
    """
    from kraken_doctor.examination.plan import choose

    app: App = ctx.obj
    checks = choose(choices.pop("only"), choices.pop("skip"))
    request = options.request("check", checks, choices)
    if dry_run:
        app.output.out("".join(f"{line}\n" for line in app.requests(request)))
        return
    conduct(ctx, request, output, fail_on)
