"""``kraken-doctor balances``."""

from typing import Any

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.emit import run_and_emit

_CHECKS = ("krakenex", "store", "credentials", "balances")


@params.command("balances")
def command(ctx: click.Context, /, output: str, fail_on: str, **choices: Any) -> None:
    """
    Show USD, USDT and total per account.

    Makes one private call per account, and a second one if the first nonce is refused. Stop the bot on a key first, or
    give the doctor a key of its own: beside a running bot, calls of either can be refused.

    \b
    Examples:
      kraken-doctor balances
      kraken-doctor balances --master -o json
    """
    from kraken_doctor.checks.catalogue import CATALOGUE

    checks = tuple(check for check in CATALOGUE if check.id in _CHECKS)
    # Balance, and the second try after a refused nonce: nothing else is taken from the key's call counter.
    request = params.request("balances", checks, choices, private_call_budget=2, requires_account=True)
    run_and_emit(ctx, request, output, fail_on, page="balances")
