"""Options that several commands share, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

OUTPUTS = ("table", "short", "json")


def accounts(function: F) -> F:
    """Which accounts."""
    for option in reversed(
        [
            click.option("--user", "users", multiple=True, metavar="NAME", help="This user; may be given again."),
            click.option("--master", is_flag=True, help="The master account."),
            click.option(
                "--all", "everyone", is_flag=True, help="Every account found (the default when none is named)."
            ),
        ]
    ):
        function = option(function)
    return function


def target(function: F) -> F:
    """Which exchange, and how patiently."""
    for option in reversed(
        [
            click.option(
                "--api-url", metavar="URL", help="Base URL; else KRAKEN_SPOT_URL, else https://api.kraken.com."
            ),
            click.option("--sandbox", is_flag=True, help="An embedded exchange on loopback, with demo accounts."),
            click.option(
                "--timeout", "timeout_s", type=SECONDS, default=10.0, show_default=True, help="Seconds for one call."
            ),
            click.option(
                "--deadline",
                "deadline_s",
                type=SECONDS,
                default=60.0,
                show_default=True,
                help="Seconds for the whole run.",
            ),
        ]
    ):
        function = option(function)
    return function


def output(function: F) -> F:
    """In which form."""
    choice = click.option(
        "-o", "--output", type=click.Choice(OUTPUTS), default="table", show_default=True, help="The form."
    )
    return choice(function)


def fail_on(function: F) -> F:
    """From when on the exit status says "problem"."""
    return click.option(
        "--fail-on",
        type=click.Choice(["fail", "warn", "never"]),
        default="fail",
        show_default=True,
        help="From which severity on the exit status is 1.",
    )(function)


class _Seconds(click.FloatRange):
    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if seconds != seconds:  # noqa: PLR0124 - NaN passes every comparison of a range
            self.fail("not a number of seconds", param, ctx)
        return seconds


SECONDS = _Seconds(min=0.05, max=86_400)
"""A wait; below 50 ms nothing on a network can be told from a failure."""
