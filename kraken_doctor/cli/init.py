"""``kraken-doctor init``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from kraken_doctor.cli import completing, files
from kraken_doctor.cli.app import App
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.redact import Secret, without_secrets

_OTHERS_S = 10.0
"""For another `init` to write a file, which takes milliseconds."""

_MAX_CHARACTERS = 4096
"""A key has 56, a secret 88; a file given on stdin by mistake has more."""


@click.command("init")
@click.option("--user", metavar="NAME", help="This user's account.", shell_complete=completing.users)
@click.option("--master", is_flag=True, help="The master account.")
@click.option("--key", metavar="KEY", help="The API key; never the secret, which other users of the host would see.")
@click.option(
    "--secret-stdin",
    is_flag=True,
    help="Read the secret from stdin; without --key, the key from the line before it.",
)
@click.option("--replace", is_flag=True, help="Replace values that are set already.")
@click.option("--check/--no-check", default=None, help="Test them afterwards; on a terminal you are asked.")
@click.pass_context
def command(
    ctx: click.Context, /, user: str | None, master: bool, key: str | None, secret_stdin: bool, replace: bool,
    check: bool | None,
) -> None:  # fmt: skip
    """
    Put an account's key and secret into a .env file.

    Asks for what is not given, without showing the secret, and checks the form of both before anything is written.
    The file is the nearest .env, or a new one here, or what --env-file names; it ends up readable by you alone, and
    keeps everything else that is in it.

    \b
    Examples:
      kraken-doctor init
      kraken-doctor init --user daivon_frazier --key "$KEY" --secret-stdin < secret.txt
      vault read -field=pair kraken | kraken-doctor init --master --secret-stdin
    """
    from kraken_doctor.accounts.discovery import name_account

    app: App = ctx.obj
    asks = sys.stdin.isatty() and not secret_stdin
    if not asks and not (secret_stdin and bool(user) != master):
        raise click.UsageError("stdin is no terminal to ask on: give --user NAME or --master, and --secret-stdin", ctx)
    path = _path(ctx)
    if asks and not user and not master:
        user = click.prompt("User's name (empty: the master account)", default="", show_default=False, err=True) or None
    label, key_variable, secret_variable = name_account(user)
    key_text, secret_text = _asked(key) if asks else _given(key)
    for value in (key_text, secret_text):
        app.output.redact.learn(Secret(value))
    values = {key_variable: key_text, secret_variable: secret_text}
    _write(path, values, replace=replace, asks=asks)
    app.output.note(f"Written to {path}, readable by you alone: {key_variable}, {secret_variable}\n")
    _warn(app, path, values)
    if check is None and asks:
        check = click.confirm("Test them now?", default=True, err=True)
    if check:
        _check(ctx, label)
    else:
        app.output.note(f"To test them: kraken-doctor check {_option(label)}\n")


def _path(ctx: click.Context) -> Path:
    """Where the values go."""
    from kraken_doctor.accounts import dotenv

    given = ctx.find_root().params
    named: tuple[str, ...] = given.get("env_file") or ()
    if given.get("no_env_file") or len(named) > 1:
        raise click.UsageError("init writes one .env file: name it once with --env-file, or not at all", ctx)
    path = Path(named[0]) if named else dotenv.find(Path.cwd()) or Path.cwd() / ".env"
    try:
        files.check(path)
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror}") from exc
    return path


def _asked(key: str | None) -> tuple[str, str]:
    """Key and secret from the person at the terminal, who gets another try."""
    key = _sound_key(key) if key else click.prompt("API key", value_proc=_again(_sound_key), err=True)
    secret = click.prompt("API secret (not shown)", hide_input=True, value_proc=_again(_sound_secret), err=True)
    return key, secret


def _given(key: str | None) -> tuple[str, str]:
    """Key and secret from stdin."""
    lines = [sys.stdin.readline(_MAX_CHARACTERS) for _ in range(1 if key else 2)]
    return _sound_key(key or lines[0]), _sound_secret(lines[-1])


def _again(sound: Callable[[str], str]) -> Callable[[str], str]:
    def value(text: str) -> str:
        try:
            return sound(text)
        except ConfigurationError as exc:
            raise click.UsageError(str(exc)) from exc

    return value


def _sound_key(text: str) -> str:
    """
    The key without what a paste brings along.

    Raises:
        ConfigurationError: It can't work.
    """
    from kraken_doctor.accounts.form import inspect_key

    text = _tidy(text)
    form = inspect_key(text)
    if not text or form.placeholder:
        raise ConfigurationError("that is no API key but a placeholder: copy it from the key's page on Kraken")
    if form.shape == "secret":
        raise ConfigurationError("that has the form of a secret: the API key is the shorter of the two")
    if form.flaws:
        raise ConfigurationError(f"the API key holds {', '.join(form.flaws)}: copy it once more")
    return text


def _sound_secret(text: str) -> str:
    """
    The same for a secret. The message never repeats it.

    Raises:
        ConfigurationError: It can't work.
    """
    from kraken_doctor.accounts.form import SECRET_BYTES, inspect_secret

    text = _tidy(text)
    form = inspect_secret(text)
    if not text or form.placeholder:
        raise ConfigurationError("that is no secret but a placeholder: Kraken shows it once, when the key is made")
    if form.shape == "key":
        raise ConfigurationError("that has the form of an API key: the secret is the longer of the two")
    if form.flaws:
        raise ConfigurationError(f"the secret holds {', '.join(form.flaws)}: copy it once more")
    if form.decoded_bytes != SECRET_BYTES:
        raise ConfigurationError(
            f"the secret is not base64 of {SECRET_BYTES} bytes ({form.characters} characters): its end may be missing"
        )
    return text


def _tidy(text: str) -> str:
    """Without blanks, a line's end, a byte order mark or a pair of quotes around it: they come with the paste."""
    text = text.strip().strip("\ufeff").strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`" else text


def _write(path: Path, values: dict[str, str], *, replace: bool, asks: bool) -> None:
    from kraken_doctor.accounts import dotenv

    def held() -> list[str]:
        before = dotenv.read(path).values if path.exists() else {}
        return [name for name, value in values.items() if before.get(name) not in (None, "", value)]

    agreed = asks and not replace and bool(names := held())
    if agreed and not click.confirm(f"{' and '.join(names)} in {path} will be replaced. Go on?", err=True):
        agreed = False
    # From reading it to writing it nobody else does: of two at the same time one's values would be lost.
    with _alone():
        if (names := held()) and not (replace or agreed):
            named = " and ".join(names)
            raise ConfigurationError(f"{path} sets {named} already; nothing was changed (--replace replaces it)")
        try:
            text = path.read_bytes().decode() if path.exists() else ""
            files.write(path, dotenv.with_values(text, values), mode=0o600)
        except OSError as exc:
            raise ConfigurationError(f"{path}: {exc.strerror or exc}") from exc


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """
    One `init` of this user at a time.

    Raises:
        ConfigurationError: Another one does not get done.
    """
    import platformdirs

    from kraken_doctor.nonce.stores import folder
    from kraken_doctor.nonce.stores.kernellock import KernelLock

    state = platformdirs.user_state_path("kraken-doctor", appauthor=False)
    lock = KernelLock(state / "init.lock")
    try:
        folder.own(state)
        free = lock.acquire(_OTHERS_S)
    except OSError:
        free = True  # no place for a lock, as in a container that may not write: nor is there a second init
    if not free:
        raise ConfigurationError("another kraken-doctor init is writing; nothing was changed")
    try:
        yield
    finally:
        lock.close()


def _warn(app: App, path: Path, values: dict[str, str]) -> None:
    """What would make the values public, or useless."""
    from kraken_doctor.cli.git import Fate, fate

    match fate(path, without_secrets(app.environ)):
        case Fate.TRACKED:
            app.output.warn(f"Warning: git tracks {path}: take it out (git rm --cached) before you commit anything.\n")
        case Fate.EXPOSED:
            app.output.warn(f"Warning: git would commit {path}: put {path.name} into .gitignore.\n")
    for name in values:
        if (app.variable(name) or "").strip():
            app.output.warn(f"Warning: {name} is set in this shell's environment too, and wins over the file.\n")


def _check(ctx: click.Context, label: str) -> None:
    from kraken_doctor.checks.catalogue import CATALOGUE
    from kraken_doctor.cli import options
    from kraken_doctor.cli.conduct import conduct

    name = label.removeprefix("USER:")
    choices = {"master": True} if name == label else {"user": (name,)}
    conduct(ctx, options.request("check", CATALOGUE, choices), "table")


def _option(label: str) -> str:
    return "--master" if label == "MASTER" else f"--user {label.removeprefix('USER:')}"
