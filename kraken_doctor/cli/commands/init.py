"""``kraken-doctor init``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_doctor.cli import params, pasted
from kraken_doctor.cli.app import App
from kraken_doctor.descriptors import effective_user
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.secret import Secret, without_secrets
from kraken_doctor.terminal import files

if TYPE_CHECKING:
    from kraken_doctor.accounts.environment import Variable
    from kraken_doctor.accounts.families import Family

_OTHERS_S = 10.0
"""For another `init` to write a file, which takes milliseconds."""

_MAX_CHARACTERS = 4096
"""A key has 56, a secret 88; a file given on stdin by mistake has more."""

_STOP = "Stop the bot on this key before you test, or give the doctor a key of its own"
_ALONE = "the doctor can't use this client's unit: create a separate key for the doctor"


@params.command("init")
def command(
    ctx: click.Context, /, user: str | None, master: bool, key: str | None, secret_stdin: bool, trades: str | None,
    replace: bool, check: bool | None,
) -> None:  # fmt: skip
    """
    Write an account's key, secret and nonce unit to a .env file.

    Asks for whatever is not given, without showing the secret, and checks the format of both before it writes anything.
    The file is the one that --env-file names, else the nearest .env, else a new one here. Only you can read it
    afterwards (on Windows: anyone who can read its folder), and its other contents are kept.

    The client that trades on the key decides the unit of the doctor's nonces, which is written next to the key: a nonce
    in a finer unit locks the bot out of its key for good. Stop the bot before you test, or give the doctor a key of its
    own.

    \b
    Examples:
      kraken-doctor init
      kraken-doctor init --user daivon_frazier --trades ccxt --key "$KEY" --secret-stdin < secret.txt
      vault read -field=pair kraken | kraken-doctor init --master --secret-stdin
    """
    from kraken_doctor.accounts import families
    from kraken_doctor.accounts.discovery import name_account

    app: App = ctx.obj
    client = families.find(trades) if trades is not None else None
    asks = sys.stdin.isatty() and not secret_stdin
    if not asks and not (secret_stdin and bool(user) != master):
        raise click.UsageError("stdin is not a terminal: give --user NAME or --master, and --secret-stdin", ctx)
    path, found = _path(ctx)
    if asks and not user and not master:
        user = click.prompt("User's name (empty: the master account)", default="", show_default=False, err=True) or None
    label, prefix = name_account(user)
    key_text, secret_text = _asked(key) if asks else _given(key)
    for value in (key_text, secret_text):
        app.output.redact.learn(Secret(value))
    values = {f"{prefix}_API_KEY": key_text, f"{prefix}_API_SECRET": secret_text}
    if client is None and asks:
        client = _asked_client()
    if client is not None:
        # The account's own: the variable for all accounts would change what is sent for the others.
        values[f"{prefix}_NONCE_UNIT"] = client.unit.value if client.unit else ""
    alone = client is not None and client.needs_own_key
    if alone and check:
        raise ConfigurationError(f"{_ALONE}; nothing was written; to write it without a test, use --no-check")
    written = _write(path, values, found=found, replace=replace, asks=asks)
    app.output.info(f"Written to {path}, {_readable_by()}: {', '.join(written)}\n")
    _warn(app, path, values)
    declared = app.host.environment.get(f"{prefix}_NONCE_UNIT") or app.host.environment.get("KRAKEN_NONCE_UNIT")
    if alone:
        held = f" {declared.name} is set, though: unset it before you check this key." if declared else ""
        app.output.warn(f"No nonce unit was written: {_ALONE}, and run init with that key.{held}\n")
        return
    if check or (asks and check is None):
        app.output.warn(f"{_before_a_test(declared, client)}\n")
        check = check or click.confirm("Test them now?", default=client is families.NOTHING, err=True)
    if check:
        _check(ctx, label)
    else:
        option = f"--user {label.removeprefix('USER:')}" if user else "--master"
        app.output.info(f"{_STOP}.\nTo test them: kraken-doctor check {option}\n")


def _path(ctx: click.Context) -> tuple[Path, bool]:
    """Where the values go, and whether that was found, not named."""
    from kraken_doctor.accounts import dotenv

    app: App = ctx.obj
    named = app.host.env_files
    if named is None or len(named) > 1:
        raise click.UsageError("init writes one .env file: name it once with --env-file, or not at all", ctx)
    path = named[0] if named else dotenv.find(Path.cwd()) or Path.cwd() / ".env"
    try:
        files.check(path)
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror}") from exc
    return path, not named


def _asked(key: str | None) -> tuple[str, str]:
    """Key and secret from the person at the terminal, who gets another try."""
    key = pasted.sound_key(key) if key else click.prompt("API key", value_proc=pasted.again(pasted.sound_key), err=True)
    secret = click.prompt(
        "API secret (not shown)", hide_input=True, value_proc=pasted.again(pasted.sound_secret), err=True
    )
    return key, secret


def _asked_client() -> Family:
    """What the person says trades on the key."""
    from kraken_doctor.accounts.families import by_unit, find

    table = click.HelpFormatter(width=80)
    clients = [(unit.value if unit else "own key", ", ".join(c.id for c in group)) for unit, group in by_unit().items()]
    table.write_dl([("nothing", "nothing trades on it yet, or it is the doctor's own key"), *clients])
    click.echo(f"What trades on this key? By the unit of its nonces:\n{table.getvalue().rstrip()}", err=True)
    client: Family = click.prompt("Client, or unit", value_proc=pasted.again(find), err=True)
    return client


def _given(key: str | None) -> tuple[str, str]:
    """Key and secret from stdin."""
    lines = [sys.stdin.readline(_MAX_CHARACTERS) for _ in range(1 if key else 2)]
    return pasted.sound_key(key or lines[0]), pasted.sound_secret(lines[-1])


def _write(path: Path, values: dict[str, str], *, found: bool, replace: bool, asks: bool) -> list[str]:
    """Set *values*, an empty one only where it has to end what is set; the names of those that were."""
    from kraken_doctor.accounts import dotenv

    def before() -> dotenv.EnvFile | None:
        return dotenv.read(path, found=found) if path.exists() else None

    def held(file: dotenv.EnvFile | None) -> list[str]:
        return [name for name, value in values.items() if file and file.values.get(name) not in (None, "", value)]

    if asks and not replace and (names := held(before())):
        replace = click.confirm(f"{' and '.join(names)} in {path} will be replaced. Continue?", err=True)
    # From reading it to writing it nobody else does: of two at the same time one's values would be lost.
    with _alone():
        file = before()
        if (names := held(file)) and not replace:
            named = " and ".join(names)
            raise ConfigurationError(f"{path} already sets {named}; nothing was changed (use --replace)")
        values = {name: value for name, value in values.items() if value or (file and file.values.get(name))}
        try:
            # In one step: whoever loads the file at this moment gets the old pair or the new one, never a mixed one.
            files.write(path, dotenv.with_values(file.text if file else "", values), mode=0o600)
        except OSError as exc:
            raise ConfigurationError(f"{path}: {exc.strerror or exc}") from exc
    return list(values)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """
    One `init` of this user at a time.

    Raises:
        ConfigurationError: Another one does not get done.
    """
    import platformdirs

    from kraken_doctor.nonce.stores.fileturn import KernelLock

    state = platformdirs.user_state_path("kraken-doctor", appauthor=False)
    with contextlib.closing(KernelLock(state / "init.lock")) as lock:
        try:
            free = lock.acquire(_OTHERS_S)
        except OSError:
            free = True  # no place for a lock, as in a container that may not write: nor is there a second init
        if not free:
            raise ConfigurationError("another kraken-doctor init is writing; nothing was changed")
        yield


def _readable_by() -> str:
    if effective_user() is not None:
        return "readable by you alone"
    return "readable by anyone who can read its folder (see icacls: in your profile, you and administrators)"


def _warn(app: App, path: Path, values: dict[str, str]) -> None:
    """What would make the values public, or useless."""
    from kraken_doctor.accounts.git import GitStatus, status

    match status(path, without_secrets(app.host.environ)):
        case GitStatus.TRACKED:
            app.output.warn(f"Warning: git tracks {path}: remove it (git rm --cached) before you commit anything.\n")
        case GitStatus.EXPOSED:
            app.output.warn(f"Warning: git would commit {path}: add {path.name} to .gitignore.\n")
    for name in values:
        if app.host.environ.get(name, "").strip():
            app.output.warn(f"Warning: {name} is also set in this shell's environment, and wins over the file.\n")


def _before_a_test(declared: Variable | None, client: Family | None) -> str:
    """What a test beside a running bot means, and the unit that it will use."""
    from kraken_doctor.model.unit import NonceUnit
    from kraken_doctor.render.phrases import paragraph

    if declared:
        unit = f"{NonceUnit.parse(declared.value, named=declared.name).words} ({declared.name})"
        coarser = "in a coarser unit"
    else:
        unit, coarser = "milliseconds, or in the unit of the last call on this key recorded as accepted", "seconds"
    own = f" {client.name}: {client.counts}." if client and client.counts else ""
    return paragraph("before-a-test", stop=_STOP, coarser=coarser, own=own, unit=unit)


def _check(ctx: click.Context, label: str) -> None:
    from kraken_doctor.checks.catalogue import CATALOGUE
    from kraken_doctor.cli.emit import run_and_emit

    choices = {"user": (name,)} if (name := label.removeprefix("USER:")) != label else {"master": True}
    run_and_emit(ctx, params.request("check", CATALOGUE, choices), "table")
