"""Keep secrets in: no demo key goes to a real exchange, and no exception or log shows a key."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import requests

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.account import DEMO_KEY_PREFIX
from kraken_doctor.network.failures import layers
from kraken_doctor.network.url import is_loopback
from kraken_doctor.redact import Redactor, redactor
from kraken_doctor.secret import holds_a_login, secrets_of

_KEPT = 1 << 16
"""Characters of a page that an exception holds: to look through a large one would hold up the bot."""


def refuse_demo_key(api_key: str, url: str) -> None:
    """
    Keep a demo key of the sandbox on this host.

    Sent to Kraken it would count as a failed call, and enough of those lock the address out.

    Raises:
        ConfigurationError: *api_key* is a demo's, and *url* leads to another host.
    """
    if api_key.startswith(DEMO_KEY_PREFIX) and not is_loopback(url):
        raise ConfigurationError(
            f"this is a demo key of `kraken-doctor sandbox` ({DEMO_KEY_PREFIX}…): it only works there and is "
            "not sent to another host; use your own key"
        )


def redacted(text: str, *secrets: str | None) -> str:
    """Return a server's *text* without *secrets* and what looks like one: some servers repeat what they were sent."""
    return redactor(*filter(None, secrets))(text)


def redact_exception(exc: BaseException, *secrets: str | None, settings: Mapping[str, Any] | None = None) -> None:
    """
    Take *secrets*, the logins of proxies and stores, and what looks like one out of *exc*.

    Also out of the exceptions behind it, and of the requests and answers that they carry, which are copied: requests
    quotes a header that it can't send, a server's reason is in the text, and the key is in the request. The type of
    each stays, and so does all that a caller may look at.

    Args:
        exc: Is changed, and what is behind it.
        secrets: Those that are set.
        settings: Of the client, by name; what is named like a proxy is one, as in the environment.
    """
    named = {**os.environ, **(settings or {})}
    logins = secrets_of({name: str(value) for name, value in named.items() if value and holds_a_login(name)})
    redact = redactor(*filter(None, secrets), *(login.reveal() for login in logins))
    for inner in layers(exc):
        # The first ones are not in the dictionary of an exception that is made in C.
        _clean_attributes(inner, ("args", "object", "strerror", "filename", "filename2", *vars(inner)), redact)


def _clean_attributes(holder: Any, names: Iterable[str], redact: Redactor) -> None:
    for name in names:
        # What can't be read, or set, must not take the place of what was raised.
        with suppress(Exception):
            before = getattr(holder, name)
            after = _clean(before, redact)
            if after is not before:
                setattr(holder, name, after)


def _clean(value: Any, redact: Redactor) -> Any:
    if isinstance(value, (requests.Request, requests.PreparedRequest, requests.Response)):
        shown = type(value).__new__(type(value))  # not `copy`, which would read an answer to its end
        shown.__dict__.update(vars(value))
        _clean_attributes(shown, list(vars(shown)), redact)
        return shown
    clean: Any = redact.everywhere(value[:_KEPT] if isinstance(value, (str, bytes)) else value)
    if isinstance(value, requests.structures.CaseInsensitiveDict):
        clean = requests.structures.CaseInsensitiveDict(clean)
    return value if clean == value else clean
