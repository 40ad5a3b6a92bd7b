"""Options that several commands share. A parameter has its option's name: so has its variable, through Click."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from kraken_doctor.cli import completing
from kraken_doctor.cli.command import Command, options
from kraken_doctor.cli.timeparse import Moment
from kraken_doctor.secret import WEBHOOK_VARIABLE, secrets_of
from kraken_doctor.terminal import files

if TYPE_CHECKING:
    from kraken_doctor.checks.base import Check
    from kraken_doctor.doctor.request import RunRequest


class _Seconds(click.FloatRange):
    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if seconds != seconds:  # noqa: PLR0124 - NaN passes every comparison of a range
            self.fail("not a number of seconds", param, ctx)
        return seconds


SECONDS = _Seconds(min=0.05, max=86_400)
"""A wait; below 50 ms nothing on a network can be told from a failure."""

PAUSE = _Seconds(min=1, max=86_400)
"""Between two rounds of questions: others are not asked more than once a second."""


_LINE_BYTES = 4_096


def _credentials(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value:
        ctx.obj.host.use_credentials(param.name, value)


def _destination(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Keep the path for the end of the run; one that can't be written is said before anything is sent."""
    if value:
        paths = ctx.meta.setdefault(files.META, {})
        # The second would replace the first, without a word.
        if Path(value) in paths.values():
            raise click.BadParameter(f"{value} is also used for another output", ctx, param)
        try:
            if value != "-":
                files.check(Path(value))
        except OSError as exc:
            raise click.BadParameter(f"{value}: {exc.strerror}", ctx, param) from exc
        paths[str(param.name).removesuffix("file").removesuffix("_")] = Path(value)


def _kept_secret(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A webhook's address, from here on: whoever has it may post there. ``@FILE`` is where it stands."""
    if not value:
        return value
    typed = ctx.get_parameter_source("on_change") is ParameterSource.COMMANDLINE
    if value.startswith("@"):
        value, typed = _first_line(Path(value[1:]), ctx, param), False
    for secret in secrets_of({WEBHOOK_VARIABLE: value}):
        ctx.obj.output.redact.learn(secret)
    if typed and "://" in value.partition(" ")[0]:
        from kraken_doctor.render.phrases import paragraph

        ctx.obj.output.warn(f"{paragraph('seen-by-others', variable=WEBHOOK_VARIABLE)}\n")
    return value


def _first_line(path: Path, ctx: click.Context, param: click.Parameter) -> str:
    try:
        with files.opened(path) as stream:
            line = stream.readline(_LINE_BYTES).decode().strip()
    except (OSError, UnicodeError) as exc:
        raise click.BadParameter(f"{path}: {getattr(exc, 'strerror', '') or 'not UTF-8 text'}", ctx, param) from exc
    if not line:
        raise click.BadParameter(f"{path}: its first line is empty", ctx, param)
    return line


_TYPES: dict[str, Any] = {
    "seconds": SECONDS,
    "pause": PAUSE,
    "moment": Moment(),
    "path": click.Path(),
    "file": click.Path(dir_okay=False),
    "unprocessed": click.UNPROCESSED,
}
_CALLBACKS = {"credentials": _credentials, "destination": _destination, "kept_secret": _kept_secret}


def command(name: str, **settings: Any) -> Callable[[Callable[..., None]], Command]:
    """Make a function, which is given the context first, the command *name*, with what options.toml lists for it."""

    def decorate(function: Callable[..., None]) -> Command:
        named = options()["commands"][name]
        params = [_param(name, each) for each in _without_sets(named)]
        return click.command(name, cls=Command, params=params, **settings)(click.pass_context(function))

    return decorate


def _without_sets(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name.startswith("@"):
            yield from _without_sets(options()["sets"][name[1:]])
        else:
            yield name


def _param(command: str, name: str) -> click.Parameter:
    table = options()
    how = dict(table["only"].get(command, {}).get(name) or table["options"].get(name) or {})
    if not how:
        how = {"is_flag": True, "help": table["switches"][name]}
    if "type" in how:
        how["type"] = _TYPES[how["type"]]
    elif "choices" in how:
        how["type"] = click.Choice(how.pop("choices"))
    elif "range" in how:
        how["type"] = click.IntRange(*how.pop("range"))
    if "complete" in how:
        how["shell_complete"] = getattr(completing, how.pop("complete"))
    if "callback" in how:
        how["callback"] = _CALLBACKS[how["callback"]]
    if how.pop("argument", False):
        return click.Argument([name], **how)
    names = how.pop("names", [f"--{name.replace('_', '-')}"])
    if "/" in names[0]:
        how.setdefault("default", None)  # Click's own would be False, which nobody said
    return click.Option([*names, name], **{"show_default": how.get("default") is not None or None, **how})


def request(command: str, checks: tuple[Check, ...], choices: dict[str, Any], **more: Any) -> RunRequest:
    """
    What the options above come to; those that a command does not have keep their defaults.

    Raises:
        ConfigurationError: ``--only`` or ``--skip`` name a check that is not among *checks*.
    """
    from kraken_doctor.doctor.request import RunRequest

    ctx = click.get_current_context(silent=True)
    names = {"user": "users", "all": "everyone", "timeout": "timeout_s", "deadline": "deadline_s"}
    names |= {"fault": "faults", "ntp_server": "ntp_servers", "max_offset": "max_offset_s"}
    fields = {names.get(name, name): value for name, value in choices.items()}
    # `init` makes a request of its own, without such an option.
    source = ctx.get_parameter_source("timeout") if ctx else None
    fields["timeout_given"] = source not in (None, ParameterSource.DEFAULT)
    fields["use_ntp"] = not fields.pop("no_ntp", False)
    if fields.pop("retry", False):
        from kraken_doctor.client.retry import RetryPolicy

        fields["retry_delays_s"] = RetryPolicy(fields["retry_base"]).delays_s
    fields.pop("retry_base", None)
    if fields.get("faults") and not fields.get("sandbox"):
        raise click.UsageError("--fault requires --sandbox")
    # The log of a job is read by whoever may read the repository: for a public one by everybody.
    if fields.get("amounts", True) is None:
        fields["amounts"] = click.get_current_context().params.get("output") != "github"
    only, skip = (
        tuple(filter(None, (name.strip() for value in fields.pop(option, ()) for name in value.split(","))))
        for option in ("only", "skip")
    )
    if only or skip:
        from kraken_doctor.doctor.plan import choose

        checks = choose(only, skip, checks)
    typed = ctx and ctx.get_parameter_source("needs") is ParameterSource.COMMANDLINE
    if typed and "permissions" not in {check.id for check in checks}:
        raise click.UsageError("--needs requires the check permissions, which --only or --skip leaves out")
    return RunRequest(command=command, checks=checks, **fields, **more)
