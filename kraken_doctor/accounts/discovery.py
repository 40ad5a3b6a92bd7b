"""Which accounts the environment describes, by the names of its variables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from kraken_doctor.accounts.environment import PROCESS, Environment
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.account import Account
from kraken_doctor.model.format import did_you_mean
from kraken_doctor.redact import STORE_VARIABLE, Secret

MASTER = "MASTER"
_MASTER_PREFIXES = ("KRAKEN_MASTER", "KRAKEN_PLATFORM", "KRAKEN")
"""In this order; the last is the legacy pair KRAKEN_API_KEY, KRAKEN_API_SECRET."""
_HOW_TO_BEGIN = (
    "no account is configured: kraken-doctor init asks for a key and its secret; or set KRAKEN_MASTER_API_KEY and"
    " KRAKEN_MASTER_API_SECRET, or KRAKEN_USER_<NAME>_API_KEY and KRAKEN_USER_<NAME>_API_SECRET, in the environment"
    " or in .env; or try it without any: kraken-doctor check --sandbox"
)
_USER_VARIABLE = re.compile(r"KRAKEN_USER_([A-Z0-9_]+)_API_(?:KEY|SECRET)")


def find_accounts(
    environment: Environment,
    *,
    users: Sequence[str] = (),
    master: bool = False,
    everyone: bool = False,
    required: bool = True,
) -> tuple[Account, ...]:
    """
    The accounts asked for, master first; all that the environment has when none is named.

    Raises:
        ConfigurationError: One that was named has no variable at all, or none is there though one is *required*.
    """
    everyone = everyone or not (users or master)
    accounts: dict[str, Account] = {}
    if everyone or master:
        prefix = _used_prefix(environment, _MASTER_PREFIXES)
        if prefix is not None:
            accounts[MASTER] = _account(environment, MASTER, prefix)
        elif master:
            raise ConfigurationError(_nothing_for("the master account", _MASTER_PREFIXES, environment))
    names = [*users, *(find_users(environment) if everyone else ())]
    for name in names:
        slug = _slug(name)
        prefixes = _user_prefixes(slug)
        prefix = _used_prefix(environment, prefixes)
        if prefix is None:
            raise ConfigurationError(_nothing_for(f"user {name[:60]!r}", prefixes, environment, slug.lower()))
        label = f"USER:{slug.lower()}"
        accounts.setdefault(label, _account(environment, label, prefix))
    if not accounts and required:
        damaged = _damaged_lines(environment)
        begin = f"no account can be read: {'; '.join(damaged[:4])}" if damaged else _HOW_TO_BEGIN
        raise ConfigurationError(begin)
    return _marked_ambiguous(accounts.values())


def find_users(environment: Environment) -> list[str]:
    """Names of users by the variables that are set, in alphabetical order."""
    return sorted({match[1].lower() for name in environment if (match := _USER_VARIABLE.fullmatch(name))})


def name_account(user: str | None) -> tuple[str, str]:
    """
    The label of *user*, or of the master account for None, and the prefix of its variables.

    Raises:
        ConfigurationError: The name has nothing that a variable's name could be made of.
    """
    slug = _slug(user) if user is not None else ""
    prefix = f"KRAKEN_USER_{slug}" if slug else _MASTER_PREFIXES[0]
    return f"USER:{slug.lower()}" if slug else MASTER, prefix


def refuse_led_elsewhere(
    environment: Environment, accounts: Iterable[Account], file: Path, *, url: str | None = None
) -> None:
    """
    Keep *file*, a .env that nobody named, from deciding where a key of the process goes, and which nonces it spends.

    Whoever can put a file into a folder, or a folder above it, would get the keys of all who work there.

    Args:
        environment: Of the process and *file*.
        accounts: Whose keys are to be sent.
        file: Where it is.
        url: What `--api-url` says, which goes before any variable.

    Raises:
        ConfigurationError: It would decide that.
    """
    instead = {} if url else {"KRAKEN_SPOT_URL": "--api-url URL"}
    instead[STORE_VARIABLE] = f"{STORE_VARIABLE} in the environment"
    credentials = (name for account in accounts for name in (account.key_variable, account.secret_variable))
    own = next((name for name in credentials if (set_ := environment.get(name)) and set_.origin == PROCESS), None)
    for name, other in instead.items():
        led = environment.get(name)
        if own and led and led.origin != PROCESS:
            raise ConfigurationError(
                f"{own} comes from the environment, but {name} from {file}, a file that was found there: use "
                f"--env-file {file} if that is meant, --no-env-file to ignore it, or {other}"
            )


def _slug(name: str) -> str:
    """``Daivon Frazier``, ``daivon-frazier`` and ``daivon_frazier`` are one name."""
    slug = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper()
    if not slug:
        raise ConfigurationError(f"user {name[:60]!r} has no letter or digit; use a name such as daivon_frazier")
    return slug


def _user_prefixes(slug: str) -> tuple[str, ...]:
    """The full name first, then the first name."""
    return tuple(dict.fromkeys((f"KRAKEN_USER_{slug}", f"KRAKEN_USER_{slug.split('_', maxsplit=1)[0]}")))


def _used_prefix(environment: Environment, prefixes: Iterable[str]) -> str | None:
    """
    The first prefix of which key or secret is set.

    A half-set pair is used, and found wanting: falling through to the next prefix would quietly connect
    another account than the one that the user was setting up.
    """
    for prefix in prefixes:
        if environment.get(f"{prefix}_API_KEY") or environment.get(f"{prefix}_API_SECRET"):
            return prefix
    return None


def _account(environment: Environment, label: str, prefix: str) -> Account:
    key = environment.get(f"{prefix}_API_KEY")
    secret = environment.get(f"{prefix}_API_SECRET")
    otp = environment.get(f"{prefix}_OTP")
    unit = environment.get(f"{prefix}_NONCE_UNIT") or environment.get("KRAKEN_NONCE_UNIT")
    found = key or secret
    return Account(
        label=label,
        key_variable=f"{prefix}_API_KEY",
        secret_variable=f"{prefix}_API_SECRET",
        key=Secret(key.value) if key else None,
        secret=Secret(secret.value) if secret else None,
        otp=Secret(otp.value) if otp else None,
        nonce_unit=unit.value if unit else None,
        nonce_unit_source=f"{unit.name} ({unit.origin})" if unit else "",
        origin=found.origin if found else "",
        elsewhere=tuple(
            f"{name} in {other}"
            for name in (f"{prefix}_API_KEY", f"{prefix}_API_SECRET")
            if (other := environment.hidden(name))
        ),
        damaged_lines=tuple(line for line in _damaged_lines(environment) if f" {prefix}_" in line),
    )


def _damaged_lines(environment: Environment) -> list[str]:
    return [f"{origin}, {line}" for origin, lines in environment.damaged_lines.items() for line in lines]


def _marked_ambiguous(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Accounts with the same variables: two users whose first name they share."""
    by_variable = defaultdict(list)
    for account in accounts:
        by_variable[account.key_variable].append(account.label)
    return tuple(
        replace(
            account,
            shares_first_name_with=tuple(
                label for label in by_variable[account.key_variable] if label != account.label
            ),
        )
        for account in accounts
    )


def _nothing_for(whom: str, prefixes: Iterable[str], environment: Environment, name: str = "") -> str:
    looked_for = ", ".join(f"{prefix}_API_KEY" for prefix in prefixes)
    known = find_users(environment)
    hint = f"; users that are set: {', '.join(known[:5])}" if known else ""
    meant = did_you_mean(name, known, otherwise=hint)
    damaged = "".join(f"; {line}" for line in _damaged_lines(environment)[:4])
    return f"no credentials for {whom}: looked for {looked_for} (and the matching _API_SECRET){meant}{damaged}"
