"""``kraken-doctor nonce``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.app import App
from kraken_doctor.cli.conduct import finish

if TYPE_CHECKING:
    from kraken_doctor.model.report import Report
    from kraken_doctor.renderers.text import Terminal


@click.command("nonce")
@click.option("--target", metavar="MODULE:ATTRIBUTE", help="Test the generator, or the client object, of your own bot.")
@click.option(
    "--nonce-unit",
    type=click.Choice(options.UNITS),
    default="us",
    show_default=True,
    help="Unit of the tested generator.",
)
@click.option("--timeout", type=options.SECONDS, default=30.0, show_default=True, help="Seconds for the target.")
@options.output
@options.fail_on
@click.pass_context
def command(
    ctx: click.Context, /, target: str | None, nonce_unit: str, timeout: float, output: str, fail_on: str
) -> None:
    """
    Confirm the custom nonce generator with self-tests.

    Installs it on a krakenex API object, lets the embedded exchange judge it under threads, and tests it
    alone. Uses a nonce store of its own, which is deleted afterwards: your keys' marks stay as they are.

    With --target it tests what your bot uses instead, in a process of its own: is krakenex's hook replaced, by what,
    in which unit; does it repeat, decrease or race; does it keep requests in order. Importing the module runs it:
    connections through Python's socket module are refused in that process, but child processes and C extensions
    are not kept from the network.

    \b
    Examples:
      kraken-doctor nonce
      kraken-doctor nonce --target my_bot.exchange:api
    """
    from kraken_doctor.model.unit import NonceUnit

    app: App = ctx.obj
    began_ns, began = app.clock.now_ns(), app.clock.monotonic()
    if target is None:
        import krakenex

        from kraken_doctor.examination.selfcheck import own_generator

        checks, diagnoses, extra = own_generator(NonceUnit(nonce_unit), krakenex)
    else:
        from kraken_doctor.examination.targetcheck import examine_target

        checks, diagnoses, extra = examine_target(target, timeout, app.environ)
    from kraken_doctor.examination.verdict import outcome_of
    from kraken_doctor.model.report import Report

    report = Report(
        command="nonce",
        started_at_ns=began_ns,
        duration_s=app.clock.monotonic() - began,
        outcome=outcome_of(checks, diagnoses),
        exit_status=0,
        api_url="",
        checks=checks,
        diagnoses=diagnoses,
        extra=extra,
    )
    finish(ctx, report, output, fail_on, screen=_screen)


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.console import Group
    from rich.text import Text

    from kraken_doctor.model.evidence import Outcome
    from kraken_doctor.renderers.findings import findings
    from kraken_doctor.renderers.screen import listing, style_of, to_text
    from kraken_doctor.renderers.text import OUTCOME_WORDS, marks

    signs = marks(terminal)
    rows = [[result.id.rpartition(".")[2], OUTCOME_WORDS[result.outcome], result.summary] for result in report.checks]
    table = listing(["Self-test", "Outcome", "What was seen"], rows)
    head = {
        Outcome.PASS: f"{signs.connected} Custom nonce generator installed",
        Outcome.WARN: f"{signs.warned} The nonce generator works, with a warning",
        Outcome.FAIL: f"{signs.refused} The nonce generator failed its self-tests",
    }.get(report.outcome, f"{signs.unknown} No verdict on the nonce generator")
    found = findings(report.diagnoses, None, signs, verbose=False)
    return to_text(Group(Text(head, style=style_of(report.outcome)), "", table, *found), terminal)
