"""
A server whose every answer is made by chance, and the judgement of what the command line makes of it.

One case is one whole run of `check`: it asks for four answers, and more where it tries again. A case is known by its
number: the same number gives the same answers.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import socket
import threading
import time
import unittest.mock
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from kraken_doctor.cli.main import run
from kraken_doctor.cli.params import OUTPUTS
from tests import canaries
from tests.network.wild import WildServer
from tests.runner import commands

TIMEOUT_S, DEADLINE_S = 0.5, 4.0
_GRACE_S = 1.0
"""Above the deadline; what the machine's other work may cost."""

_BOMB = gzip.compress(gzip.compress(bytes(64 << 20)))  # packed twice, so that it is small to keep
_FORBIDDEN = ("\x1b", "\x07", "\0", "\u202e", "\u200b")

_TEXTS = [
    "",
    " ",
    "\0",
    "\x1b[31mred\x1b]0;title\x07",
    "::error::boo",
    "\n::error::boo\n##[error]boo",
    "[bold]x[/bold]",
    "\u202egnp\u200b",
    "</td><script>alert(1)</script>",
    "]]>",
    "| `x` | @user",
    "\ud800",
    "\uffff",
    "é" * 100,
    "A" * 70_000,
    "%s%n{0}",
    "../../etc/passwd",
    "NaN",
    "1e400",
    "-0",
    "0x10",
    "٣",
    "1_000",
    "+1",
    " 1 ",
    "1" * 5000,
    "true",
    "null",
    canaries.API_KEY,
    canaries.SECRET[:50],
    "EAPI:Invalid nonce",
    "EAPI:Invalid key",
    "EService: Throttled: 99999999999999999999",
    "EGeneral:Temporary lockout",
    "WDatabase:No change",
    "E",
    ":",
    "EAPI:",
    "online",
    "maintenance",
    "query-funds",
    "AA88 N84G WOAK NMOI",
]
_NUMBERS = [
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    2**64 - 1,
    2**64,
    10**30,
    -(10**30),
    0.1,
    -0.0,
    1e308,
    1795392000,
    1.5e-320,
]
_STATUSES = [
    100,
    101,
    103,
    200,
    201,
    204,
    206,
    226,
    301,
    302,
    303,
    307,
    308,
    400,
    401,
    403,
    404,
    407,
    418,
    429,
    451,
    500,
    502,
    503,
    504,
    511,
    520,
    522,
    525,
    530,
    599,
    600,
    999,
    0,
]


class BreachError(AssertionError):
    """A case that ended as none may."""


class Case(NamedTuple):
    """What became of one."""

    status: int
    seconds: float
    answers: int


class Answers:
    """The answers of one case."""

    def __init__(self, number: int, elsewhere: str) -> None:
        self.given = 0
        self._lock = threading.Lock()
        self._seed = number
        self._elsewhere = elsewhere

    def give(self, path: str) -> tuple[bytes, bool]:
        """The bytes for the next request, and whether the connection is then left open in silence."""
        with self._lock:
            self.given += 1
            # By path and count, not in order of arrival: two requests may come together, in either order.
            rng = random.Random(f"{self._seed} {path} {self.given if self.given > 4 else ''}")
        endpoint = path.rpartition("/")[2]
        sound = rng.random() < (0.75 if "public" in path else 0.4)
        _TRUE["Time"]["unixtime"] = int(time.time())
        body = json.dumps({"error": [], "result": _TRUE.get(endpoint, {})}).encode()
        if sound:
            return _http(rng, 200, body, {}), False
        return rng.choice(_MAKERS)(rng, endpoint, self._elsewhere), rng.random() < 0.001


def _http(rng: random.Random, status: int, body: bytes, headers: dict[str, str]) -> bytes:
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value != "-")
    return f"HTTP/1.1 {status} {rng.choice(['OK', '', 'x' * 300])}\r\n{head}\r\n".encode("utf-8", "replace") + body


def _mutated_json(rng: random.Random, endpoint: str, elsewhere: str) -> bytes:
    answer: dict[str, Any] = {"error": [], "result": _TRUE.get(endpoint, {})}
    text = _text(rng, _mutated(rng, answer, 0.2))
    return _http(rng, 200, text, {})


def _any_json(rng: random.Random, endpoint: str, elsewhere: str) -> bytes:
    return _http(rng, 200, _text(rng, _value(rng, 4)), {})


def _refusal(rng: random.Random, endpoint: str, elsewhere: str) -> bytes:
    errors = [rng.choice([*_TEXTS, _value(rng, 2)]) for _ in range(rng.randrange(1, 4))]
    return _http(rng, 200, _text(rng, {"error": errors, "result": _value(rng, 2)}), {})


def _strange_text(rng: random.Random, endpoint: str, elsewhere: str) -> bytes:
    body = rng.choice(
        [
            b"",
            b"null",
            b"[]",
            b"{",
            b'{"error":[],"result":{',
            b"\xff\xfe\x00",
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b'{"error":[],"result":{"unixtime":NaN,"status":Infinity}}',
            b'{"error":[],"result":{"unixtime":-Infinity}}',
            b'{"error":["a"],"error":[],"result":{},"result":{"unixtime":1,"unixtime":"x"}}',
            b"1" * 10_000,
            b"\x00" * 100,
            b'{"error":[],"result":{"unixtime":' + b"9" * 5000 + b"}}",
            b'{"error":[],"result":{"ZUSD":"' + b"9" * 5000 + b'"}}',
            b'{"error":[],"result":{"ZUSD":"1e999999999","USDT":"-1e-999999999"}}',
            b'\xef\xbb\xbf{"error":[],"result":{}}',
            '{"error":[],"result":{"unixtime":1}}'.encode("utf-16"),
            '{"error":["é"]}'.encode("latin-1"),
            b"<html>" + b"x" * 70_000,
            b'{"error":"EAPI:Invalid nonce"}',
            b'{"error":{"a":1}}',
            b'{"error":null,"result":null}',
            b'"EAPI:Invalid key"',
            b'{"error":[],"result":"' + b"\\ud800" * 10 + b'"}',
            rng.randbytes(rng.randrange(1, 400)),
        ]
    )
    charset = rng.choice(
        ["", "; charset=utf-16", "; charset=ascii", "; charset=no-such", "; charset=\x1b[31m", "; charset=idna"]
    )
    return _http(rng, rng.choice([200, 200, 200, 502]), body, {"Content-Type": f"application/json{charset}"})


def _packed(rng: random.Random, endpoint: str, elsewhere: str) -> bytes:
    body = json.dumps({"error": [], "result": _TRUE.get(endpoint, {})}).encode()
    name, packed = rng.choice(
        [
            ("gzip", gzip.decompress(_BOMB)),
            ("gzip", gzip.compress(body)),
            ("gzip", gzip.compress(body)[:-9]),
            ("gzip", body),
            ("deflate", zlib.compress(body)),
            ("deflate", rng.randbytes(50)),
            ("br", body),
            ("zstd", body),
            ("gzip, gzip", _BOMB),
            ("gzip" + ", gzip" * 50, body),
            ("identity", body),
            ("no-such", body),
        ]
    )
    return _http(rng, 200, packed, {"Content-Encoding": name})


def _odd_status(rng: random.Random, endpoint: str, elsewhere: str) -> bytes:
    headers = {
        "Location": rng.choice(
            ["-", elsewhere, f"{elsewhere}/0/private/Balance", "//x", "/", "\x1b]8;;", "http://[", *_TEXTS[:9]]
        ),
        "Retry-After": rng.choice(["-", "5", "-1", "9" * 400, "Wed, 21 Oct 2015 07:28:00 GMT", "x", "1e9"]),
        "Date": rng.choice(["-", "x", "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -9999", "9" * 300]),
        "Server": rng.choice(["-", "cloudflare", *_TEXTS[2:9], canaries.API_KEY]),
        "CF-Ray": rng.choice(["-", "8f0c1d2e3f405162-FRA", *_TEXTS[2:6]]),
        "Set-Cookie": rng.choice(["-", "a=b; Domain=.x", "\x00"]),
        "Content-Type": rng.choice(["text/html", "text/plain", "application/json", "-", "x" * 9000]),
    }
    headers = {name: value.replace("\n", " ").replace("\r", " ")[:9000] for name, value in headers.items()}
    title = rng.choice([*_TEXTS, "Just a moment...", "Attention Required! | Cloudflare", "<title>" * 200])
    body = f"<html><title>{title}</title>{'<title>' * rng.choice([0, 9000])}</html>".encode("utf-8", "replace")
    return _http(rng, rng.choice(_STATUSES), rng.choice([body, b"", _text(rng, _value(rng, 3))]), headers)


def _broken_http(rng: random.Random, endpoint: str, elsewhere: str) -> bytes:
    whole = _http(rng, 200, json.dumps({"error": [], "result": _TRUE.get(endpoint, {})}).encode(), {})
    return rng.choice(
        [
            b"",
            rng.randbytes(rng.randrange(1, 600)),
            whole[: rng.randrange(len(whole))],
            b"HTTP/9.9 200 OK\r\n\r\n{}",
            b"HTTP/1.1 2x0 OK\r\n\r\n",
            b"HTTP/1.1 200\r\n\r\n",
            b"\r\n\r\n" + whole,
            b"SSH-2.0-OpenSSH\r\n",
            whole.replace(b"\r\n", b"\n"),
            b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9, 9\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 60 + b"\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"F" * 40 + b"\r\n{}",
            b"HTTP/1.1 200 OK\r\n: \r\n\x00\x01: \xff\r\n a\r\n\r\n{}",
            b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + whole,
            whole * 3,
        ]
    )


_MAKERS: list[Callable[[random.Random, str, str], bytes]] = [
    _mutated_json,
    _mutated_json,
    _mutated_json,
    _mutated_json,
    _any_json,
    _refusal,
    _refusal,
    _strange_text,
    _odd_status,
    _odd_status,
    _broken_http,
    _packed,
]

_TRUE: dict[str, Any] = {
    "Time": {"unixtime": 0, "rfc1123": "Sun, 21 Mar 21 14:23:14 +0000"},
    "SystemStatus": {
        "status": "online",
        "timestamp": "2023-07-06T18:52:00Z",
        "upcoming_maintenance": [],
        "emergency": [],
    },
    "GetApiKeyInfo": {
        "apiKeyName": "x",
        "apiKey": canaries.API_KEY,
        "nonce": "1772627060997",
        "nonceWindow": 0,
        "permissions": ["query-funds"],
        "iban": canaries.IIBAN,
        "validUntil": "0",
        "queryFrom": "0",
        "queryTo": "0",
        "createdTime": "1772542900",
        "modifiedTime": "1772543095",
        "ipAllowlist": [],
        "lastUsed": "1772627061",
    },
    "Balance": {"ZUSD": "100.0000", "USDT": "50.00000000", "USD.F": "1.0"},
}


def _value(rng: random.Random, depth: int) -> Any:
    match rng.randrange(8 if depth else 5):
        case 0:
            return rng.choice(_NUMBERS)
        case 1 | 2:
            return rng.choice(_TEXTS)
        case 3:
            return rng.choice([None, True, False])
        case 4:
            return str(rng.choice(_NUMBERS))
        case 5 | 6:
            names = [
                *_TEXTS[:12],
                "error",
                "result",
                "unixtime",
                "status",
                "ZUSD",
                "permissions",
                "nonce",
                "nonce_window",
            ]
            return {rng.choice(names): _value(rng, depth - 1) for _ in range(rng.randrange(5))}
        case _:
            return [_value(rng, depth - 1) for _ in range(rng.randrange(5))]


def _mutated(rng: random.Random, value: Any, chance: float) -> Any:
    if rng.random() < chance:
        return _value(rng, 3)
    if isinstance(value, dict):
        kept = {name: _mutated(rng, inner, chance) for name, inner in value.items() if rng.random() > chance / 3}
        return kept | ({rng.choice(_TEXTS): _value(rng, 2)} if rng.random() < chance else {})
    if isinstance(value, list):
        return [_mutated(rng, inner, chance) for inner in value]
    if isinstance(value, str) and value.isdigit() and rng.random() < chance:
        return int(value)
    return str(value) if isinstance(value, int) and rng.random() < chance else value


def _text(rng: random.Random, value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


class Fuzz:
    """Runs cases against one server on loopback, and notices whoever follows a redirect to the other one."""

    def __init__(self, environ: Callable[[str, str], None]) -> None:
        self._set = environ
        self._answers = Answers(0, "")
        self.followed: list[bytes] = []

    @contextlib.contextmanager
    def serving(self) -> Iterator[Fuzz]:
        """Until it is left."""
        with WildServer(self._elsewhere) as self._other, WildServer(self._behave) as server:
            for name, value in canaries.environ(server.url).items():
                self._set(name, value)
            self._set("KRAKEN_NONCE_STORE", "memory://")
            # The deadline counts from the start of the process, which here is that of all cases.
            with unittest.mock.patch("kraken_doctor.cli.app.cpu_seconds", return_value=0.0):
                yield self

    def case(self, number: int) -> Case:
        """
        One run of `check`.

        Raises:
            BreachError: A traceback, a crash of a check, a hang, a leak, or a status outside the contract.
        """
        answers = self._answers = Answers(number, self._other.url)
        form = OUTPUTS[number % len(OUTPUTS)]
        stdout, stderr = io.StringIO(), io.StringIO()
        arguments = ["-vv", "check", "-o", form, "--timeout", str(TIMEOUT_S), "--deadline", str(DEADLINE_S), "--no-ntp"]
        began = time.monotonic()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            status = run(arguments)
        seconds = time.monotonic() - began
        problem = _problem(form, status, stdout.getvalue(), stderr.getvalue())
        if seconds > DEADLINE_S + _GRACE_S:
            problem = f"took {seconds:.1f} s"
        if self.followed:
            problem = f"a redirect was followed: {self.followed[0][:200]!r}"
        if problem:
            raise BreachError(
                f"case {number} (-o {form}): {problem}\n{stdout.getvalue()[:3000]}\n{stderr.getvalue()[:3000]}"
            )
        return Case(status, seconds, answers.given)

    def _behave(self, connection: socket.socket, ended: threading.Event) -> None:
        connection.settimeout(5)
        heard = b""
        while b"\r\n\r\n" not in heard:
            part = connection.recv(1 << 16)
            if not part:
                return
            heard += part
        answer, silent = self._answers.give(heard.split(b" ", 2)[1].decode())
        connection.sendall(answer)
        if silent:
            ended.wait(2 * TIMEOUT_S)

    def _elsewhere(self, connection: socket.socket, _ended: threading.Event) -> None:
        # The server's own end connects too, and says nothing.
        if heard := connection.recv(1 << 16):
            self.followed.append(heard)


def _problem(form: str, status: int, stdout: str, stderr: str) -> str:
    both = stdout + stderr
    if status not in (0, 1, 3):
        return f"status {status}"
    for sign in ("Traceback", "itself broke", "itself failed", "withheld"):
        if sign in both:
            return f"{sign!r} in the output"
    if forbidden := [character for character in _FORBIDDEN if character in both]:
        return f"{forbidden} in the output"
    if names := canaries.found(both) - {"otp", "iiban"}:  # the first two characters of "otp" are in many words
        return f"shows {names}"
    if len(both) > 300_000:
        return f"{len(both)} characters"
    if form != "github" and commands(both):
        return f"speaks to the runner: {commands(both)}"
    return _unreadable(form, status, stdout)


def _unreadable(form: str, status: int, stdout: str) -> str:
    try:
        if form == "json" and json.loads(stdout)["exit_status"] != status:
            return "the document says another status"
        if form == "junit":
            ET.fromstring(stdout)
    except (ValueError, KeyError, ET.ParseError) as exc:
        return f"no {form}: {exc}"
    return ""
