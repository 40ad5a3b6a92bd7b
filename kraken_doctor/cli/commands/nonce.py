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
    Confirm the custom nonce generator with self-tests.

    Installs it on a krakenex API object, lets the embedded exchange judge it under threads, and tests it
    alone. Uses a nonce store of its own, which is deleted afterwards: your keys are not touched.

    With --target it tests what your bot uses instead, in a process of its own: is krakenex's hook replaced, by what,
    in which unit; does it repeat, decrease or race; does it keep requests in order. Importing the module runs it:
    connections through Python's socket module are refused in that process, but child processes and C extensions
    are not kept from the network.

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
