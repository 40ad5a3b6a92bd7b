"""The API's base URL, checked before a key travels there; and a proxy's, which may hold a login."""

import functools
import ipaddress
from urllib.parse import unquote, urlsplit

from kraken_doctor.errors import ConfigurationError


@functools.lru_cache(maxsize=64)
def is_loopback(url: str) -> bool:
    """Return whether *url* leads to this host alone."""
    host = urlsplit(url).hostname or ""
    try:
        # As an address, not by how it begins: 127.0.0.1.example.com is anybody's.
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_login(url: str) -> str:
    """*url*, a proxy's with or without its scheme, as it may be shown."""
    before, at, after = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    return f"{scheme}{separator}{after}" if at and separator else after


def login_of(url: str) -> str:
    """``user:password`` of a proxy's URL; empty if it has none."""
    login, at, _ = url.rpartition("@")
    user, _, password = login.rpartition("/")[2].partition(":")
    return f"{unquote(user)}:{unquote(password)}" if at else ""


def checked_url(url: str) -> str:
    """
    *url* as the base of API calls.

    Raises:
        ConfigurationError: It is no HTTP URL, holds a login, or would carry keys in the clear to another host.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    shown = without_login(url)[:80]
    if not valid:
        raise ConfigurationError(f"API URL {shown!r}: give scheme and host, such as https://api.kraken.com")
    # It would be shown in every report as the place that was asked.
    if "@" in parts.netloc:
        raise ConfigurationError("the API URL contains a login, but Kraken's API uses none: delete all before the @")
    if parts.scheme == "http" and not is_loopback(url):
        raise ConfigurationError(f"API URL {shown!r}: http:// is for loopback only; use https://")
    return url.rstrip("/")
