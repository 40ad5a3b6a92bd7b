"""
``run --observe``: what was sent to a private endpoint, when, from where, and what came back. It changes nothing.

Seen where requests, aiohttp and httpx send, so whichever client a program uses. Nothing secret is kept: of a key its
fingerprint, of a body its nonce, of an answer its error string.
"""

import asyncio
import contextlib
import functools
import inspect
import re
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Self

from kraken_doctor.clock import SystemClock
from kraken_doctor.inject import channel
from kraken_doctor.secret import key_id

_PATH = re.compile(r"/0/private/([A-Za-z0-9/]{1,40})")
_NONCE = re.compile(rb'(?:^|&)nonce=(\d{1,20})(?:&|$)|"nonce"\s*:\s*"?(\d{1,20})\b')
_ERROR = re.compile(rb'"error"\s*:\s*\[\s*(?:"([EW][A-Za-z]{1,20}:[^"\\]{1,80}))?')
_clock = SystemClock()


def loaded(module: ModuleType) -> None:
    """Watch what *module* sends."""
    if module.__name__ == "requests.sessions":
        _watch(module.Session, "send", _of_prepared)
    elif module.__name__ == "httpx._client":
        _watch(module.Client, "send", _of_prepared)
        _watch(module.AsyncClient, "send", _of_prepared)
    elif module.__name__ == "aiohttp.client":
        _watch(module.ClientSession, "_request", _of_aiohttp)
        _watch_reading(module.ClientResponse)


class _Seen:
    """One private call under way, inside the ``with`` statement; nothing where it is none."""

    def __init__(self, url: str, headers: Any, body: Any, *, has_timeout: bool | None) -> None:
        names = {str(name).lower(): value for name, value in dict(headers or {}).items()}
        path, key = _PATH.search(url), names.get("api-key")
        self.is_private = path is not None and key is not None
        if path is None or key is None:
            return
        found = _NONCE.search(body if isinstance(body, bytes) else str(body or "").encode())
        self.facts: dict[str, Any] = {
            "key_id": key_id(key.decode() if isinstance(key, bytes) else str(key)),
            "endpoint": path[1],
            "nonce": int(found[1] or found[2]) if found else -1,
            "place": _place(),
            "has_timeout": has_timeout,
            "wall_ns": _clock.now_ns(),
            "sent_ns": _monotonic_ns(),
        }

    def answered(self, outcome: str) -> None:
        """Tell what became of it, once."""
        if self.is_private:
            self.is_private = False
            channel.send({"observed": {**self.facts, "answered_ns": _monotonic_ns(), "outcome": outcome}})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_raised: object) -> None:
        if kind is not None:
            self.answered(kind.__name__)


def _monotonic_ns() -> int:
    return round(_clock.monotonic() * 1e9)  # one clock for all processes of a host


def _place() -> str:
    """Thread, and task where there is one; the process is said with each message."""
    name = threading.current_thread().name
    with contextlib.suppress(RuntimeError):  # no event loop runs in this thread
        if task := asyncio.current_task():
            return f"task {task.get_name()} of {name}"
    return f"thread {name}"


def _begun(read: Callable[..., _Seen], arguments: tuple[Any, ...], named: dict[str, Any]) -> _Seen:
    try:
        return read(*arguments, **named)
    except Exception:  # noqa: BLE001 - whatever a program passes is its own affair
        return _Seen("", {}, b"", has_timeout=None)


def _of_prepared(_client: Any, request: Any, **named: Any) -> _Seen:
    """Read a prepared request of requests, or httpx's, which has its body as ``content``."""
    body = getattr(request, "body", None) or getattr(request, "content", b"")
    timeout = named.get("timeout") if hasattr(request, "body") else True
    return _Seen(str(request.url), request.headers, body, has_timeout=timeout is not None)


def _of_aiohttp(_session: Any, _method: str, url: Any, **named: Any) -> _Seen:
    body = named.get("data") or named.get("json")
    if isinstance(body, dict):
        body = "&".join(f"{name}={value}" for name, value in body.items())
    return _Seen(str(url), named.get("headers"), body, has_timeout=True)  # five minutes by default


def _outcome(body: Any) -> str:
    """``ok``, Kraken's error string, or ``response-invalid``."""
    found = _ERROR.search(body if isinstance(body, bytes) else b"")
    if found is None:
        return "response-invalid"
    return found[1].decode() if found[1] and found[1].startswith(b"E") else "ok"


def _watch(cls: Any, name: str, read: Callable[..., _Seen]) -> None:
    original = getattr(cls, name)

    @functools.wraps(original)
    def send(*arguments: Any, **named: Any) -> Any:
        with _begun(read, arguments, named) as seen:
            response = original(*arguments, **named)
        if seen.is_private:
            seen.answered(_outcome(_read_already(response)))
        return response

    @functools.wraps(original)
    async def send_in_loop(*arguments: Any, **named: Any) -> Any:
        with _begun(read, arguments, named) as seen:
            response = await original(*arguments, **named)
        if (body := _read_already(response)) is not None:
            seen.answered(_outcome(body))
        elif seen.is_private:
            _unread[id(response)] = seen
        return response

    setattr(cls, name, send_in_loop if inspect.iscoroutinefunction(original) else send)


def _read_already(response: Any) -> bytes | None:
    """Return the body, where the library has read it; reading it here would change what the program sees."""
    for name in ("_content", "_body"):
        if isinstance(body := getattr(response, name, None), bytes):
            return body
    return None


_unread: dict[int, _Seen] = {}
"""aiohttp gives an answer before its body: by the answer's identity, until it is read or dropped."""


def _watch_reading(cls: Any) -> None:
    read, release = cls.read, cls.__del__

    @functools.wraps(read)
    async def watched(self: Any) -> Any:
        body = await read(self)
        if seen := _unread.pop(id(self), None):
            seen.answered(_outcome(body))
        return body

    def dropped(self: Any, *arguments: Any) -> None:
        if seen := _unread.pop(id(self), None):
            seen.answered("unknown")
        release(self, *arguments)

    cls.read, cls.__del__ = watched, dropped
