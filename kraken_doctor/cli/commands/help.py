"""``kraken-doctor help``."""

from __future__ import annotations

import click

from kraken_doctor.cli.app import App
from kraken_doctor.cli.command import Command


@click.command("help", cls=Command)
@click.argument("name", required=False, metavar="[COMMAND]")
@click.pass_context
def command(ctx: click.Context, /, name: str | None) -> None:
    """
    Show the help of a command.

    The same as kraken-doctor COMMAND --help; without a command, the list of all.

    \b
    Examples:
      kraken-doctor help
      kraken-doctor help check
    """
    from kraken_doctor.cli.main import COMMANDS, cli

    app: App = ctx.obj
    root = ctx.find_root()
    if name is not None:
        found = cli.get_command(root, name)
        if found is None:
            raise click.exceptions.NoSuchCommand(name, possibilities=COMMANDS, ctx=root)
        root = click.Context(found, info_name=name, parent=root)
    app.output.out(f"{root.get_help()}\n")
