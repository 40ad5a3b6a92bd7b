"""``kraken-doctor check``."""

from typing import Any

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.emit import run_and_emit


@params.command("check")
def command(ctx: click.Context, /, output: str, fail_on: str, list_checks: bool, **choices: Any) -> None:
    """
    Check the connection: the environment once, then each account.

    Stop the bot on a key first, or give the doctor a key of its own: beside a running bot, calls of either can be
    refused. --nonce-unit, or the variable that init writes, sets the nonce unit that your bots use. A unit finer
    than a bot's locks it out of its key for good.

    Exit status: 0 no problem, 1 a confirmed problem, 2 bad usage, 3 no verdict.

    \b
    Examples:
      kraken-doctor check --sandbox
      kraken-doctor check --user daivon_frazier -o short
      kraken-doctor check --only clock
      kraken-doctor check --key-file kraken.key
      kraken-doctor check --junit-file check.xml --json-file check.json
    """
    from kraken_doctor.checks.catalogue import CATALOGUE

    if list_checks:
        from kraken_doctor.render.pages import checks

        ctx.obj.output.out(checks.render(CATALOGUE, ctx.obj.output.terminal()))
        return
    run_and_emit(ctx, params.request("check", CATALOGUE, choices), output, fail_on)
