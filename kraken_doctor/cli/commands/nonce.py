"""``kraken-doctor nonce``."""

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit
from kraken_doctor.doctor.reporting import Started, finished
from kraken_doctor.model.unit import NonceUnit


@params.command("nonce")
def command(
    ctx: click.Context, /, target: str | None, nonce_unit: str, timeout: float, output: str, fail_on: str
) -> None:
    """
    Test the custom nonce generator.

    Tests it alone, and on a krakenex API object that calls the embedded exchange from several threads. Uses a temporary
    nonce store: your keys are not touched.

    With --target, tests your bot's generator instead, in a separate process: whether krakenex's hook is replaced, by
    what, and in which unit; whether nonces repeat, decrease or race; whether requests are kept in order. The module is
    imported, which runs its code: that process can't connect through Python's socket module, but child processes and C
    extensions are not kept from the network.

    \b
    Examples:
      kraken-doctor nonce
      kraken-doctor nonce --target my_bot.exchange:api
    """
    app: App = ctx.obj
    started = Started.now(app.clock)
    if target is None:
        import krakenex

        from kraken_doctor.doctor.self_test import own_generator

        checks, diagnoses, extra = own_generator(NonceUnit(nonce_unit), krakenex)
    else:
        from kraken_doctor.doctor.target_test import examine_target

        checks, diagnoses, extra = examine_target(target, timeout, app.host.environ)
    report = finished("nonce", started, checks, diagnoses, extra=extra)
    emit(ctx, report, output, fail_on, page="nonce")
