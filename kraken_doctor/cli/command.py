"""What every command of ours has: the root's options behind its name, its own in groups, and no contradictions."""

import functools
from typing import Any

import click

from kraken_doctor import tables
from kraken_doctor.terminal import files

ARGUMENTS = "arguments"
"""The parameter of those who take a command to run."""


options = functools.partial(tables.load, __file__, "options.toml")
"""What options.toml says."""


def common(**how: Any) -> list[click.Option]:
    """Return the options that are taken before a command and behind it; *how* they are made."""
    return [
        click.Option(
            ["--env-file"], multiple=True, type=click.Path(), metavar="FILE",
            help="Read variables from this file instead of .env; repeatable, later ones win.", **how,
        ),
        click.Option(["--no-env-file"], is_flag=True, help="Read no .env file.", **how),
        click.Option(
            ["-v", "--verbose"], count=True,
            help="Show more; -vv shows a traceback if the doctor itself fails.", **how,
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print nothing when all checks pass.", **how),
        click.Option(
            ["--color"], type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use color.",
            show_default=True, **how,
        ),
    ]  # fmt: skip


def _apply(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if ctx.get_parameter_source(str(param.name)) is not click.core.ParameterSource.DEFAULT:
        ctx.find_root().params[str(param.name)] = value  # where completion looks, which has no app yet
        if ctx.obj is not None:
            ctx.obj.adjust(**{str(param.name): value})


@functools.cache
def _behind() -> tuple[click.Option, ...]:
    return tuple(common(expose_value=False, callback=_apply))


class Command(click.Command):
    """A command that takes the root's options too, and shows its own in groups."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, help_ = super().get_params(ctx)
        return [*own, *_behind(), help_]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        # While Tab is pressed a line is not finished: what contradicts itself now may not in the end.
        if not ctx.resilient_parsing:
            self._refuse_contradictions(ctx)
            _lead_to_stdout(ctx)
        return rest

    def _refuse_contradictions(self, ctx: click.Context) -> None:
        # One that a variable sets is only a default: what is typed wins over it.
        names = {
            str(param.name): "a command" if param.name == ARGUMENTS else param.opts[-1]
            for param in self.get_params(ctx)
        }
        typed = {name for name in names if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
        relations = options()
        excludes = [*relations["excludes"].items(), *relations["excludes_in"].get(str(self.name), {}).items()]
        for one, others in excludes if typed else ():
            if one in typed and (other := next((other for other in others if other in typed), "")):
                raise click.UsageError(f"{names[one]} and {names[other]} exclude each other", ctx)
        for name, other in relations["requires"].items() if typed else ():
            if name in typed and other in names and not ctx.params[other]:
                raise click.UsageError(f"{names[name]} requires {names[other]}", ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        titles = {name: title for title, names in options()["groups"].items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Options", *titles.values())}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                rows[titles.get(str(param.name), "Options")].append(record)
        for title, records in rows.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _lead_to_stdout(ctx: click.Context) -> None:
    """``--json-file -`` is ``-o json``: stdout has one document."""
    paths = ctx.meta.get(files.META, {})
    forms = [form for form, path in paths.items() if str(path) == "-"]
    for form in forms:
        del paths[form]
        if form:
            source = ctx.get_parameter_source("output")
            if (ctx.params.get("output") != form and source is click.core.ParameterSource.COMMANDLINE) or forms[1:]:
                raise click.UsageError(f"--{form}-file - and another output exclude each other: stdout is one", ctx)
            ctx.params["output"] = form
