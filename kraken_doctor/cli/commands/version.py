"""``kraken-doctor version``."""

from dataclasses import replace

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit
from kraken_doctor.doctor.request import RunRequest


@params.command("version")
def command(ctx: click.Context, /, output: str) -> None:
    """
    Compare the installed krakenex with the tested one.

    Also shows whether its nonce hook is present, and the versions of the other dependencies.

    \b
    Examples:
      kraken-doctor version
      kraken-doctor version -o json
    """
    from kraken_doctor.checks.host import krakenex
    from kraken_doctor.doctor.versions import versions

    app: App = ctx.obj
    report = app.doctor.examine(RunRequest(command="version", checks=(krakenex,)))
    emit(ctx, replace(report, extra={"versions": versions()}), output, page="version")
