"""``kraken-doctor audit``."""

from __future__ import annotations

from typing import Any

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.command import Command
from kraken_doctor.cli.emit import emit
from kraken_doctor.cli.timeparse import Moment, absolute


@click.command("audit", cls=Command)
@params.accounts
@click.option("--key-id", multiple=True, metavar="ID", help="Show this key, by its fingerprint (repeatable).")
@click.option(
    "--since",
    type=Moment(),
    metavar="TIME",
    help="Show calls since TIME: 30m, 2h or 7d ago, or 2026-11-23T14:00 (UTC).",
)
@click.option("--until", type=Moment(), metavar="TIME", help="Show calls until TIME.")
@click.option("--outcome", metavar="TEXT", help="Show calls whose outcome contains TEXT: ok, nonce, timeout.")
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="Show at most this many of the newest calls."
)
@params.output
@click.pass_context
def command(ctx: click.Context, /, output: str, limit: int, **choices: Any) -> None:
    """
    Show the nonce audit log: what was issued when, for which call, with which outcome.

    Reads the nonce store that the environment names; makes no network calls. Accounts of the environment are shown by
    name, other keys by fingerprint.
    """
    from kraken_doctor.doctor import audit
    from kraken_doctor.nonce.history import Filter

    app: App = ctx.obj
    now_ns = app.clock.now_ns()
    whose = {"users": choices["user"], "master": choices["master"], "everyone": choices["all"]}
    wanted = Filter(
        key_ids=audit.wanted_keys(app.host, choices["key_id"], **whose),
        since_ns=absolute(choices["since"], now_ns) or 0,
        until_ns=absolute(choices["until"], now_ns),
        outcome=choices["outcome"],
    )
    emit(ctx, audit.audit(app.host, app.clock, wanted, limit), output, page="audit")
