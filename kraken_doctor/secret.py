"""What is secret: a value that can't be printed by accident, and the variables of an environment that hold one."""

import hashlib
import hmac
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, Self

from kraken_doctor.spellings import as_bytes

HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(r"KRAKEN_(?:.*_)?(?:API_KEY|API_SECRET|OTP)|KRAKEN_DOCTOR_INIT_KEY", re.DOTALL)

STORE_VARIABLE = "KRAKEN_NONCE_STORE"
CREDENTIALS_FOLDER = "CREDENTIALS_DIRECTORY"
"""systemd's variable for the folder with the credentials of a service, a file each."""
WEBHOOK_VARIABLE = "KRAKEN_DOCTOR_WATCH_ON_CHANGE"
_LOGIN = re.compile(r"://([^/\s@:]*:[^/\s]*)@")
_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_APART = re.compile(r"[@/?#\\]")
"""Where a parser ends the host, also inside a login in which it was not encoded."""

_IN_QUERY = re.compile(r"[?&](?:ssl_)?password=([^&#\s]+)")
_WEBHOOK = re.compile(r"(?i)https?://([^\s\"'<>/?#]*)([^\s\"'<>]*)")


class Secret:
    """
    A value that shows itself only through `reveal`.

    ``repr``, ``str``, ``format``, logging and dataclass reprs give a placeholder; pickling is refused.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself; for the wire, and for nothing that is shown."""
        return self._value

    @property
    def tail(self) -> str:
        """Return the last 4 characters behind an ellipsis, as Kraken's own client shows a public key."""
        return f"…{self._value[-4:]}" if len(self._value) >= 20 else "…"

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, format_spec: str) -> str:
        return format(HIDDEN, format_spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: the value would leave the process")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret has no state to hand out: the value would leave the process")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # It never changes: one is as good as two, and asdict() of what holds it goes on working.
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(as_bytes(self._value), as_bytes(other._value))

    def __hash__(self) -> int:
        return hash(self._value)


def key_id(api_key: str) -> str:
    """
    Fingerprint of an API key: 16 hexadecimal digits, the same on every host.

    Names the key in stores, logs and reports. The key has over 300 random bits, so its digest can't be
    turned back into it by trying.
    """
    # With words of ours before the key: elsewhere its bare digest must not be found to be the same key.
    return hashlib.sha256(b"kraken-doctor key id\0" + as_bytes(api_key)).hexdigest()[:16]


def is_read_here(name: str) -> bool:
    """Return whether the doctor itself reads the variable *name*, and it may hold a credential, or lead to one."""
    leads_to_one = name in (WEBHOOK_VARIABLE, CREDENTIALS_FOLDER) or holds_a_login(name.removesuffix("_FILE"))
    return leads_to_one or _SECRET_NAME.fullmatch(name.removesuffix("_FILE")) is not None


def is_secret(name: str, value: str = "") -> bool:
    """Whether the environment variable *name* holds a credential of Kraken's, a webhook, or a URL with a login."""
    return (is_read_here(name) and not holds_a_login(name)) or next(_logins(name, value), None) is not None


def secrets_of(environ: Mapping[str, str]) -> Iterator[Secret]:
    """What must not be shown of *environ*: credentials, webhooks, and logins in URLs, as they stand and decoded."""
    for name, value in environ.items():
        if _SECRET_NAME.fullmatch(name):
            yield Secret(value)
        if name == WEBHOOK_VARIABLE:
            for url in _WEBHOOK.finditer(value):
                # Whoever has it may post there; of some services the host's name alone is the secret.
                host = url[1].rpartition("@")[2]
                yield from map(Secret, (url[0], url[2], *([] if host in ("localhost", "127.0.0.1") else [host])))
        for login in _logins(name, value):
            # Whoever makes a Basic header of it encodes user and password together.
            for text in {text for part in (login, *_APART.split(login)) for text in (part, part.partition(":")[2])}:
                yield from map(Secret, {text, urllib.parse.unquote(text), urllib.parse.unquote_plus(text)})


def holds_a_login(name: str) -> bool:
    """Return whether the variable *name* leads to a store or a proxy."""
    return name == STORE_VARIABLE or "proxy" in name.lower()


def _logins(name: str, value: str) -> Iterator[str]:
    """
    ``user:password``, or the part of it that there is, of each URL in *value*.

    Of a proxy and a store also where the scheme is missing, the user stands alone, or a character that should have
    been encoded makes the URL another one: the message about it must not show the rest.
    """
    yield from _LOGIN.findall(value)
    yield from _IN_QUERY.findall(value)
    if "@" in value and holds_a_login(name):
        scheme = _SCHEME.match(value)
        yield value.rpartition("@")[0].removeprefix(scheme[0] if scheme else "")


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* for a child process that has no need of credentials."""
    return {name: value for name, value in environ.items() if not is_secret(name, value)}
