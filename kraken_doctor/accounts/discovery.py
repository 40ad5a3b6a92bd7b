"""Which accounts the environment describes, by the names of its variables."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from kraken_doctor.accounts.dotenv import NOT_SET
from kraken_doctor.accounts.environment import PROCESS, Environment
from kraken_doctor.accounts.sources import near_misses
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.account import Account
from kraken_doctor.model.format import did_you_mean
from kraken_doctor.secret import STORE_VARIABLE, Secret

MASTER = "MASTER"
_MASTER_PREFIXES = ("KRAKEN_MASTER", "KRAKEN_PLATFORM", "KRAKEN")
"""In this order; the last is the legacy pair KRAKEN_API_KEY, KRAKEN_API_SECRET."""
_HOW_TO_BEGIN = "kraken-doctor init sets one up; kraken-doctor check --sandbox needs none"
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
    if environment.given:
        return (_given(environment, environment.given, users, several=everyone or len(users) + master > 1),)
    everyone = everyone or not (users or master)
    accounts: dict[str, Account] = {}
    if everyone or master:
        prefix = _used_prefix(environment, _MASTER_PREFIXES)
        if prefix is not None:
            accounts[MASTER] = _account(environment, MASTER, _pair(prefix), prefix)
        elif master:
            raise ConfigurationError(_nothing_for("the master account", _MASTER_PREFIXES, environment))
    names = [*users, *(find_users(environment) if everyone else ())]
    for name in names:
        slug = _slug(name)
        # The full name first, then the first name.
        prefixes = tuple(dict.fromkeys((f"KRAKEN_USER_{slug}", f"KRAKEN_USER_{slug.partition('_')[0]}")))
        prefix = _used_prefix(environment, prefixes)
        if prefix is None:
            raise ConfigurationError(_nothing_for(f"user {name[:60]!r}", prefixes, environment, slug.lower()))
        label = f"USER:{slug.lower()}"
        accounts.setdefault(label, _account(environment, label, _pair(prefix), prefix))
    if not accounts and required:
        raise ConfigurationError(none_found(environment, where=True))
    return _marked_ambiguous(accounts.values())


def none_found(environment: Environment, *, where: bool = False) -> str:
    """Return that there is no account, what is nearly one, and how to begin; *where* says what was looked at too."""
    # Before what was looked at in vain: a line that was meant to set a key is why there is none.
    if damaged := _damaged_lines(environment):
        return f"no account can be read: {'; '.join(damaged[:4])}"
    near = "".join(f"; {clause}" for clause in near_misses(environment)[:4])
    looked_at = f"; searched: {_looked_at(environment)}" if where else ""
    return f"no account is configured{near}{looked_at}; {_HOW_TO_BEGIN}"


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
    Keep *file*, a .env that nobody named, from deciding where a key that it does not hold goes, and its nonces.

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
    own = next((found for name in credentials if (found := environment.get(name)) and found.origin != file.name), None)
    for name, other in instead.items():
        led = environment.get(name)
        if own and led and led.origin.endswith(file.name):  # also where the file names another: "NAME_FILE in .env"
            origin = f"the {PROCESS}" if own.origin == PROCESS else own.origin
            raise ConfigurationError(
                f"{own.name} comes from {origin}, but {name} from {file}, which was found automatically: "
                f"use --env-file {file} if this is intended, --no-env-file to ignore it, or {other}"
            )


def _slug(name: str) -> str:
    """``Daivon Frazier``, ``daivon-frazier`` and ``daivon_frazier`` are one name."""
    slug = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper()
    if not slug:
        raise ConfigurationError(f"user {name[:60]!r} has no letter or digit; use a name such as daivon_frazier")
    return slug


def _used_prefix(environment: Environment, prefixes: Iterable[str]) -> str | None:
    """
    The first prefix of which key or secret is set.

    A half-set pair is used, and found wanting: falling through to the next prefix would quietly connect
    another account than the one that the user was setting up.
    """
    return next((prefix for prefix in prefixes if any(map(environment.get, _pair(prefix)))), None)


def _given(environment: Environment, names: tuple[str, str], users: Sequence[str], *, several: bool) -> Account:
    """The account whose key and secret the user has pointed at. Nothing of another account's variables is its own."""
    if several:
        raise ConfigurationError("--key-file, --config and --from-env hold one account: give at most one --user")
    label = f"USER:{_slug(users[0]).lower()}" if users else MASTER
    if missing := [name for name in names if not environment.get(name)]:
        raise ConfigurationError(
            f"no credentials: {' and '.join(missing)} not set; searched: {_looked_at(environment)}"
        )
    return _account(environment, label, names, "KRAKEN")


def _account(environment: Environment, label: str, names: tuple[str, str], prefix: str) -> Account:
    key, secret = map(environment.get, names)
    own = not environment.given
    # A password of another key's would be sent with this one, and Kraken refuses the call for it.
    otp = environment.get(f"{prefix}_OTP") if own else None
    unit = environment.get(f"{prefix}_NONCE_UNIT") or environment.get("KRAKEN_NONCE_UNIT")
    found = key or secret
    near = [] if key and secret else near_misses(environment, f"{prefix}_")
    return Account(
        label=label,
        key_variable=names[0],
        secret_variable=names[1],
        key=Secret(key.value) if key else None,
        secret=Secret(secret.value) if secret else None,
        otp=Secret(otp.value) if otp else None,
        nonce_unit=unit.value if unit else None,
        nonce_unit_source=f"{unit.name} ({unit.origin})" if unit else "",
        origin=found.origin if found else "",
        elsewhere=tuple(f"{name} in {other}" for name in names if own and (other := environment.hidden(name))),
        damaged_lines=(*_damaged_lines(environment, f" {prefix}_", complete=bool(key and secret)), *near),
    )


def _pair(prefix: str) -> tuple[str, str]:
    return f"{prefix}_API_KEY", f"{prefix}_API_SECRET"


def _looked_at(environment: Environment) -> str:
    return ", ".join(f"{place} ({seen})" for place, seen in environment.looked_at) or "the environment"


def _damaged_lines(environment: Environment, part: str = "", *, complete: bool = False) -> list[str]:
    """Lines with *part* in them; for a pair that is *complete* not those that are left alone, such as comments."""
    found = (f"{origin}, {line}" for origin, lines in environment.damaged_lines.items() for line in lines)
    return [line for line in found if part in line and not (complete and line.endswith(NOT_SET))]


def _marked_ambiguous(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Accounts with the same variables: two users whose first name they share."""
    known = tuple(accounts)

    def others(of: Account) -> tuple[str, ...]:
        return tuple(other.label for other in known if other.key_variable == of.key_variable and other is not of)

    return tuple(replace(account, shares_first_name_with=others(account)) for account in known)


def _nothing_for(whom: str, prefixes: Iterable[str], environment: Environment, name: str = "") -> str:
    looked_for = ", ".join(f"{prefix}_API_KEY" for prefix in prefixes)
    known = find_users(environment)
    hint = f"; users that are set: {', '.join(known[:5])}" if known else ""
    meant = did_you_mean(name, known, otherwise=hint)
    more = "".join(f"; {line}" for line in [*near_misses(environment), *_damaged_lines(environment)][:4])
    where = f" in {_looked_at(environment)}" if environment.looked_at else ""
    return f"no credentials for {whom}: looked for {looked_for} (and the matching _API_SECRET){where}{meant}{more}"
