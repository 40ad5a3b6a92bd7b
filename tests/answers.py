"""Hypothesis strategies for what a server may answer: right, wrong, or no HTTP at all. They shrink to right."""

from __future__ import annotations

import functools
import gzip
import json
import time
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests import canaries

NOW = 1_795_392_000
"""Stands for the moment at which an answer is sent: Kraken's clock is right unless it is what is wrong."""


@functools.cache
def bomb() -> bytes:
    """Return 64 MiB, packed twice: a few hundred bytes."""
    return gzip.compress(gzip.compress(bytes(64 << 20)))


TEXTS = [
    "", " ", "\0", "\x1b[31mred\x1b]0;title\x07", "::error::boo", "\n::error::boo\n##[error]boo", "[bold]x[/bold]",
    "\u202egnp\u200b", "</td><script>alert(1)</script>", "]]>", "| `x` | @user", "\ud800", "\uffff", "é" * 100,
    "A" * 70_000, "%s%n{0}", "../../etc/passwd", "NaN", "1e400", "-0", "0x10", "٣", "1_000", "+1", " 1 ", "1" * 5000,
    "true", "null", canaries.API_KEY, canaries.SECRET[:50], "EAPI:Invalid nonce", "EAPI:Invalid key",
    "EService: Throttled: 99999999999999999999", "EGeneral:Temporary lockout", "WDatabase:No change", "E", ":", "EAPI:",
    "online", "maintenance", "query-funds", "AA88 N84G WOAK NMOI",
]  # fmt: skip
NUMBERS = [
    0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64 - 1, 2**64, 10**30, -(10**30), 0.1, -0.0, 1e308, NOW, 1.5e-320,
]  # fmt: skip
NAMES = ["error", "result", "unixtime", "status", "ZUSD", "permissions", "nonce", "nonce_window", *TEXTS[:12]]
STATUSES = [
    200, 100, 101, 103, 201, 204, 206, 226, 301, 302, 303, 307, 308, 400, 401, 403, 404, 407, 418, 429, 451, 500, 502,
    503, 504, 511, 520, 522, 525, 530, 599, 600, 999, 0,
]  # fmt: skip

TRUE: dict[str, Any] = {
    "Time": {"unixtime": NOW, "rfc1123": "Sun, 21 Mar 21 14:23:14 +0000"},
    "SystemStatus": {
        "status": "online", "timestamp": "2023-07-06T18:52:00Z", "upcoming_maintenance": [], "emergency": [],
    },
    "GetApiKeyInfo": {
        "apiKeyName": "x", "apiKey": canaries.API_KEY, "nonce": "1772627060997", "nonceWindow": 0,
        "permissions": ["query-funds"], "iban": canaries.IIBAN, "validUntil": "0", "queryFrom": "0", "queryTo": "0",
        "createdTime": "1772542900", "modifiedTime": "1772543095", "ipAllowlist": [], "lastUsed": "1772627061",
    },
    "Balance": {"ZUSD": "100.0000", "USDT": "50.00000000", "USD.F": "1.0"},
}  # fmt: skip
"""What each endpoint says when all is well."""


class Answer(NamedTuple):
    """The bytes for one request."""

    data: bytes
    right: bool = False
    silent: bool = False
    """The connection is left open after them."""

    def sent(self) -> bytes:
        """Return the bytes as they are to be sent now."""
        return self.data.replace(b"%d" % NOW, b"%d" % time.time())


class Case(NamedTuple):
    """All that a run of `check` is told: for each endpoint the answers to its first requests; the last one stays."""

    output: str
    answers: dict[str, list[Answer]]


def http(status: int, body: bytes, headers: dict[str, str] | None = None, reason: str = "OK") -> bytes:
    """Return an HTTP answer; a header whose value is "-" is left out."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"} | (
        headers or {}
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value != "-")
    return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode("utf-8", "replace") + body


def right(endpoint: str) -> Answer:
    """Return what a healthy exchange answers."""
    return Answer(http(200, right_body(endpoint)), right=True)


def right_body(endpoint: str) -> bytes:
    return json.dumps({"error": [], "result": TRUE[endpoint]}).encode()


texts = st.sampled_from(TEXTS) | st.text(max_size=30)
numbers = st.sampled_from(NUMBERS) | st.integers() | st.floats()
leaves = st.none() | st.booleans() | numbers | texts | numbers.map(str)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | texts, inner, max_size=4),
    max_leaves=8,
)


def as_text(value: Any) -> st.SearchStrategy[bytes]:
    """JSON, with characters as they are or escaped."""
    return st.booleans().map(lambda escaped: json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass"))


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """*value* with parts that are gone, of another kind, added, or written differently."""
    change = draw(st.sampled_from(["inside"] * 5 + ["other", "spelt"]))
    if change == "other":
        return draw(values)
    if change == "spelt" and isinstance(value, str) and value.isdigit():
        return int(value)
    if change == "spelt" and isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        kept = {name: draw(mutated(inner)) for name, inner in value.items() if draw(st.integers(0, 14)) < 14}
        return kept | draw(st.dictionaries(texts, values, max_size=1))
    return [draw(mutated(inner)) for inner in value] if isinstance(value, list) else value


@st.composite
def mutated_json(draw: st.DrawFn, endpoint: str, elsewhere: str) -> bytes:
    return http(200, draw(as_text(draw(mutated({"error": [], "result": TRUE[endpoint]})))))


@st.composite
def any_json(draw: st.DrawFn, endpoint: str, elsewhere: str) -> bytes:
    return http(200, draw(as_text(draw(values))))


@st.composite
def refusal(draw: st.DrawFn, endpoint: str, elsewhere: str) -> bytes:
    errors = draw(st.lists(texts | values, min_size=1, max_size=3))
    return http(200, draw(as_text({"error": errors, "result": draw(values)})))


STRANGE = [
    b"", b"null", b"[]", b"{", b'{"error":[],"result":{', b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 50_000,
    b'{"error":[],"result":{"unixtime":NaN,"status":Infinity}}', b'{"error":[],"result":{"unixtime":-Infinity}}',
    b'{"error":["a"],"error":[],"result":{},"result":{"unixtime":1,"unixtime":"x"}}', b"1" * 10_000, b"\x00" * 100,
    b'{"error":[],"result":{"unixtime":' + b"9" * 5000 + b"}}",
    b'{"error":[],"result":{"ZUSD":"' + b"9" * 5000 + b'"}}',
    b'{"error":[],"result":{"ZUSD":"1e999999999","USDT":"-1e-999999999"}}', b'\xef\xbb\xbf{"error":[],"result":{}}',
    '{"error":[],"result":{"unixtime":1}}'.encode("utf-16"), '{"error":["é"]}'.encode("latin-1"),
    b"<html>" + b"x" * 70_000, b'{"error":"EAPI:Invalid nonce"}', b'{"error":{"a":1}}', b'{"error":null,"result":null}',
    b'"EAPI:Invalid key"', b'{"error":[],"result":"' + b"\\ud800" * 10 + b'"}',
]  # fmt: skip


@st.composite
def strange_text(draw: st.DrawFn, endpoint: str, elsewhere: str) -> bytes:
    body = draw(st.sampled_from(STRANGE) | st.binary(min_size=1, max_size=400))
    charsets = ["", "; charset=utf-16", "; charset=ascii", "; charset=no-such", "; charset=\x1b[31m", "; charset=idna"]
    kind = f"application/json{draw(st.sampled_from(charsets))}"
    return http(draw(st.sampled_from([200, 200, 200, 502])), body, {"Content-Type": kind})


@functools.cache
def ways_to_pack(body: bytes) -> list[tuple[str, bytes]]:
    """Content-Encoding, and what is sent under that name."""
    small = gzip.compress(body, mtime=0)
    return [
        ("identity", body), ("gzip", small), ("gzip", small[:-9]), ("gzip", body), ("gzip", gzip.decompress(bomb())),
        ("gzip, gzip", bomb()), ("gzip" + ", gzip" * 50, body), ("deflate", zlib.compress(body)), ("deflate", small),
        ("br", body), ("zstd", body), ("no-such", body),
    ]  # fmt: skip


@st.composite
def packed(draw: st.DrawFn, endpoint: str, elsewhere: str) -> bytes:
    name, data = draw(st.sampled_from(ways_to_pack(right_body(endpoint))))
    return http(200, data, {"Content-Encoding": name})


@st.composite
def odd_status(draw: st.DrawFn, endpoint: str, elsewhere: str) -> bytes:
    places = ["-", elsewhere, f"{elsewhere}/0/private/Balance", "//x", "/", "\x1b]8;;", "http://[", *TEXTS[:9]]
    dates = ["-", "x", "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -9999", "9" * 300]
    chosen = {
        "Location": places, "Date": dates, "Retry-After": ["-", "5", "-1", "9" * 400, dates[2], "x", "1e9"],
        "Server": ["-", "cloudflare", *TEXTS[2:9], canaries.API_KEY],
        "CF-Ray": ["-", "8f0c1d2e3f405162-FRA", *TEXTS[2:6]],
        "Set-Cookie": ["-", "a=b; Domain=.x", "\x00"],
        "Content-Type": ["application/json", "text/html", "text/plain", "-", "x" * 9000],
    }  # fmt: skip
    headers = {name: draw(st.sampled_from(among)) for name, among in chosen.items()}
    headers = {name: value.replace("\n", " ").replace("\r", " ")[:9000] for name, value in headers.items()}
    title = draw(st.sampled_from(["Just a moment...", "Attention Required! | Cloudflare", "<title>" * 200, *TEXTS]))
    page = f"<html><title>{title}</title>{'<title>' * draw(st.sampled_from([0, 9000]))}</html>".encode(
        "utf-8", "replace"
    )
    body = draw(st.just(b"") | st.just(page) | values.flatmap(as_text))
    return http(draw(st.sampled_from(STATUSES)), body, headers, draw(st.sampled_from(["OK", "", "x" * 300])))


@st.composite
def broken_http(draw: st.DrawFn, endpoint: str, elsewhere: str) -> bytes:
    whole = http(200, right_body(endpoint))
    begun = [
        b"", b"HTTP/9.9 200 OK\r\n\r\n{}", b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1 200\r\n\r\n", b"\r\n\r\n" + whole,
        b"SSH-2.0-OpenSSH\r\n", whole.replace(b"\r\n", b"\n"), b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9, 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 60 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"F" * 40 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\n: \r\n\x00\x01: \xff\r\n a\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + whole, whole * 3,
    ]  # fmt: skip
    cut = st.integers(0, len(whole) - 1).map(lambda end: whole[:end])
    return draw(st.sampled_from(begun) | cut | st.binary(min_size=1, max_size=600))


Maker = Callable[[str, str], st.SearchStrategy[bytes]]
MAKERS: list[Maker] = [
    mutated_json, mutated_json, mutated_json, any_json, refusal, refusal, strange_text, odd_status, odd_status,
    broken_http, packed,
]  # fmt: skip
"""Those that stand here twice are made more often."""


@st.composite
def answers(draw: st.DrawFn, endpoint: str, elsewhere: str) -> Answer:
    """A right answer first: it is what Hypothesis shrinks to. The path to the private calls is to be open mostly."""
    least = 4 if endpoint in ("Time", "SystemStatus") else 2
    if draw(st.integers(0, 4)) < least:
        return right(endpoint)
    maker = draw(st.sampled_from(MAKERS))
    return Answer(draw(maker(endpoint, elsewhere)), silent=draw(st.integers(0, 200)) == 200)


def cases(outputs: tuple[str, ...], elsewhere: str) -> st.SearchStrategy[Case]:
    """Whole runs. *elsewhere* is the address that redirects lead to, at which nobody may appear."""
    each = {endpoint: st.lists(answers(endpoint, elsewhere), min_size=1, max_size=3) for endpoint in TRUE}
    return st.builds(Case, st.sampled_from(outputs), st.fixed_dictionaries(each))
