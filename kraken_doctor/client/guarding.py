"""What leaves through a client that must not: a demo key to a real exchange, a key in a server's own words."""

from __future__ import annotations

import functools

from kraken_doctor.errors import ConfigurationError, KrakenError, TransportError, kraken_error
from kraken_doctor.model.account import DEMO_KEY_PREFIX
from kraken_doctor.network.url import is_loopback
from kraken_doctor.redact import Redactor, Secret


def refuse_demo_key(api_key: str, url: str) -> None:
    """
    Keep a demo key of the sandbox on this host.

    Sent to Kraken it would count as a failed call, and enough of those lock the address out.

    Raises:
        ConfigurationError: *api_key* is a demo's, and *url* leads to another host.
    """
    if api_key.startswith(DEMO_KEY_PREFIX) and not is_loopback(url):
        raise ConfigurationError(
            f"this is a demo key of `kraken-doctor sandbox` ({DEMO_KEY_PREFIX}…): it opens nothing but that, and is "
            "not sent to another host; use a key of your own"
        )


def cleaned(text: str, *secrets: str | None) -> str:
    """*text*, a server's, without *secrets* and what looks like one: some servers repeat what they were sent."""
    return _redactor(secrets)(text)


@functools.lru_cache(maxsize=256)
def _redactor(secrets: tuple[str | None, ...]) -> Redactor:
    """Made once: all the ways in which a secret may be spelled take longer to find than a call to take."""
    return Redactor(Secret(value) for value in secrets if value)


def cleaned_error(errors: tuple[str, ...], *secrets: str | None) -> KrakenError:
    """The typed error for *errors*, whose words go into logs."""
    return kraken_error([cleaned(text, *secrets) for text in errors])


def cleaned_failure(failure: TransportError, *secrets: str | None) -> TransportError:
    """*failure* with its words cleaned."""
    redact = _redactor(secrets)
    return TransportError(failure.kind, redact(failure.detail), redact.everywhere(failure.facts))
