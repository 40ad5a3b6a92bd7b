"""``kraken-doctor sandbox``."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.doctor import sandbox_env
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.secret import is_read_here, without_secrets
from kraken_doctor.terminal.interruption import ENDINGS, handled

if TYPE_CHECKING:
    from kraken_doctor.sandbox.exchange import Exchange
    from kraken_doctor.sandbox.scenarios import Scenario
    from kraken_doctor.terminal.text import Terminal

_ENDS_WITHIN_S = 10.0
"""After SIGTERM a command has that long; as `docker stop` has it."""

_POLL_S = 0.2
_HTTPS_PORT = 443


@params.command("sandbox", context_settings={"allow_interspersed_args": False})
def command(ctx: click.Context, /, list_faults: bool, **choices: Any) -> None:
    """
    Serve the embedded exchange, or run a command against it.

    Prints the variables to export, and serves until Ctrl-C. With a command, runs it with these variables set, so that
    it can't reach a real exchange: on Linux it gets a network of its own, in which api.kraken.com is the sandbox;
    elsewhere Python programs can't open any other connection. Its environment has no real credentials: variables that
    kraken-doctor itself reads are removed, and those named like a secret, a password, a token or a key get a dummy
    value; files stay readable. Exits with the command's status, or with 3 if no request arrived.

    \b
    Examples:
      kraken-doctor sandbox
      kraken-doctor sandbox -- python my_bot.py
      kraken-doctor sandbox --allow-loopback 5432 -- python my_bot.py
      kraken-doctor sandbox --fault nonce-shared-key -- python my_bot.py
      kraken-doctor sandbox --list-faults
    """
    app: App = ctx.obj
    if list_faults:
        app.output.out(_listing(app.output.terminal()))
        return
    request = _Request(**choices)
    if request.arguments:
        ctx.exit(_run(app, request))
    ended: list[int] = []
    # A list and no Event: its lock may be this very thread's when the handler is called, and that would wait for good.
    with handled(ENDINGS[1:], lambda number, _: ended.append(number)), contextlib.ExitStack() as stack:
        variables = _serve(stack, request, _scenario(request.faults))
        app.output.show_demo("".join(f"{_assignment(name, value)}\n" for name, value in variables.items()))
        app.output.info("Serving until Ctrl-C; these keys only work on this exchange.\n")
        while not (ended or app.interruption.requested()):  # Ctrl-C is raised
            # Not signal.pause, which Windows has not.
            time.sleep(_POLL_S)


def _assignment(name: str, value: str) -> str:
    """As the shell has it that is at hand: PowerShell, or one of POSIX."""
    if sys.platform == "win32":
        return f"$env:{name} = '{value}'"
    return f"export {name}={shlex.quote(value)}"


class _Request(NamedTuple):
    """What the options of one invocation ask for."""

    arguments: tuple[str, ...]
    host: str
    port: int
    faults: tuple[str, ...]
    pass_env: tuple[str, ...]
    allow_network: bool
    allow_loopback: tuple[int, ...]


def _scenario(faults: tuple[str, ...]) -> Scenario:
    """
    The demo with *faults*.

    Raises:
        ConfigurationError: They are none that another program would meet.
    """
    scenario = sandbox_env.build_scenario(faults)
    if scenario.in_doctor:
        named = " and ".join(faults)
        raise ConfigurationError(
            f"{named} is simulated inside the doctor, not the exchange; run: kraken-doctor check --sandbox --fault"
        )
    return scenario


def _serve(stack: contextlib.ExitStack, request: _Request, scenario: Scenario) -> dict[str, str]:
    """Serve *scenario* until *stack* is closed; return the variables that lead to it."""
    url, clocks = sandbox_env.serve(stack, scenario, request.host, request.port)
    servers = {f"KRAKEN_DOCTOR_{name}_NTP_SERVER": " ".join(clocks) for name in ("CHECK", "CLOCK")}
    return {"KRAKEN_SPOT_URL": url, **scenario.environ, **scenario.variables, **servers}


def _listing(terminal: Terminal) -> str:
    """The faults by section, each with what it is."""
    from rich.console import Group

    from kraken_doctor.render.rich_page import listing, to_text
    from kraken_doctor.sandbox.faults import SECTIONS

    rows = [[fault.name, fault.title] for section in SECTIONS.values() for fault in section]
    hint = "To see one: kraken-doctor check --sandbox --fault NAME"
    return to_text(Group(listing(["Fault", "What is wrong"], rows), "", hint), terminal)


def _run(app: App, request: _Request) -> int:
    """Run the command; return its status, or 3 where that is 0 and no request arrived."""
    from kraken_doctor.inject.launch import Command

    inherited = _inherited(request)
    scenario = _scenario(request.faults)
    started = Command(request.arguments, _ENDS_WITHIN_S)
    # Until the folder is gone: whatever ends us, neither it nor the command is left behind.
    with (
        handled(ENDINGS, started.hand_on),
        app.interruption.deferred(unless_requested=True),  # what was put off until now has no other handler any more
        contextlib.ExitStack() as stack,
    ):
        scratch = tempfile.TemporaryDirectory(prefix="kraken-doctor-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(scratch))
        by_kernel, trusted = _confine(app, stack, request, scenario, folder)
        variables = _serve(stack, request, scenario)
        environ = {
            **inherited,
            # After what is inherited: a mark of the sandbox in the user's own store would be the next bot's to follow.
            "KRAKEN_NONCE_STORE": f"sqlite:///{folder / 'nonce.db'}",
            **trusted,
            **variables,
            "KRAKEN_DOCTOR_NO_ENV_FILE": "1",
        }
        status = started.run(_hooked(environ, request, by_kernel=by_kernel))
    return _summarise(app, scenario.exchange, status)


def _inherited(request: _Request) -> dict[str, str]:
    """
    What of our own environment the command sees: nothing of an account, no login; a proxy only with the network.

    Raises:
        ConfigurationError: ``--pass-env`` names what is given to no command.
    """
    from kraken_doctor.sandbox.keys import without_named_secrets

    if own := [name for name in request.pass_env if is_read_here(name)]:
        raise ConfigurationError(
            f"--pass-env {own[0]} is refused: the doctor itself reads it, and passes it to no command"
        )
    kept = {name: value for name, value in without_secrets(os.environ).items() if not _is_left_out(name)}
    if request.allow_network:
        # A proxy would send calls to loopback to its own.
        excepted = ",".join(filter(None, (kept.get("no_proxy") or kept.get("NO_PROXY"), "127.0.0.1,::1,localhost")))
        kept |= {"no_proxy": excepted, "NO_PROXY": excepted}
    else:
        kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    return without_named_secrets(kept) | {name: os.environ[name] for name in request.pass_env if name in os.environ}


def _is_left_out(name: str) -> bool:
    of_account = name.startswith("KRAKEN_") and name.endswith("_NONCE_UNIT") and name != "KRAKEN_NONCE_UNIT"
    # Of a `run` around us the hook would lead to this user's own store.
    return of_account or name.startswith("KRAKEN_DOCTOR_HOOK_")


def _confine(
    app: App, stack: contextlib.ExitStack, request: _Request, scenario: Scenario, folder: Path
) -> tuple[bool, Mapping[str, str]]:
    """
    Put this process where only loopback exists, and serve api.kraken.com there; say what of it can't be done.

    Returns:
        Whether the kernel keeps the command from other hosts, and variables for the command.
    """
    from kraken_doctor.render.phrases import paragraph
    from kraken_doctor.sandbox import isolation, listeners

    if request.allow_network:
        app.output.warn(f"{paragraph('allow-network')}\n")
        return False, {}
    # In a process that was not started for this command, or has threads, there is no way back out.
    alone = app.own_process and threading.active_count() == 1
    if not alone or not isolation.available():
        app.output.warn(f"{paragraph('no-namespace')}\n")
        return False, {}
    sockets = isolation.unix_sockets()
    files = listeners.make_certificate(folder)
    ports = request.allow_loopback
    link = stack.enter_context(isolation.relay(ports)) if ports else None
    isolation.enter()
    failed = isolation.lead_home(folder, files[0] if files else None, sockets)
    if link is not None:
        isolation.offer_ports(link, ports)
    if failed:
        app.output.warn(f"Not enforced: {', '.join(failed[:5])}{' and others' if len(failed) > 5 else ''}.\n")
    if files is None:
        app.output.warn("openssl created no certificate: only known clients reach the sandbox as api.kraken.com.\n")
        return True, {}
    if scenario.wire is listeners.plain:  # where a fault leads elsewhere, the name leads nowhere
        stack.enter_context(listeners.served_as_kraken(scenario.exchange, files[1], files[2], _HTTPS_PORT))
    # Each is read by others: Python's ssl and Go, requests, curl, and Node, which goes by no file of the system.
    trusted = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    return True, dict.fromkeys(trusted, str(files[0]))


def _hooked(environ: Mapping[str, str], request: _Request, *, by_kernel: bool) -> dict[str, str]:
    """*environ* with the hook that leads known clients to the sandbox, and refuses others where nothing else does."""
    from urllib.parse import urlsplit

    from kraken_doctor.inject.launch import with_hook

    url = environ["KRAKEN_SPOT_URL"]
    ports = {urlsplit(url).port, *request.allow_loopback}
    ports |= {int(server.rpartition(":")[2]) for server in environ["KRAKEN_DOCTOR_CHECK_NTP_SERVER"].split()}
    hook = {"KRAKEN_DOCTOR_HOOK_URL": url}
    if not (by_kernel or request.allow_network):
        hook["KRAKEN_DOCTOR_HOOK_PORTS"] = ",".join(str(port) for port in ports if port)
    return with_hook(environ, "sandbox", hook)


def _summarise(app: App, exchange: Exchange, status: int) -> int:
    keys = exchange.keys.values()
    accepted, refused = sum(key.accepted for key in keys), sum(key.refused for key in keys)
    line = f"requests: {exchange.arrived}; private calls accepted: {accepted}, refused: {refused}"
    if unknown := exchange.unknown_key:
        line += f", with a key that is not the sandbox's: {unknown} (use KRAKEN_MASTER_API_KEY and _SECRET)"
    if not exchange.arrived:
        line = "no request arrived"
    (app.output.info if exchange.arrived else app.output.warn)(f"kraken-doctor sandbox: {line}.\n")
    return status or (0 if exchange.arrived else 3)
