"""The root command, and how every ending becomes an exit status."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kraken_doctor import __version__
from kraken_doctor.cli import command
from kraken_doctor.descriptors import reader_is_gone
from kraken_doctor.terminal.interruption import ENDINGS, Interruption

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from kraken_doctor.terminal.output import Output

_OK, _USAGE, _NO_VERDICT, _INTERRUPTED = 0, 2, 3, 130

# Name: what `--help` says. A command's module is imported when the command is used, and no TOML is read for these
# lines, so that `--help` and `--version` stay fast; a test holds them to the commands' own.
_LISTED = Path(__file__).with_name("commands.txt").read_text(encoding="utf-8")
COMMANDS = dict(line.split(": ", 1) for line in _LISTED.splitlines())


class Start(NamedTuple):
    """What is known before there is a command."""

    interruption: Interruption
    own_process: bool


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports each when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"kraken_doctor.cli.commands.{cmd_name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] == "help":  # `help check` is `check --help`
            args = [*args[1:2], "--help"]
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as exc:
            # Click looks for similar names among the commands it holds, and this group holds none.
            raise click.exceptions.NoSuchCommand(exc.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as exc:
            # An unknown command is found out before there is an App.
            output = _bare_output() if isinstance(ctx.obj, Start) else ctx.obj.output
            if isinstance(exc, click.ClickException):
                output.warn_in_lines(_words(exc))
                return _USAGE
            # The last resort: no command ends in a traceback. Ctrl-C may come out as any exception.
            if ctx.obj.interruption.requested():
                raise KeyboardInterrupt from exc
            from kraken_doctor.errors import ConfigurationError, NonceError
            from kraken_doctor.terminal.output import NotWrittenError

            if isinstance(exc, (ConfigurationError, NonceError)):  # the latter is the store's, said by the store
                output.usage_error(str(exc))
                return _USAGE if isinstance(exc, ConfigurationError) else _NO_VERDICT
            if isinstance(exc, NotWrittenError):
                output.warn(f"Not written: stdout: {exc.strerror}\n")
                return _NO_VERDICT
            output.internal_error(exc)
            return _NO_VERDICT

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    params=command.common(),
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "KRAKEN_DOCTOR"},
)
@click.version_option(__version__, "-V", "--version", message="kraken-doctor %(version)s")
@click.pass_context
def cli(
    ctx: click.Context, env_file: tuple[str, ...], no_env_file: bool, verbose: int, quiet: bool, color: str
) -> None:
    """
    Name the cause of a failed connection to Kraken, with its proof and its fix.

    Read-only: it asks for the time, the status, the key's own description and the balance, and nothing else.

    \b
    Examples:
      kraken-doctor check --sandbox               try it: an exchange on loopback, no credentials
      kraken-doctor init                          put a key, its secret and its nonce unit into .env
      kraken-doctor check                         all accounts (first stop the bots on these keys)
      kraken-doctor check --user daivon_frazier   one account
      kraken-doctor clock                         is this host's clock right?
      kraken-doctor help check                    the options of one command
    """
    from kraken_doctor.cli.app import App
    from kraken_doctor.terminal import log_capture
    from kraken_doctor.terminal.output import Output

    output = Output(os.environ, verbose=verbose, quiet=quiet, color=color)
    start: Start = ctx.obj
    ctx.obj = App(environ=dict(os.environ), output=output, **start._asdict())
    ctx.obj.adjust(env_file=env_file, no_env_file=no_env_file)
    ctx.with_resource(log_capture.captured(output, ctx.obj.interruption))


def run(arguments: Sequence[str], *, own_process: bool = False) -> int:
    """
    The command line for *arguments*, and the exit status that it ends with.

    Args:
        arguments: Without the program's name.
        own_process: Whether this process was started for it: what it computed until now is then a part of the run.

    Click alone would end an uncaught exception and Ctrl-C with status 1, "problem found".
    """
    _make_streams_forgiving()
    interruption = Interruption()
    # No path can hold one: far from here it would be a ValueError of `open`, which names no argument.
    if any("\0" in argument for argument in arguments):
        _bare_output().usage_error("an argument contains a NUL character")
        return _USAGE
    try:
        with interruption.installed(*ENDINGS):
            status = cli.main(
                list(arguments), prog_name="kraken-doctor", standalone_mode=False, obj=Start(interruption, own_process)
            )
    except click.ClickException as exc:
        _bare_output().warn_in_lines(_words(exc))
        return _USAGE
    except (KeyboardInterrupt, click.Abort):
        return _interrupted()
    except SystemExit as exc:
        # Click's own, of completion, and 1 where who reads `--help` has gone: here that means "problem found".
        return _OK if exc.code in (0, 1) else _NO_VERDICT
    except Exception as exc:  # noqa: BLE001 - before there is a command, or after it: no traceback either
        if interruption.requested():
            return _interrupted()
        if isinstance(exc, OSError):  # what Click writes by itself: help, version
            if reader_is_gone(exc):
                return _OK
            _bare_output().warn(f"Not written: stdout: {exc.strerror}\n")
        else:
            _bare_output().internal_error(exc)
        return _NO_VERDICT
    return status if isinstance(status, int) else _OK


def _interrupted() -> int:
    with contextlib.suppress(OSError):  # stderr may be gone, as with a terminal that was closed
        click.echo("\nInterrupted.", err=True)
    return _INTERRUPTED


def _words(exc: click.ClickException) -> str:
    """As Click shows it: usage, hint, error. The words are the user's own, and one of them may be a secret."""
    text = io.StringIO()
    exc.show(file=text)
    return text.getvalue()


def _bare_output() -> Output:
    """Where the root command was not reached, and there is no App yet."""
    from kraken_doctor.terminal.output import Output

    return Output(os.environ)


def _make_streams_forgiving() -> None:
    """A character that the stream can't encode is replaced: it must not end the run with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            errors = "replace"  # of a broken surrogate pair, all that UTF-8 can't encode
            if "utf" not in (stream.encoding or "").lower():
                from kraken_doctor.terminal.text import register_stand_ins

                errors = register_stand_ins()
            reconfigure(errors=errors)
