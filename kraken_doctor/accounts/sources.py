"""Where bots keep a key beside variables and .env: key files, configurations, their own variables, mounted secrets."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kraken_doctor.accounts import textfile
from kraken_doctor.accounts.dotenv import EnvFile
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.secret import CREDENTIALS_FOLDER
from kraken_doctor.tables import load

GIVEN = ("KRAKEN_API_KEY", "KRAKEN_API_SECRET")
"""What key and secret of a file that is named on the command line are called."""

CLIENT_VARIABLES: dict[str, tuple[str, str]] = {
    client: (key, secret) for client, (key, secret) in load(__file__, "sources.toml").items()
}
"""``--from-env``: names that these clients read by themselves, or as their documents have it."""

KEY_FILE = "kraken.key"
"""What krakenex's examples call theirs. It is noticed, and not read unless it is named."""

_NAME = re.compile(r"KRAKEN_(?:\w+_)?(?:API_KEY|API_SECRET|OTP|NONCE_UNIT|NONCE_STORE)|KRAKEN_SPOT_URL")
_CREDENTIAL = re.compile(r"KRAKEN_(?:\w+_)?(?:API_KEY|API_SECRET|OTP)(?:_FILE)?")
_NOT_JSON = re.compile(r'"(?>(?:\\.|[^"\\])*)(?:"|\\?\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)|,(?=\s*+[}\]])', re.DOTALL)
"""Comments and trailing commas, which freqtrade allows; and strings, in which they are neither."""

_TABLES = ("exchange", "kraken", "auth")
"""Of freqtrade, of ccxt's keys.json, of Kraken's own CLI."""
_KEYS, _SECRETS = ("key", "apiKey", "api_key"), ("secret", "privateKey", "api_secret")

# FUTURES_ is left out: such a key is another product's, which the Spot API does not know
# (https://github.com/krakenfx/kraken-cli/issues/33).
NEAR = re.compile(
    r"KRAKEN_(?:(?P<whose>(?!FUTURES_|DOCTOR_)[A-Z0-9_]{1,100}?)_)??"
    r"(?:(?P<key>(?:API_?)?(?:PUBLIC_?)?KEY(?:_ID)?)|(?:API_?)?(?:SECRET|SECRET_?KEY|PRIVATE_?KEY))"
)


def is_credential(name: str) -> bool:
    """Whether the variable *name* holds a key, a secret or a password, under its own name or a client's."""
    return bool(_CREDENTIAL.fullmatch(name)) or any(name in pair for pair in CLIENT_VARIABLES.values())


def key_file(path: Path) -> EnvFile:
    """
    Return what krakenex's ``load_key`` reads: the key on one line, the secret on the next.

    Raises:
        ConfigurationError: It can't be read, or has no two lines.
    """
    text, readable_by_others = textfile.read(path, instead="--key-file")
    lines = text.removeprefix("\ufeff").split()
    if len(lines) < 2:
        raise ConfigurationError(f"{path}: expected the key on one line and the secret on the next, found {len(lines)}")
    return EnvFile(path, dict(zip(GIVEN, lines, strict=False)), (), readable_by_others, "")


def config(path: Path) -> EnvFile:
    """
    Return key and secret of a bot's configuration: freqtrade's or ccxt's JSON, or kraken-cli's TOML, by its content.

    Raises:
        ConfigurationError: It can't be read, is for another exchange, or holds no such pair.
    """
    text, readable_by_others = textfile.read(path, instead="--config")
    for table in _tables(_parsed(path, text.removeprefix("\ufeff"))):
        found = [next((table[name] for name in names if name in table), None) for names in (_KEYS, _SECRETS)]
        if found == [None, None]:
            continue
        if str(table.get("name", "kraken")).lower() != "kraken":
            raise ConfigurationError(f"{path}: the configuration of an exchange other than Kraken")
        values = {"key": found[0], "secret": found[1]}
        if lacking := [what for what, value in values.items() if not (value and str(value).strip())]:
            verb = "are" if lacking[1:] else "is"
            raise ConfigurationError(f"{path}: the {' and the '.join(lacking)} in it {verb} empty")
        return EnvFile(path, dict(zip(GIVEN, map(str, found), strict=True)), (), readable_by_others, "")
    raise ConfigurationError(
        f"{path}: no key found; looked for exchange.key (freqtrade), apiKey (ccxt) and auth.api_key (kraken-cli)"
    )


def _parsed(path: Path, text: str) -> Any:
    import json
    import tomllib

    try:
        if text.lstrip().startswith("{"):
            return json.loads(_NOT_JSON.sub(lambda found: found[0] if found[0][0] == '"' else " ", text))
        return tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        # Its own message may quote the file.
        at = re.search(r"line \d+", str(exc))
        raise ConfigurationError(f"{path}: neither JSON nor TOML{f', see {at[0]}' if at else ''}") from None


def _tables(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield from (table for name in _TABLES if isinstance(table := document.get(name), dict))
        yield document


def mounted(environ: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """
    Yield the values that *environ* has files for, each under where it comes from: ``NAME_FILE``, or systemd's folder.

    Raises:
        ConfigurationError: A file that is named can't be read.
    """
    for name, path in environ.items():
        own = name.removesuffix("_FILE")
        if own != name and path.strip() and _NAME.fullmatch(own):
            yield name, {own: _value(Path(path.strip()), name)}
    if folder := environ.get(CREDENTIALS_FOLDER):
        try:
            files = {file: file.name.upper() for file in sorted(Path(folder).iterdir())}
        except OSError:
            files = {}  # of another service, whose environment was inherited
        place = f"${CREDENTIALS_FOLDER}"
        yield place, {name: _value(file, place) for file, name in files.items() if _NAME.fullmatch(name)}


def _value(path: Path, named_by: str) -> str:
    return textfile.read(path, instead=named_by).text.removeprefix("\ufeff").strip()


def near_misses(names: Iterable[str], prefix: str = "") -> list[str]:
    """Return what is set under a name that is not read, each in a clause with the name, or the option, that is."""
    known = set(names)
    clauses, told = [], set()
    for client, pair in CLIENT_VARIABLES.items():
        if known.issuperset(pair) and not prefix:
            clauses.append(f"{pair[0]} is set; to use it: --from-env {client}")
            told |= set(pair)
    for name in sorted(known - told):
        match = NEAR.fullmatch(name.upper())
        if match is None:
            continue
        whose = match["whose"] or ""
        user = "" if whose in ("", "MASTER", "PLATFORM") or whose.startswith("USER_") else "USER_"
        of = f"KRAKEN_{user}{whose}".rstrip("_")
        meant = f"{of}_API_{'KEY' if match['key'] else 'SECRET'}"
        if name != meant and meant not in known and f"{of}_".startswith(prefix or "KRAKEN"):
            clauses.append(f"{name} is set, but {meant} is expected")
    return clauses
