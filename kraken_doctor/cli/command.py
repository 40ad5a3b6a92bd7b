"""What every command of ours has: the root's options behind its name, its own in groups, and no contradictions."""

from __future__ import annotations

import functools
from typing import Any

import click

from kraken_doctor.terminal import files

GROUPS: dict[str, tuple[str, ...]] = {
    "Account": ("user", "master", "all", "key_file", "config", "from_env", "key_id"),
    "Target": ("api_url", "sandbox", "ntp_server", "no_ntp", "nonce_unit", "only", "skip", "jobs"),
    "Fault": ("fault", "faults", "list_faults"),
    "Time": ("timeout", "deadline", "retry", "retry_base", "every", "count", "since", "until", "max_offset"),
    "Output": ("output", "file", "json_file", "junit_file", "fail_on", "dry_run", "list_checks"),
    "Global": ("env_file", "no_env_file", "verbose", "quiet", "color", "_click_default_help"),
}
"""Title of a group in `--help`: the parameters in it. Those in none are a command's own, and stand first."""

_OF_A_RUN = (
    *GROUPS["Account"], *GROUPS["Target"], *GROUPS["Fault"], "timeout", "deadline", "retry", "retry_base", "dry_run",
    "offline",
)  # fmt: skip
_EXCLUSIVE = (
    *(("sandbox", name) for name in ("api_url", "key_file", "config", "from_env")),
    *(("all", name) for name in ("user", "master")),
    *(("dry_run", name) for name in ("json_file", "junit_file", "file")),
    *(("source", name) for name in _OF_A_RUN),
    *(("list_faults", name) for name in ("arguments", "faults")),
    *(("list_checks", name) for name in ("dry_run", "only", "skip")),
    ("ntp_server", "no_ntp"), ("target", "nonce_unit"), ("allow_network", "allow_loopback"), ("observe", "store"),
    ("observe", "metrics_port"),
)  # fmt: skip
"""Parameters of which two can't both be meant."""

_EXCLUSIVE_IN = {"init": (("user", "master"),)}
"""The same in one command, where another takes both."""

_REQUIRED = {
    "fault": "sandbox", "retry_base": "retry", "pass_env": "arguments", "allow_network": "arguments",
    "allow_loopback": "arguments", "timeout": "target", "every": "watch", "count": "watch",
}  # fmt: skip
"""What has no effect without another one."""


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
            help="Say more; -vv shows a traceback where the doctor itself fails.", **how,
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print nothing when all checks pass.", **how),
        click.Option(
            ["--color"], type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use color.",
            show_default=True, **how,
        ),
    ]  # fmt: skip


def _apply(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if ctx.get_parameter_source(str(param.name)) is not click.core.ParameterSource.DEFAULT:
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
        if not ctx.resilient_parsing:
            self._refuse_contradictions(ctx)
            _lead_to_stdout(ctx)
        return rest

    def _refuse_contradictions(self, ctx: click.Context) -> None:
        # One that a variable sets is only a default: what is typed wins over it.
        typed = {
            str(param.name): param.opts[-1] if isinstance(param, click.Option) else "a command"
            for param in self.get_params(ctx)
            if ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
        }
        for one, other in (*_EXCLUSIVE, *_EXCLUSIVE_IN.get(str(self.name), ())):
            if one in typed and other in typed:
                raise click.UsageError(f"{typed[one]} and {typed[other]} exclude each other", ctx)
        known = {str(param.name): param.opts[0] for param in self.params}
        for name, other in _REQUIRED.items():
            if name in typed and other in known and not ctx.params[other]:
                needed = "a command" if other == "arguments" else known[other]
                raise click.UsageError(f"{typed[name]} requires {needed}", ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        titles = {name: f"{title} options" for title, names in GROUPS.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Options", *titles.values())}
        for param in self.get_params(ctx):
            if record := param.get_help_record(ctx):
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
