"""
``sandbox``: every client of a known library leads to the sandbox, whatever URL it is given.

Without a namespace also what this process may connect to, enforced where Python itself connects.
"""

from __future__ import annotations

import errno
import os
import re
import sys

from kraken_doctor.inject.hook import VARIABLES

TYPE_CHECKING = False  # see `hook`
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_SENDING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")
_MULTIPROCESSING = re.compile(r"/pymp-|^\0listener-")
"""Where Python's own processes of one program meet."""


def start() -> None:
    """
    Refuse every connection but those to the ports in ``KRAKEN_DOCTOR_HOOK_PORTS``, all of loopback; without it, none.

    An audit hook: it can't be taken away, and sees what goes around `socket`, asyncio and urllib too. It does not see
    what C code does by itself (uvloop, pycurl, aiodns, ctypes).
    """
    if ports := VARIABLES.get("KRAKEN_DOCTOR_HOOK_PORTS"):
        channel = VARIABLES.get("KRAKEN_DOCTOR_HOOK_CHANNEL", "").partition(":")[0]
        allowed = {int(port) for port in (*ports.split(","), channel) if port}

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            # A frame (AF_PACKET of Linux) is sent without an address, but for the network card's beforehand.
            if event in _SENDING or (event == "socket.bind" and arguments[0].family == 17):
                caller = sys._getframe(1)  # noqa: SLF001 - the cheap way to it, here in every connection
                # Windows has no system call for a pair of sockets: its ends connect, and asyncio starts with one.
                if caller.f_globals.get("__name__") != "socket" or not caller.f_code.co_name.endswith("socketpair"):
                    _judge_address(arguments[0].family, arguments[1], allowed)
            elif event in _RESOLVING:
                _judge_name(arguments[0])

        sys.addaudithook(audit)


def _judge_address(family: int, address: Any, allowed: set[int]) -> None:
    import _socket

    if address is None or family == getattr(_socket, "AF_NETLINK", None):
        return  # connected before; or the kernel's own
    if family == getattr(_socket, "AF_UNIX", None):
        path = os.fsdecode(address)
        if _MULTIPROCESSING.search(path):
            return
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"blocked by kraken-doctor sandbox: {path[:80]}")
    is_pair = isinstance(address, tuple) and len(address) >= 2
    if not is_pair or not _LOOPBACK.fullmatch(str(address[0])) or address[1] not in allowed:
        shown = ":".join(map(str, address[:2])) if is_pair else str(address)
        hint = " (--allow-loopback PORT)" if is_pair and _LOOPBACK.fullmatch(str(address[0])) else ""
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"blocked by kraken-doctor sandbox: {shown[:80]}{hint}")


def _judge_name(host: Any) -> None:
    import _socket

    name = host[0] if isinstance(host, tuple) else host
    text = os.fsdecode(name) if isinstance(name, (str, bytes)) else ""
    if text != _socket.gethostname() and not re.fullmatch(r"localhost|[0-9.]*|[0-9A-Fa-f.]*:[0-9A-Fa-f:.%a-z]*", text):
        # A question to a name server leaves this host as well.
        raise _socket.gaierror(_socket.EAI_NONAME, f"not resolved by kraken-doctor sandbox: {text[:80]}")


def loaded(module: ModuleType) -> None:
    """Change the client classes of *module*; certifi gives the authority of the sandbox, Windows' asyncio is heard."""
    if module.__name__ == "certifi.core":
        if authority := os.environ.get("SSL_CERT_FILE"):
            module.where = lambda: authority  # type: ignore[attr-defined]
        return
    if module.__name__ == "asyncio.windows_events":
        for name in ("connect", "sendto"):
            setattr(module.IocpProactor, name, _audited(getattr(module.IocpProactor, name)))
        return
    from kraken_doctor.client.adapters import classes_in

    for cls, adapter in classes_in(module):
        setattr(cls, adapter.url, _Urls() if adapter.url == "urls" else _Url())


def _audited(ask: Any) -> Any:
    """Return *ask*, a method of the Proactor whose last argument is an address, so that audit hooks hear of it."""

    def asked(proactor: Any, connection: Any, *arguments: Any, **named: Any) -> Any:
        sys.audit("socket.connect", connection, [*arguments, *named.values()][-1])
        return ask(proactor, connection, *arguments, **named)

    return asked


class _Url:
    """An attribute that is the sandbox's URL; what is assigned to it is passed over."""

    def __get__(self, client: Any, owner: type) -> Any:
        return self if client is None else VARIABLES["KRAKEN_DOCTOR_HOOK_URL"]

    def __set__(self, client: Any, value: Any) -> None:
        pass


class _Urls:
    """ccxt's dictionary of URLs, those of the REST API replaced whenever it is looked at."""

    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self
        urls = vars(client).get("urls")
        if isinstance(urls, dict) and (api := urls.get("api")):
            url = VARIABLES["KRAKEN_DOCTOR_HOOK_URL"]
            sections = {name: at for name, at in api.items() if name == "ws"} if isinstance(api, dict) else {}
            urls["api"] = {**sections, "public": url, "private": url}
        return urls

    def __set__(self, client: Any, value: Any) -> None:
        vars(client)["urls"] = value
