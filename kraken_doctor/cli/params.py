"""Options that several commands share. A parameter has its option's name: so has its variable, through Click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kraken_doctor.accounts.sources import CLIENT_VARIABLES
from kraken_doctor.cli import completing
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.model.defaults import CALL_TIMEOUT_S, DEADLINE_S, JOBS, RETRY_BASE_S
from kraken_doctor.model.unit import NonceUnit

if TYPE_CHECKING:
    from kraken_doctor.checks.base import Check

F = TypeVar("F", bound=Callable[..., Any])

OUTPUTS = ("table", "short", "json", "junit", "github", "markdown")
UNITS = tuple(unit.value for unit in NonceUnit)


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


def _together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order in which `--help` is to list them."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def _credentials(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value:
        ctx.obj.host.use_credentials(param.name, value)


def _given(name: str, help_: str, **how: Any) -> Callable[[F], F]:
    return click.option(name, expose_value=False, callback=_credentials, help=help_, **how)


accounts = _together(
    click.option(
        "--user", multiple=True, metavar="NAME", help="Check this user (repeatable).", shell_complete=completing.users
    ),
    click.option("--master", is_flag=True, help="Check the master account."),
    click.option("--all", is_flag=True, help="Check every account found (the default when none is named)."),
    _given("--key-file", "Read key and secret from FILE, one per line, as krakenex does.", metavar="FILE"),
    _given("--config", "Read them from the configuration of freqtrade, ccxt or kraken-cli.", metavar="FILE"),
    _given("--from-env", "Read them from the variables of this client.", type=click.Choice(sorted(CLIENT_VARIABLES))),
)
target = _together(
    click.option(
        "--api-url", metavar="URL", help="Base URL of the API; by default KRAKEN_SPOT_URL, else https://api.kraken.com."
    ),
    click.option("--sandbox", is_flag=True, help="Use the embedded exchange on loopback, with demo accounts."),
    click.option(
        "--fault",
        multiple=True,
        metavar="NAME",
        help="With --sandbox: simulate this fault (repeatable).",
        shell_complete=completing.faults,
    ),
    click.option(
        "--timeout", type=SECONDS, default=CALL_TIMEOUT_S, show_default=True, help="Timeout of one call, in seconds."
    ),
    click.option(
        "--deadline", type=SECONDS, default=DEADLINE_S, show_default=True, help="Timeout of the whole run, in seconds."
    ),
)
ntp = _together(
    click.option("--ntp-server", multiple=True, metavar="HOST[:PORT]", help="Ask this NTP server (repeatable)."),
    click.option("--no-ntp", is_flag=True, help="Ask no NTP server."),
)
retry = _together(
    click.option("--retry/--no-retry", default=False, show_default=True, help="Retry transient failures."),
    click.option(
        "--retry-base",
        type=SECONDS,
        default=RETRY_BASE_S,
        show_default=True,
        help="Seconds before the first of four retries; doubles each time.",
    ),
)
nonce_unit = click.option(
    "--nonce-unit", type=click.Choice(UNITS), help="Nonce unit that the bots use, for all accounts of this run."
)
jobs = click.option(
    "--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=True, help="Accounts checked in parallel."
)
output = click.option(
    "-o", "--output", type=click.Choice(OUTPUTS), default="table", show_default=True, help="Output format."
)


def _destination(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Keep the path for the end of the run; one that can't be written is said before anything is sent."""
    if value:
        from kraken_doctor.terminal import files

        paths = ctx.meta.setdefault(files.META, {})
        if Path(value) in paths.values():
            raise click.BadParameter(f"{value} is named for another output too", ctx, param)
        try:
            if value != "-":
                files.check(Path(value))
        except OSError as exc:
            raise click.BadParameter(f"{value}: {exc.strerror}", ctx, param) from exc
        paths[str(param.name).removesuffix("file").removesuffix("_")] = Path(value)


def _file(name: str, help_: str) -> Callable[[F], F]:
    return click.option(name, metavar="FILE", type=click.Path(), expose_value=False, callback=_destination, help=help_)


# What they name is for `emit`: no command has to hand it on.
files = _together(
    _file("--json-file", "Also write the JSON report to FILE; - is stdout, instead of the page."),
    _file("--junit-file", "Also write the JUnit report to FILE; - as above."),
)
file = _file("--file", "Write the report to FILE instead of stdout.")

selection = _together(
    click.option(
        "--only",
        multiple=True,
        metavar="CHECK",
        help="Run only this check and its prerequisites (repeatable, or a,b).",
        shell_complete=completing.checks,
    ),
    click.option(
        "--skip",
        multiple=True,
        metavar="CHECK",
        help="Skip this check (repeatable, or a,b).",
        shell_complete=completing.checks,
    ),
    click.option("--dry-run", is_flag=True, help="List the requests that would be made, and make none."),
)
fail_on = click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn", "never"]),
    default="fail",
    show_default=True,
    help="Lowest severity that exits with 1.",
)
run = _together(accounts, target, ntp, retry, nonce_unit, files, fail_on, selection, jobs)
"""What every command takes that examines accounts."""


def request(command: str, checks: tuple[Check, ...], choices: dict[str, Any], **more: Any) -> RunRequest:
    """
    What the options above come to; those that a command does not have keep their defaults.

    Raises:
        ConfigurationError: ``--only`` or ``--skip`` name a check that is not among *checks*.
    """
    ctx = click.get_current_context(silent=True)
    names = {"user": "users", "all": "everyone", "timeout": "timeout_s", "deadline": "deadline_s"}
    names |= {"fault": "faults", "ntp_server": "ntp_servers", "max_offset": "max_offset_s"}
    fields = {names.get(name, name): value for name, value in choices.items()}
    # `init` makes a request of its own, without such an option.
    source = ctx.get_parameter_source("timeout") if ctx else None
    fields["timeout_given"] = source not in (None, click.core.ParameterSource.DEFAULT)
    fields["use_ntp"] = not fields.pop("no_ntp", False)
    if fields.pop("retry", False):
        from kraken_doctor.client.retry import RetryPolicy

        fields["retry_delays_s"] = RetryPolicy(fields["retry_base"]).delays_s
    fields.pop("retry_base", None)
    if fields.get("faults") and not fields.get("sandbox"):
        raise click.UsageError("--fault requires --sandbox")
    only, skip = (
        tuple(filter(None, (name.strip() for value in fields.pop(option, ()) for name in value.split(","))))
        for option in ("only", "skip")
    )
    if only or skip:
        from kraken_doctor.doctor.plan import choose

        checks = choose(only, skip, checks)
    return RunRequest(command=command, checks=checks, **fields, **more)
