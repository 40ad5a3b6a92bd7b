"""``kraken-doctor clock``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit, run_and_emit

if TYPE_CHECKING:
    from kraken_doctor.checks.clockwatch import ClockSample


@params.command("clock")
def command(ctx: click.Context, /, output: str, watch: bool, every: float, count: int | None, **choices: Any) -> None:
    """
    Compare this host's clock with NTP and with the exchange.

    The offset is positive when this host is behind. Exit status: 0 if the offset is certainly within the limit,
    1 if it certainly exceeds the limit, otherwise 3 (no verdict).

    \b
    Examples:
      kraken-doctor clock
      kraken-doctor clock --ntp-server time.example.org --ntp-server [2001:db8::1]:123
      kraken-doctor clock --watch --every 30 --count 20
    """
    from kraken_doctor.checks.clock import clock
    from kraken_doctor.model.findings import Outcome

    # Elsewhere a wrong clock is a warning, since it breaks no connection; here it is what was asked.
    request = params.request("clock", (clock,), choices, wrong_clock=Outcome.FAIL)
    if not watch:
        run_and_emit(ctx, request, output, page="clock")
        return
    from kraken_doctor.doctor.clock_watch import watch_clock

    app: App = ctx.obj

    def say(sample: ClockSample) -> None:
        if output != "json" and not app.output.quiet:
            from kraken_doctor.render.pages.clock import line

            app.output.out(f"{line(sample)}\n")

    # The default is for one poll; a watch ends with its count, or by Ctrl-C, unless a deadline was asked for.
    asked_for = ctx.get_parameter_source("deadline") is not click.core.ParameterSource.DEFAULT
    report = watch_clock(
        app.doctor,
        request,
        every_s=every,
        count=count,
        deadline_s=request.deadline_s if asked_for else float("inf"),
        observe=say,
    )
    emit(ctx, report, output, page="clock")
