"""
The generator or client object of the user's own bot, examined in a process of its own.

`examine` runs in that child: it imports the user's code, so the parent gives it a time limit and no input, and
Python's `socket` refuses to connect. That holds for what uses that module in this process. It does not for child
processes, C extensions, ctypes, or whoever imports `_socket`: for them there is no limit here.
"""

import contextlib
import importlib
import json
import operator
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import requests
from requests.adapters import BaseAdapter

from kraken_doctor import parallel
from kraken_doctor.client.adapters import find_adapter, missing
from kraken_doctor.clock import SystemClock
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce import selftest
from kraken_doctor.nonce.selftest import SelfTest

_RACE_CALLS = 50
"""In each of the five threads: enough where every instruction lets the others run."""

_HOUR_NS = 3_600 * 10**9


def main() -> None:
    """The child: the target's name as argument, one JSON object on what was stdout, nothing else there."""
    answer = os.dup(1)
    # What the user's code prints is not an answer, and nobody reads it.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    _refuse_network()
    # Before what is installed, as where the bot is started; but behind Python's own modules: a random.py that lies
    # there is not what we, or the packages that the bot uses, have asked for.
    sys.path.insert(_behind_the_standard_library(), os.getcwd())  # noqa: PTH109 - a str is wanted
    try:
        facts = examine(sys.argv[1])
    except _Unusable as exc:
        facts = {"unusable": str(exc)}
    os.write(answer, json.dumps(facts).encode())
    os._exit(0)  # threads of the user's code don't keep the child


def _behind_the_standard_library() -> int:
    library = Path(os.__file__).parent
    own = (str(library), str(library / "lib-dynload"))
    return max((at + 1 for at, entry in enumerate(sys.path) if entry in own), default=0)


class _Unusable(Exception):  # noqa: N818 - a statement about the target
    """The target can't be examined; the text says why."""


def examine(name: str) -> dict[str, Any]:
    """
    Facts about the target ``package.module:attribute``.

    Returns:
        kind, replaced (None where there is nothing to replace), by, unit, first, tests (each passed or not, and
        what was seen), and in_order (None where it can't be seen).
    """
    target = _load(name)
    kind, next_nonce, replaced = _understand(target)

    def take() -> int:
        return _number(next_nonce)

    first = take()
    unit = NonceUnit.of_mark(first, SystemClock().now_ns())
    rapid = selftest.rapid(take)
    tests = {"rapid": rapid, "tick": _same_tick(take), "back": _clock_set_back(take), "threads": _race(take)}
    return {
        "kind": kind,
        "replaced": replaced,
        "by": _origin(next_nonce),
        "unit": unit.value if unit else None,
        "first": first,
        "tests": {name: [test.passed, test.saw] for name, test in tests.items()},
        "in_order": keeps_one_in_flight(target),
    }


def _same_tick(take: Callable[[], int]) -> SelfTest:
    """While the clock stands still, as it does within a tick: who only reads the clock repeats."""
    with _clock_at(SystemClock().now_ns()):
        nonces = [take() for _ in range(selftest.RAPID_CALLS)]
    return SelfTest("tick", *selftest.judge(nonces))


def _clock_set_back(take: Callable[[], int]) -> SelfTest:
    """Set the clock an hour back, as after a correction: a nonce must still be above the one before."""
    before = take()
    with _clock_at(SystemClock().now_ns() - _HOUR_NS):
        after = take()
    return SelfTest("back", after > before, f"{before}, and {after} with the clock an hour back")


def _race(take: Callable[[], int]) -> SelfTest:
    """Five threads that change places after every instruction, with the clock standing still."""
    threading.settrace(_let_others_run)
    try:
        with _clock_at(SystemClock().now_ns()):
            return selftest.threads(take, calls=_RACE_CALLS)
    finally:
        threading.settrace(None)


def _let_others_run(frame: FrameType, event: str, _argument: Any) -> Any:
    frame.f_trace_opcodes = True
    if event == "opcode":
        time.sleep(0)
    return _let_others_run


@contextlib.contextmanager
def _clock_at(now_ns: int) -> Iterator[None]:
    """The clock stands at *now_ns* for whoever asks the module `time`; who holds its functions is not fooled."""
    originals = time.time, time.time_ns
    time.time, time.time_ns = lambda: now_ns / 1e9, lambda: now_ns
    try:
        yield
    finally:
        time.time, time.time_ns = originals


def _load(name: str) -> Any:
    module_name, separator, path = name.partition(":")
    if not separator or not module_name or not path:
        raise _Unusable(f"{name[:80]!r}: name it as package.module:attribute")
    try:
        module = importlib.import_module(module_name)
    except Exception as exc:
        raise _Unusable(f"can't import {module_name!r}: {type(exc).__name__}: {exc}") from exc
    try:
        return operator.attrgetter(path)(module)
    except AttributeError:
        raise _Unusable(f"{module_name!r} has no {path!r}") from None


def _understand(target: Any) -> tuple[str, Callable[[], Any], bool | None]:
    """Return what *target* is, what gives its nonces, and whether that was replaced (None: there is no hook)."""
    if isinstance(target, type):
        raise _Unusable(f"{target.__name__!r} is a class: name the object that the bot uses")
    adapter = find_adapter(target)
    if adapter and not missing(target, (adapter.nonce_method,)):
        return adapter.name, adapter.next_nonce(target), adapter.replaced(target)
    for attribute in ("next", "get_nonce"):
        if callable(method := getattr(target, attribute, None)):
            return "generator", method, None
    if callable(target):
        return "function", target, None
    raise _Unusable(f"{type(target).__name__!r} is neither a client nor a generator: it gives no nonce")


def _origin(function: Any) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__name__)}"


def _number(next_nonce: Callable[[], Any]) -> int:
    try:
        nonce = next_nonce()
    except Exception as exc:
        raise _Unusable(f"the generator raised {type(exc).__name__}: {exc}") from exc
    text = str(nonce)
    if isinstance(nonce, bool) or not (text.isascii() and text.isdigit()):
        raise _Unusable(f"the generator gave {type(nonce).__name__}, not a number")
    return int(text)


def _refuse_network() -> None:
    """What goes through Python's `socket` at import, or in a test, reaches nobody; see above for what does not."""

    def refuse(*_arguments: Any, **_named: Any) -> NoReturn:
        raise ConnectionRefusedError("no network in this test")

    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        # Windows has no sendmsg, and asyncio takes one that is there for a sign of POSIX.
        if hasattr(socket.socket, name):
            setattr(socket.socket, name, refuse)
    socket.getaddrinfo = refuse


_THREADS, _CALLS = 5, 3
_MEET_S = 0.05
"""Seconds that a request waits for another to join it: a client that lets them overlap does so within a time slice."""

_PLACEHOLDERS = ("key", "QUFB" * 21 + "QQ==")
"""Key and secret, 64 bytes in base64, of a client without credentials: it must sign with something."""


def keeps_one_in_flight(client: Any) -> bool | None:
    """
    Return True when one request of *client* was in flight at a time, False when several were, None when unknown.

    Five threads call at once; a transport in memory answers in place of the exchange, and sends nothing.
    """
    adapter = find_adapter(client)
    session = getattr(client, adapter.session, None) if adapter else None
    if adapter is None or not isinstance(session, requests.Session):
        return None
    for attribute, placeholder in zip(adapter.credentials, _PLACEHOLDERS, strict=True):
        setattr(client, attribute, getattr(client, attribute) or placeholder)
    transport = _CountingTransport()
    # A session picks the adapter with the longest prefix: one of the bot's own would reach the network.
    session.adapters.clear()
    for scheme in ("https://", "http://"):
        session.mount(scheme, transport)
    calls = [partial(_call_repeatedly, partial(adapter.private_call, client))] * _THREADS
    futures.wait(parallel.start(calls, workers=_THREADS))
    return transport.most == 1 if transport.most else None


def _call_repeatedly(call: Callable[[], Any]) -> None:
    for _ in range(_CALLS):
        # What the client makes of the answer is not the question here.
        with contextlib.suppress(Exception):
            call()


class _CountingTransport(BaseAdapter):
    """Count how many requests are in flight, and answer each with an empty result."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._inside = 0
        self._changed = threading.Condition()

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        with self._changed:
            self._inside += 1
            self.most = max(self.most, self._inside)
            self._changed.notify_all()
            # Answer late, so that a second request has time to come, and at once when it has.
            self._changed.wait_for(lambda: self.most > 1, timeout=_MEET_S)
            self._inside -= 1
        response = requests.Response()
        response.status_code = 200
        response._content = b'{"error":[],"result":{}}'  # noqa: SLF001 - what requests' own adapters set
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        """Do nothing: no connection is open."""
