"""``kraken-doctor completion``."""

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App

_VARIABLE = "_KRAKEN_DOCTOR_COMPLETE"
"""Click's own name for it: the script sets it, and the command then answers with completions."""


@params.command("completion")
def command(ctx: click.Context, /, shell: str) -> None:
    """
    Print the completion script for a shell.

    It completes commands, options, checks, causes and the names of your users.

    \b
    Examples:
      eval "$(kraken-doctor completion bash)"                                    in ~/.bashrc
      eval "$(kraken-doctor completion zsh)"                                     in ~/.zshrc
      kraken-doctor completion fish > ~/.config/fish/completions/kraken-doctor.fish
      kraken-doctor completion powershell | Out-String | Invoke-Expression       in $PROFILE
    """
    from click.shell_completion import get_completion_class

    app: App = ctx.obj
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of Click has no completion script for {shell}", ctx)
    # The script is Click's own, and none of its lines is foreign text.
    app.output.out(kind(ctx.find_root().command, {}, "kraken-doctor", _VARIABLE).source(), commands=True)
