"""Secrets that can't be printed by accident, and the one place through which text leaves."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, Self, TypeVar

HIDDEN = "[hidden]"

_SHORTEST_KNOWN_CHARS = 6
"""Below this length a value is more likely to occur by chance ("1234" in a nonce) than by leak."""

_FRAGMENT_CHARS = 16
"""Of a long secret, so much in one piece is hidden too: what is cut or folded holds less than all of it."""

_FRAGMENTED_FROM_CHARS = 24
"""Parts of shorter values are words that occur by themselves."""

_LONG_MARK_CHARS = 12
"""By which a long secret is found: random, so that no two have one in common. A short one is found by all it has."""

_STRIDE_CHARS = _FRAGMENT_CHARS - _LONG_MARK_CHARS + 1
"""With a mark at every so many characters, each fragment holds one."""

# What may stand behind these words is nobody's business; values that we don't know come by here.
_NAMED = r"(?:(?:proxy-)?authorization|api[-_]?(?:key|sign|secret)|(?<![a-z])otp)"

_PATTERNS = (
    # A secret or a signature in Kraken's shape: 64 bytes in base64, 86 characters and "==", as it is or in a URL. As
    # strict as that, since a looser rule would eat hashes and nonces that the reader needs.
    re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]|%2[BFbf]){86}(?:==|%3[Dd]%3[Dd])(?![A-Za-z0-9+/=])"),
    # user:password@ in an URL.
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]*(?=@)"),
    # The headers of a call and the fields of its body, as lines, JSON, Python or a form.
    re.compile(
        rf"(?i)({_NAMED}[\"']?\s{{0,4}}[:=]\s{{0,4}}(?:b(?=[\"']))?[\"']?(?:(?:basic|bearer)\s)?)[^\s\"'&,;}}]{{4,}}"
    ),
    # Kraken's number of an account, as GetApiKeyInfo gives it: "AA88 N84G WOAK NMOI".
    re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:(?: |\+|%20)?[A-Z0-9]{4}){3}(?![A-Z0-9])"),
)

_SECRET_NAME = re.compile(r"KRAKEN_(?:.*_)?(?:API_KEY|API_SECRET|OTP)", re.DOTALL)
_LOGIN = re.compile(r"://([^/\s@:]*:[^/\s]*)@")

T = TypeVar("T")


class Secret:
    """
    A value that shows itself only through `reveal`.

    ``repr``, ``str``, ``format``, logging and dataclass reprs give a placeholder; pickling is refused.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; for the wire, and for nothing that is shown."""
        return self._value

    @property
    def tail(self) -> str:
        """The last 4 characters behind an ellipsis, as Kraken's own client shows a public key."""
        return f"…{self._value[-4:]}" if len(self._value) >= 20 else "…"

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, format_spec: str) -> str:
        return format(HIDDEN, format_spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: the value would leave the process")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret has no state to hand out: the value would leave the process")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # It never changes: one is as good as two, and asdict() of what holds it goes on working.
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash(self._value)


def key_id(api_key: str) -> str:
    """
    Fingerprint of an API key: 16 hexadecimal digits, the same on every host.

    Names the key in stores, logs and reports. The key has over 300 random bits, so its digest can't be
    turned back into it by trying.
    """
    return hashlib.sha256(b"kraken-doctor key id\0" + _bytes(api_key)).hexdigest()[:16]


def is_secret(name: str, value: str = "") -> bool:
    """Whether the environment variable *name* holds a credential of Kraken's, or a URL with a login."""
    return _SECRET_NAME.fullmatch(name) is not None or _LOGIN.search(value) is not None


def secrets_of(environ: Mapping[str, str]) -> Iterator[Secret]:
    """What must not be shown of *environ*: credentials, and the logins in URLs, as they stand and decoded."""
    for name, value in environ.items():
        if _SECRET_NAME.fullmatch(name):
            yield Secret(value)
        for login in _LOGIN.findall(value):
            password = login.partition(":")[2]
            # Whoever makes a Basic header of it encodes user and password together.
            yield from map(Secret, {login, urllib.parse.unquote(login), password, urllib.parse.unquote(password)})


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* for a child process that has no need of credentials."""
    return {name: value for name, value in environ.items() if not is_secret(name, value)}


class Redactor:
    """Replaces the secrets that this process holds, then whatever looks like one."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        # A few characters of a spelling, to the spellings that have them, and where in it; by their number. A text
        # is looked through once, however many secrets there are: one expression of a thousand keys takes minutes.
        self._marks: dict[int, dict[str, list[tuple[str, int]]]] = {}
        self._known: set[str] = set()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: Secret) -> None:
        """From now on *secret* is hidden, also where it is quoted or encoded."""
        value = secret.reveal()
        for form in {value, value.strip()} - self._known:
            self._known.add(form)
            if len(form) < _SHORTEST_KNOWN_CHARS:
                continue
            for spelling in _spellings(form):
                self._mark(spelling, 0)
            if len(form) >= _FRAGMENTED_FROM_CHARS:
                for offset in range(_STRIDE_CHARS, len(form) - _LONG_MARK_CHARS + 1, _STRIDE_CHARS):
                    self._mark(form, offset)

    def __call__(self, text: str) -> str:
        """*text* without secrets."""
        if len(text) < _SHORTEST_KNOWN_CHARS:
            return text
        text = self._without_known(text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{HIDDEN}" if pattern.groups else HIDDEN, text)
        return text

    def everywhere(self, value: T) -> T:
        """
        *value* (a dataclass, tuple, list, mapping or text) with every text in it redacted.

        Before anything is rendered: a table folds long words, and a secret on two lines is not found any more.
        """
        done: dict[str, str] = {}

        def clean(item: Any) -> Any:
            if type(item) is str:  # not the members of an enum, which are ours
                if item not in done:
                    done[item] = self(item)
                return done[item]
            if isinstance(item, Mapping):
                return {clean(name): clean(inner) for name, inner in item.items()}
            if isinstance(item, (tuple, list)):
                inner = [clean(one) for one in item]
                return type(item)(*inner) if hasattr(item, "_fields") else type(item)(inner)
            if dataclasses.is_dataclass(item) and not isinstance(item, type):
                return _replaced(item, clean)
            return item

        cleaned: T = clean(value)
        return cleaned

    def _mark(self, spelling: str, offset: int) -> None:
        length = _LONG_MARK_CHARS if len(spelling) >= _FRAGMENTED_FROM_CHARS else _SHORTEST_KNOWN_CHARS
        marks = self._marks.setdefault(length, {})
        marks.setdefault(spelling[offset : offset + length], []).append((spelling, offset))

    def _without_known(self, text: str) -> str:
        parts, shown_to = [], 0
        for begin, end in _merged(self._spans(text)):
            parts += [text[shown_to:begin], HIDDEN]
            shown_to = end
        return "".join((*parts, text[shown_to:]))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in *text* a secret stands, or enough of one."""
        for length, marks in list(self._marks.items()):
            places = [at for at in range(len(text) - length + 1) if text[at : at + length] in marks]
            for at in places:
                for spelling, offset in marks[text[at : at + length]]:
                    before = _common(text[max(0, at - offset) : at][::-1], spelling[:offset][::-1])
                    behind = _common(text[at : at + len(spelling) - offset], spelling[offset:])
                    if before + behind >= _enough(spelling) and _stands_alone(text, at - before, spelling):
                        yield at - before, at + behind


def _replaced(item: Any, clean: Any) -> Any:
    changed = {}
    for field in dataclasses.fields(item):
        before = getattr(item, field.name)
        after = clean(before)
        if after != before:
            changed[field.name] = after
    return dataclasses.replace(item, **changed) if changed else item


def _enough(spelling: str) -> int:
    return _FRAGMENT_CHARS if len(spelling) >= _FRAGMENTED_FROM_CHARS else len(spelling)


def _stands_alone(text: str, at: int, spelling: str) -> bool:
    """A password of digits only is no part of a larger number: hiding half a nonce helps nobody, and breaks JSON."""
    if not spelling.isdigit():
        return True
    around = text[max(0, at - 1) : at] + text[at + len(spelling) : at + len(spelling) + 1]
    return not any(character.isdigit() or character == "." for character in around)


def _common(one: str, other: str) -> int:
    """How many characters the two have in common at their beginning."""
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What overlaps or touches as one, in order: no rest of one secret is left standing beside another."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return iter(merged)


def _spellings(value: str) -> set[str]:
    """*value* as it stands in URLs, JSON, Python, HTML and base64; too short ones are left out."""
    import html  # its table of entities is large, and a run without credentials needs none of it

    quoted = {urllib.parse.quote(value, safe=safe, errors="replace") for safe in ("", "/", "/+=", ":/")}
    quoted |= {urllib.parse.quote_plus(value, errors="replace")}
    quoted |= {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), text) for text in quoted}
    written = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    written |= {json.dumps(value)[1:-1].replace("/", "\\/"), html.escape(value)}
    twice = {urllib.parse.quote(text, safe="") for text in quoted}
    spellings = {value, *quoted, *twice, *written, *_in_base64(_bytes(value))}
    return {spelling for spelling in spellings if len(spelling) >= _SHORTEST_KNOWN_CHARS}


def _in_base64(raw: bytes) -> Iterator[str]:
    """
    What is in any base64 of a text that holds *raw*, wherever it stands in it and without padding.

    Three bytes become four letters, so there are three ways to begin; letters that depend on the neighbours go.
    """
    for shift in range(3):
        whole = len(raw) + shift
        letters = base64.b64encode(b"\0" * shift + raw).decode()[(shift * 8 + 5) // 6 : whole * 8 // 6]
        yield letters
        yield letters.translate(str.maketrans("+/", "-_"))


def _bytes(value: str) -> bytes:
    # Variables that are no UTF-8 come as half surrogate pairs, which no strict encoding takes.
    return value.encode(errors="surrogatepass")
