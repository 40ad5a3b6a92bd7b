"""Whose trouble an entry tells of: Kraken's, another exchange's, or a service's that the bot uses."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from kraken_doctor.botlog.prefilter import words

ANOTHER_HOST = "another host"
"""Where a host is named that is none of the services known here: its name is the user's own and is not shown."""

_HOST = re.compile(
    r"(?:(?:https?|wss?)://(?:[^\s/@]{1,100}@)?|\bhost(?:name)?[\"']?\s*[:=]\s*[\"']"
    r"|Connection to |to host |ENOTFOUND |EAI_AGAIN "
    r"|ECONNREFUSED |lookup |resolve (?:host:? ?)?'?|resolve host(?:name)?:? |UnknownHostException: |is known\.? \("
    r"|connect to |contact(?:ing)? |dial tcp |Failed to connect to |Host: )"
    r"((?:[A-Za-z0-9_-]+\.)+[A-Za-z0-9-]+|localhost)(?:(?::|['\"], port=)(\d{1,5}))?",
)
_LOCAL = re.compile(r"localhost$|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|0\.0\.0\.0")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}$")
_VERSION = re.compile(
    r"\b(krakenex|ccxt|freqtrade|pykrakenapi|python-kraken-sdk|hummingbot)\b(?:(?:[ =:/@v]|version){1,4}"
    r"|\.worker\b[^\n]{0,60}\bversion=')(\d+\.\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_KRAKEN = re.compile(r"\bkraken|kraken\b", re.IGNORECASE)
_SERVED = re.compile(r"- - \[[^\]\n]{0,40}\] \"[A-Z]+ (?!/0/p)")
"""A line of a web server's own log: what this host answered to others."""

_NOT_THE_EXCHANGE = re.compile(
    r"gitkraken|krakend\b|kraken2\b|kraken\.io\b|krakenjs|kraken-(?:agent|tracker|origin|build)", re.IGNORECASE
)


def _any_of(group: str) -> str:
    return rf"\b(?:{'|'.join(map(re.escape, words()['services'][group]))})(?:\b|_|(?=[A-Z]))"


_EXCHANGES = re.compile(_any_of("exchanges"), re.IGNORECASE)
_SERVICES = re.compile(_any_of("always"), re.IGNORECASE)
_CLIENTS = {name: re.compile(pattern) for name, pattern in words()["clients"].items()}


@dataclass(frozen=True, slots=True)
class Attribution:
    """What an entry names."""

    elsewhere: str = ""
    """Whose it is where it is not Kraken's."""
    kraken: bool = False
    exchange: bool = False
    """Another one."""

    def as_krakens(self) -> Attribution:
        """Return it for an entry that quotes Kraken itself: whatever else it names."""
        return replace(self, elsewhere="", kraken=True)


def attribute(text: str) -> Attribution:
    """Return whose *text* is: hosts decide, then names of services, then nothing is known."""
    hosts = _hosts(text)
    kraken = bool(_KRAKEN.search(text)) and not _NOT_THE_EXCHANGE.search(text)
    other, service = _EXCHANGES.search(text), _SERVICES.search(text)
    seen = Attribution("", kraken, bool(other))
    if any(_is_of(host, "ours") for host, _ in hosts):
        return replace(seen, kraken=True)
    if foreign := [host for host in hosts if not _says_nothing(*host, text)]:
        return replace(seen, elsewhere=_service(*foreign[0]))
    if service and not hosts:
        return replace(seen, elsewhere=service[0].lower())
    if other and not kraken:
        return replace(seen, elsewhere=other[0].lower())
    if _NOT_THE_EXCHANGE.search(text) or _SERVED.search(text):
        return replace(seen, elsewhere=ANOTHER_HOST)
    return seen


@functools.lru_cache(maxsize=512)
def client_of(text: str) -> str:
    """Return the name of the client that writes so; empty where it is not known."""
    return next((name for name, pattern in _CLIENTS.items() if pattern.search(text)), "")


def versions_of(text: str) -> tuple[tuple[str, str], ...]:
    """Return the clients whose version *text* names, each with it."""
    return tuple((name.lower(), number) for name, number in _VERSION.findall(text))


def _hosts(text: str) -> list[tuple[str, str]]:
    found = [(match[1].lower(), match[2] or "") for match in _HOST.finditer(text)]
    return [(host, port) for host, port in found if not _is_of(host, "ignored")]


def _is_of(host: str, group: str) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in words()["hosts"][group])


def _says_nothing(host: str, port: str, text: str) -> bool:
    """An address may be anybody's; a local one is a proxy's, or that of a name which is blocked, or a service's."""
    if _LOCAL.match(host):
        return port == "443" or "proxy" in text.lower()
    return bool(_ADDRESS.match(host))


def _service(host: str, port: str) -> str:
    known = _SERVICES.search(host.replace(".", " ")) or _EXCHANGES.search(host.replace(".", " "))
    return words()["hosts"]["local_ports"].get(port) or (known[0].lower() if known else ANOTHER_HOST)
