"""Key and secret, wrong before anything is sent."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable

from kraken_doctor.sandbox.faults.base import Fault, Inject
from kraken_doctor.sandbox.scenarios import USER, Scenario

_KEY, _SECRET = f"{USER}_API_KEY", f"{USER}_API_SECRET"
_OTHER = "KRAKEN_USER_GRID_BOT"


def _changes(variable: str, change: Callable[[str], str]) -> Inject:
    """The value of *variable* becomes what *change* makes of it."""

    def inject(scenario: Scenario) -> None:
        scenario.environ[variable] = change(scenario.environ.get(variable, ""))

    return inject


def _unset(scenario: Scenario) -> None:
    del scenario.environ[_SECRET]


def _short_key(scenario: Scenario) -> None:
    """A key of unusual length that works: Kraken promises none."""
    old = scenario.key()
    scenario.exchange.keys.pop(old.api_key, None)
    old.api_key = scenario.environ[_KEY] = old.api_key[:44]
    scenario.exchange.keys[old.api_key] = old


def _swap(scenario: Scenario) -> None:
    environ = scenario.environ
    environ[_KEY], environ[_SECRET] = environ[_SECRET], environ[_KEY]


def _same_key(scenario: Scenario) -> None:
    for part in ("KEY", "SECRET"):
        scenario.environ[f"{_OTHER}_API_{part}"] = scenario.environ[f"{USER}_API_{part}"]


def _first_name_shared(scenario: Scenario) -> None:
    """Variables for a first name, and two users who have it."""
    environ = scenario.environ
    for part in ("KEY", "SECRET"):
        environ[f"KRAKEN_USER_DAIVON_API_{part}"] = environ[f"{USER}_API_{part}"]
        del environ[f"{USER}_API_{part}"]


def _readable_file(scenario: Scenario) -> None:
    scenario.env_file_mode = 0o644


def _readable_other_file(scenario: Scenario) -> None:
    scenario.env_file_mode, scenario.env_file_name = 0o640, "bots.env"


def _damaged_file(scenario: Scenario) -> None:
    scenario.env_file_mode = 0o600
    scenario.env_file_text = f"{_KEY}: {scenario.environ[_KEY]}\n"


def _old_key_in_environment(scenario: Scenario) -> None:
    scenario.env_file_mode = 0o600
    scenario.overrides[_KEY] = scenario.environ[_KEY][::-1]


CREDENTIALS = (
    Fault("credentials-missing", "the secret is not set", _unset, "credentials-missing"),
    Fault("credentials-placeholder", "the secret is still that of the example", _changes(_SECRET, lambda _: "your-api-secret"),
          "credentials-placeholder"),
    Fault("credentials-placeholder-word", "a program wrote 'undefined' for the key", _changes(_KEY, lambda _: "undefined"),
          "credentials-placeholder"),
    Fault("credentials-placeholder-reference", "a reference that nothing resolved", _changes(_KEY, lambda _: "${KRAKEN_KEY}"),
          "credentials-placeholder"),
    Fault("credentials-damaged-line", "the whole line was pasted", _changes(_KEY, lambda key: f"export {_KEY}={key}"), "credentials-damaged"),
    Fault("credentials-damaged-json", "JSON was pasted", _changes(_SECRET, lambda secret: f'{{"secret": "{secret}"}}'), "credentials-damaged"),
    Fault("credentials-damaged-comma", "a comma behind the key", _changes(_KEY, lambda key: f"{key},"), "credentials-damaged"),
    Fault("credentials-damaged-twice", "the key was pasted twice", _changes(_KEY, lambda key: key * 2), "credentials-damaged"),
    Fault("credentials-damaged-both", "key and secret in one variable",
          lambda scenario: _changes(_KEY, lambda key: f"{key}:{scenario.environ[_SECRET]}")(scenario), "credentials-damaged"),
    Fault("credentials-damaged-url", "a secret in the encoding of URLs",
          _changes(_SECRET, lambda secret: urllib.parse.quote(secret, safe="")), "credentials-damaged"),
    Fault("dotenv-damaged", "a line of .env in YAML", _damaged_file, "dotenv-damaged", "warn"),
    Fault("key-invalid-overridden", "an old key in the environment, the right one in .env", _old_key_in_environment, "key-invalid"),
    Fault("credentials-damaged", "an invisible character inside the key", _changes(_KEY, lambda key: f"{key[:9]}\u200b{key[9:]}"),
          "credentials-damaged"),
    Fault("credentials-damaged-harmless", "a blank behind the secret, which decodes all the same",
          _changes(_SECRET, lambda secret: f"{secret} "), "credentials-damaged", "warn"),
    Fault("secret-malformed", "the end of the secret is missing", _changes(_SECRET, lambda secret: secret[:60]), "secret-malformed"),
    Fault("key-malformed", "a key of another length, which works", _short_key, "key-malformed", "warn"),
    Fault("key-secret-swapped", "key and secret in each other's variable", _swap, "key-secret-swapped"),
    Fault("key-duplicated", "another account has the same key", _same_key, "key-duplicated"),
    Fault("account-ambiguous", "two users share a first name", _first_name_shared, "account-ambiguous",
          command="check --sandbox --fault account-ambiguous --user daivon_frazier --user daivon_other", of_run=True),
    Fault("dotenv-readable-other", "the group may read another file than .env", _readable_other_file, "dotenv-readable", "warn", of_run=True),
    Fault("dotenv-readable", "others may read .env", _readable_file, "dotenv-readable", "warn", of_run=True),
)  # fmt: skip
