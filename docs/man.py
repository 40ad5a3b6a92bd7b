"""
Writes docs/man/kraken-doctor.1 from the commands themselves; a test holds the two equal.

    python -m docs.man
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from kraken_doctor import __version__
from kraken_doctor.cli.main import cli

PAGE = Path(__file__).parent / "man" / "kraken-doctor.1"

EXIT_STATUS = {
    "0": "Nothing at --fail-on or above.",
    "1": "At least one confirmed problem. It wins over 3.",
    "2": "Usage or configuration of the command itself: an unknown option or user, an unreadable file.",
    "3": "No verdict: a check could not be made, or the doctor itself failed.",
    "130": "Interrupted by Ctrl-C or SIGTERM; the report has the results so far.",
}
ENVIRONMENT = {
    "KRAKEN_USER_<NAME>_API_KEY, KRAKEN_USER_<NAME>_API_SECRET": (
        "A user's account. --user daivon_frazier looks for KRAKEN_USER_DAIVON_FRAZIER_* first, then"
        " KRAKEN_USER_DAIVON_*."
    ),
    "KRAKEN_MASTER_API_KEY, KRAKEN_MASTER_API_SECRET": (
        "The master account; KRAKEN_PLATFORM_*, then KRAKEN_API_KEY and KRAKEN_API_SECRET are read for it too."
    ),
    "..._OTP": "With any of these prefixes: the static password of a key with 2FA.",
    "..._NONCE_UNIT": (
        "With any of these prefixes: the nonce unit of the bot on this key, s, ms, us, 10ns or ns. The doctor"
        " uses no other unit. Default: the unit of the last call recorded as accepted, else milliseconds."
    ),
    "KRAKEN_NONCE_UNIT": "The same for all accounts without their own setting.",
    "KRAKEN_NONCE_STORE": "Where nonces are stored; default: an SQLite file in the user's state directory.",
    "KRAKEN_SPOT_URL": "The API's base URL.",
    "KRAKEN_DOCTOR_<COMMAND>_<OPTION>": "Any option: KRAKEN_DOCTOR_CHECK_TIMEOUT=5.",
    "NO_COLOR, FORCE_COLOR": "--color wins over NO_COLOR, and that over FORCE_COLOR.",
}


def page() -> str:
    """The whole page, in man(7)."""
    context = click.Context(cli, info_name="kraken-doctor", **cli.context_settings)
    lines = [
        f'.TH KRAKEN\\-DOCTOR 1 "" "kraken\\-doctor {__version__}" "User Commands"',
        ".SH NAME",
        "kraken\\-doctor \\- names the cause of a failed connection to Kraken",
        ".SH SYNOPSIS",
        ".B kraken\\-doctor",
        _text(" ".join(cli.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_help(cli),
        ".SH OPTIONS",
        *_options(cli, context),
        ".SH COMMANDS",
    ]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context)
        usage = " ".join(command.collect_usage_pieces(own))
        lines += [f".SS {_text(f'kraken-doctor {name} {usage}')}", *_help(command), *_options(command, own)]
    lines += [".SH EXIT STATUS", *_terms(EXIT_STATUS.items()), ".SH ENVIRONMENT", *_terms(ENVIRONMENT.items())]
    return "\n".join(lines) + "\n"


def _help(command: click.Command) -> Iterator[str]:
    """A docstring's paragraphs; those that Click is told not to fold are examples, and stay as they are."""
    for number, paragraph in enumerate(inspect.cleandoc(command.help or "").split("\n\n")):
        if number:
            yield ".PP"
        if paragraph.startswith("\b"):
            title, *examples = paragraph.removeprefix("\b\n").split("\n")
            yield from (_text(title), ".nf", *map(_text, examples), ".fi")
        else:
            yield _text(" ".join(paragraph.split()))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = (parameter.get_help_record(context) for parameter in command.get_params(context))
    yield from _terms(record for record in records if record is not None)


def _terms(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, words in pairs:
        yield from (".TP", f".B {_text(name)}", _text(words))


def _text(words: str) -> str:
    """One line of text: nothing in it is a request to the formatter."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
