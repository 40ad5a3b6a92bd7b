"""``kraken-doctor audit``."""

from typing import Any

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit
from kraken_doctor.cli.timeparse import absolute


@params.command("audit")
def command(ctx: click.Context, /, output: str, limit: int, **choices: Any) -> None:
    """
    Show the nonce audit log: each nonce, its call and its outcome.

    Reads the nonce store that the environment configures. Accounts from the environment are shown by name, other keys
    by fingerprint.
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
