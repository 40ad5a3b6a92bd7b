"""Whose trouble an entry tells of: Kraken's, another exchange's, or a service's that the bot uses."""

import functools
import re
from dataclasses import dataclass, replace

from kraken_doctor.botlog.prefilter import patterns, words

ANOTHER_HOST = "another host"
"""Where a host is named that is none of the services known here: its name is the user's own and is not shown."""

_HOST, _LOCAL, _ADDRESS, _VERSION, _KRAKEN, _SERVED, _NOT_THE_EXCHANGE, _EXCHANGES, _SERVICES = (
    re.compile(pattern) for pattern in patterns("whose").values()
)
_CLIENTS = {name: re.compile(pattern) for name, pattern in words()["clients"].items()}


@dataclass(frozen=True, slots=True)
class Attribution:
    """What an entry names."""

    elsewhere: str = ""
    """Whose it is where it is not Kraken's."""
    kraken: bool = False
    exchange: bool = False
    """Another one."""


def attribute(text: str, frames: str = "") -> Attribution:
    """
    Return whose *text* is: hosts decide, then names of services, then nothing is known.

    Args:
        text: What is said.
        frames: The same with the code that a traceback quotes: whose client it went through.
    """
    hosts = _hosts(text)
    kraken = bool(_KRAKEN.search(frames or text)) and not _NOT_THE_EXCHANGE.search(text)
    other, service = _EXCHANGES.search(frames or text), _SERVICES.search(text)
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
