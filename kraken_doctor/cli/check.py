"""``kraken-doctor check``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.app import App, RunRequest
from kraken_doctor.cli.show import show


@click.command("check")
@options.accounts
@options.target
@options.output
@options.fail_on
@click.option(
    "--retry/--no-retry", default=False, help="Wait and try again while what is wrong may pass.", show_default=True
)
@click.option(
    "--retry-base",
    "retry_base_s",
    type=options.SECONDS,
    default=5.0,
    show_default=True,
    help="Seconds before the first retry; each wait doubles, four in all.",
)
@click.option(
    "--nonce-unit",
    type=click.Choice(["s", "ms", "us", "10ns", "ns"]),
    help="The unit that the bots on these keys count in.",
)
@click.option(
    "--ntp-server",
    "ntp_servers",
    multiple=True,
    metavar="HOST[:PORT]",
    help="Ask this time server; may be given again.",
)
@click.option("--no-ntp", is_flag=True, help="Ask no time server.")
@click.option("--only", multiple=True, metavar="CHECK", help="Only this check and what it needs; may be given again.")
@click.option("--skip", multiple=True, metavar="CHECK", help="Not this check; may be given again.")
@click.option("--dry-run", is_flag=True, help="List each request that would be made, and make none.")
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Accounts side by side.")
@click.pass_context
def command(ctx: click.Context, /, output: str, fail_on: str, dry_run: bool, **choices: Any) -> None:
    """
    Examine the connection: environment once, then each account.

    Exit status: 0 fine, 1 a confirmed problem, 2 bad usage, 3 no verdict.

    \b
    Examples:
      kraken-doctor check --sandbox
      kraken-doctor check --user daivon_frazier -o short
      kraken-doctor check --only clock
    """
    app: App = ctx.obj
    request = _request(**choices)
    if dry_run:
        app.output.out("".join(f"{line}\n" for line in app.requests(request)))
        return
    report = app.examine(request)
    from kraken_doctor.examination.verdict import FailOn, exit_status

    report = replace(report, exit_status=exit_status(report.outcome, FailOn(fail_on)))
    show(app.output, report, output)
    ctx.exit(report.exit_status)


def _request(
    *,
    retry: bool,
    retry_base_s: float,
    no_ntp: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    **choices: Any,
) -> RunRequest:
    from kraken_doctor.client.retry import RetryPolicy
    from kraken_doctor.examination.plan import choose

    return RunRequest(
        command="check",
        checks=choose(only, skip),
        use_ntp=not no_ntp,
        retry_delays_s=RetryPolicy(retry_base_s).delays_s if retry else (),
        **choices,
    )
