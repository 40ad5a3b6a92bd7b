"""How a secret may be written: as it is, quoted, folded, and in the encodings that programs put into logs."""

import base64
import binascii
import contextlib
import json
import re
import urllib.parse
from bisect import bisect_right
from collections.abc import Callable, Iterator

_FRAME = " \t\r\n│┃║|>#*`"
_LINE_END = re.compile(r"[\r\n]|\\[rn]")
"""Also as it is written in a quoted text."""

_BETWEEN = re.compile(rf"(?:[\s{re.escape(_FRAME)}]|\\[rn])+")
"""What may stand between two lines: their ends, and a table's or a quotation's marks."""


# What may stand behind these words is nobody's business; values that we don't know come by here.
_NAMED = (
    r"(?:(?:proxy-)?authorization|api[-_]?(?:key|sign|secret)|(?<![a-z])otp"
    r"|(?<=[?&])[\w-]{0,40}(?:username|passw(?:or)?d|token|secret|signature))"
)

PATTERNS = (
    # A secret or a signature in Kraken's shape: 64 bytes in base64, 86 characters and "==", as it is or in a URL. As
    # strict as that, since a looser rule would eat hashes and nonces that the reader needs.
    re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]|%2[BFbf]){86}(?:==|%3[Dd]%3[Dd])(?![A-Za-z0-9+/=])"),
    # What stands before the host in a URL; a password may hold an @.
    re.compile(r"(?<=://)[^/?#\s\"'<>]+(?=@)"),
    # The headers of a call and the fields of its body, as lines, JSON, Python or a form.
    re.compile(
        # Not over a line's end: below an empty `KRAKEN_API_KEY=` stands the next variable, whose name is no secret.
        rf"(?i)({_NAMED}[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}}(?:b(?=[\"']))?[\"']?(?:(?:basic|bearer)\s)?)"
        r"(?!(?-i:\$?\{?KRAKEN_[A-Z0-9_]+(?:KEY|SECRET|OTP|UNIT|STORE|URL)\b))[^\s\"'&,;}]{4,}"
    ),
    # Kraken's number of an account, as GetApiKeyInfo gives it: "AA88 N84G WOAK NMOI".
    re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:(?: |\+|%20)?[A-Z0-9]{4}){3}(?![A-Z0-9])"),
)
"""All of them linear in what they look through: it may be anybody's."""


# `html.escape`, without the table of all entities that its module brings.
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def spellings(value: str) -> set[str]:
    """*value* as it stands in URLs, JSON, Python, HTML, base64 and hexadecimal digits."""
    quoted = {urllib.parse.quote(value, safe=safe, errors="replace") for safe in ("", "/", "/+=", ":/")}
    quoted |= {urllib.parse.quote_plus(value, errors="replace")}
    quoted |= {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), text) for text in quoted}
    written = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    written |= {json.dumps(value)[1:-1].replace("/", "\\/"), value.translate(_ESCAPED)}
    twice = {urllib.parse.quote(text, safe="") for text in quoted}
    encoded = {text for raw in _raw(value) for text in _in_base64(raw)}
    digits = {raw.hex() for raw in (*_raw(value), _decoded(value))}
    return {value, *quoted, *twice, *written, *encoded, *digits, *map(str.upper, digits)}


def bare(value: str) -> str:
    """*value* as it is looked for in an `unfolded` text."""
    return unfolded(value)[0].strip(_FRAME)


def unfolded(text: str) -> tuple[str, Callable[[int], int]]:
    """*text* with its lines put together, without what frames them; and where in *text* a character of that stands."""
    parts, starts, origins = [], [0], [0]
    for run in _BETWEEN.finditer(text) if _LINE_END.search(text) else ():
        if _LINE_END.search(run[0]):
            parts.append(text[origins[-1] : run.start()])
            starts.append(starts[-1] + len(parts[-1]))
            origins.append(run.end())

    def place(index: int) -> int:
        part = bisect_right(starts, index) - 1
        return origins[part] + index - starts[part]

    return "".join((*parts, text[origins[-1] :])), place


def common(one: str, other: str) -> int:
    """Return how many characters the two have in common at their beginning."""
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)


def as_bytes(value: str) -> bytes:
    """*value* in UTF-8."""
    # Variables that are no UTF-8 come as half surrogate pairs, which no strict encoding takes.
    return value.encode(errors="surrogatepass")


def _raw(value: str) -> set[bytes]:
    """Return what an encoder may be given for *value*: requests makes a Basic header of latin-1."""
    return {as_bytes(value), value.encode("latin-1", "replace")}


def _decoded(value: str) -> bytes:
    """Return the bytes that *value*, an API secret, stands for; none if it is no base64."""
    with contextlib.suppress(binascii.Error, ValueError):
        return base64.b64decode(value, validate=True)
    return b""


def _in_base64(raw: bytes) -> Iterator[str]:
    """
    Yield what is in any base64 of a text that holds *raw*, wherever it stands in it and without padding.

    Three bytes become four letters, so there are three ways to begin; letters that depend on the neighbours go.
    """
    for shift in range(3):
        whole = len(raw) + shift
        letters = base64.b64encode(b"\0" * shift + raw).decode()[(shift * 8 + 5) // 6 : whole * 8 // 6]
        yield letters
        yield letters.translate(str.maketrans("+/", "-_"))
