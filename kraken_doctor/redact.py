"""Secrets that can't be printed by accident, and the one place through which text leaves."""

import dataclasses
import functools
import hashlib
import hmac
import re
import urllib.parse
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, Self, TypeVar

from kraken_doctor.spellings import PATTERNS, as_bytes, bare, common, spellings, unfolded

HIDDEN = "[hidden]"

_SHORTEST_KNOWN_CHARS = 6
"""Below this length a value is more likely to occur by chance ("1234" in a nonce) than by leak. By so many a spelling
is found: at its beginning, at its end, and in a long one between."""

_FRAGMENT_CHARS = 16
"""Of a long secret, so much in one piece is hidden too: what is cut or folded holds less than all of it."""

_FRAGMENTED_FROM_CHARS = 24
"""Parts of shorter values are words that occur by themselves."""

_CUT_CHARS = 8
"""Where a text was cut (at its ends, at an ellipsis), so much of what the cut left is hidden."""

_STRIDE_CHARS = _FRAGMENT_CHARS - _SHORTEST_KNOWN_CHARS + 1
"""With a mark at every so many characters, each fragment holds one."""

_CUTS = ("…", "...")

_SECRET_NAME = re.compile(r"KRAKEN_(?:.*_)?(?:API_KEY|API_SECRET|OTP)|KRAKEN_DOCTOR_INIT_KEY", re.DOTALL)
_OWN_NAME = re.compile(r"(?<!\w)KRAKEN_(?:\w*_)?(?:API_KEY|API_SECRET|OTP|NONCE_UNIT|NONCE_STORE|SPOT_URL)(?!\w)")
"""A variable's name, which is shown whatever a value is: a placeholder may be a part of it."""

STORE_VARIABLE = "KRAKEN_NONCE_STORE"
WEBHOOK_VARIABLE = "KRAKEN_DOCTOR_WATCH_ON_CHANGE"
_LOGIN = re.compile(r"://([^/\s@:]*:[^/\s]*)@")
_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_APART = re.compile(r"[@/?#\\]")
"""Where a parser ends the host, also inside a login in which it was not encoded."""

_IN_QUERY = re.compile(r"[?&](?:ssl_)?password=([^&#\s]+)")
_WEBHOOK = re.compile(r"(?i)https?://([^\s\"'<>/?#]*)([^\s\"'<>]*)")

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
        """Return the value itself; for the wire, and for nothing that is shown."""
        return self._value

    @property
    def tail(self) -> str:
        """Return the last 4 characters behind an ellipsis, as Kraken's own client shows a public key."""
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
        return hmac.compare_digest(as_bytes(self._value), as_bytes(other._value))

    def __hash__(self) -> int:
        return hash(self._value)


def key_id(api_key: str) -> str:
    """
    Fingerprint of an API key: 16 hexadecimal digits, the same on every host.

    Names the key in stores, logs and reports. The key has over 300 random bits, so its digest can't be
    turned back into it by trying.
    """
    return hashlib.sha256(b"kraken-doctor key id\0" + as_bytes(api_key)).hexdigest()[:16]


def is_read_here(name: str) -> bool:
    """Return whether the doctor itself reads the variable *name*, and it may hold a credential."""
    return _SECRET_NAME.fullmatch(name) is not None or name == WEBHOOK_VARIABLE or holds_a_login(name)


def is_secret(name: str, value: str = "") -> bool:
    """Whether the environment variable *name* holds a credential of Kraken's, a webhook, or a URL with a login."""
    return (is_read_here(name) and not holds_a_login(name)) or next(_logins(name, value), None) is not None


def secrets_of(environ: Mapping[str, str]) -> Iterator[Secret]:
    """What must not be shown of *environ*: credentials, webhooks, and logins in URLs, as they stand and decoded."""
    for name, value in environ.items():
        if _SECRET_NAME.fullmatch(name):
            yield Secret(value)
        if name == WEBHOOK_VARIABLE:
            for url in _WEBHOOK.finditer(value):
                # Whoever has it may post there; of some services the host's name alone is the secret.
                host = url[1].rpartition("@")[2]
                yield from map(Secret, (url[0], url[2], *([] if host in ("localhost", "127.0.0.1") else [host])))
        for login in _logins(name, value):
            # Whoever makes a Basic header of it encodes user and password together.
            for text in {text for part in (login, *_APART.split(login)) for text in (part, part.partition(":")[2])}:
                yield from map(Secret, {text, urllib.parse.unquote(text), urllib.parse.unquote_plus(text)})


def holds_a_login(name: str) -> bool:
    """Return whether the variable *name* leads to a store or a proxy."""
    return name == STORE_VARIABLE or "proxy" in name.lower()


def _logins(name: str, value: str) -> Iterator[str]:
    """
    ``user:password``, or the part of it that there is, of each URL in *value*.

    Of a proxy and a store also where the scheme is missing, the user stands alone, or a character that should have
    been encoded makes the URL another one: the message about it must not show the rest.
    """
    yield from _LOGIN.findall(value)
    yield from _IN_QUERY.findall(value)
    if "@" in value and holds_a_login(name):
        scheme = _SCHEME.match(value)
        yield value.rpartition("@")[0].removeprefix(scheme[0] if scheme else "")


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* for a child process that has no need of credentials."""
    return {name: value for name, value in environ.items() if not is_secret(name, value)}


def shortened(text: str, limit: int = 80) -> str:
    """*text*, somebody else's, with an ellipsis where it is cut: by that the rest of a secret is known for one."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class Redactor:
    """Replaces the secrets that this process holds, then whatever looks like one."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        # A few characters of a spelling, to the spellings that have them, and where in it. A text is looked through
        # once, however many secrets there are: one expression of a thousand keys takes minutes.
        self._marks: dict[str, list[tuple[str, int]]] = {}
        self._known: set[str] = set()
        self._framed = False
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: Secret) -> None:
        """From now on *secret* is hidden, also where it is quoted, encoded, folded or cut."""
        value = secret.reveal()
        for form in {value, value.strip(), bare(value)} - self._known:
            self._known.add(form)
            self._framed = self._framed or bare(form) != form
            for spelling in spellings(form):
                last = len(spelling) - _SHORTEST_KNOWN_CHARS
                between = range(0, last, _STRIDE_CHARS) if spelling == form and _is_long(form) else ()
                for offset in {0, last, *between} if last >= 0 else ():
                    mark = spelling[offset : offset + _SHORTEST_KNOWN_CHARS]
                    self._marks.setdefault(mark, []).append((spelling, offset))

    def __call__(self, text: str) -> str:
        """*text* without secrets."""
        if len(text) < _SHORTEST_KNOWN_CHARS:
            return text
        text = self._without_known(text)
        for pattern in PATTERNS:
            text = pattern.sub(rf"\1{HIDDEN}" if pattern.groups else HIDDEN, text)
        return text

    def everywhere(self, value: T) -> T:
        """
        *value* (a dataclass, tuple, list, mapping, text or bytes) with every text in it redacted.

        Before anything is rendered: a table folds long words, and a secret on two lines is not found any more.
        """
        done: dict[str, str] = {}

        def clean(item: Any) -> Any:
            if type(item) is str:  # not the members of an enum, which are ours
                if item not in done:
                    done[item] = self(item)
                return done[item]
            if isinstance(item, bytes):
                return self(item.decode(errors="surrogateescape")).encode(errors="surrogateescape")
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

    def _without_known(self, text: str) -> str:
        parts, shown_to = [], 0
        names = [name.span() for name in _OWN_NAME.finditer(text)] if "KRAKEN_" in text else []
        for begin, end in _merged(self._spans(text)):
            # A name with what stands around it is no more than the name.
            first, last = begin + _framed(text[begin:end]), end - _framed(text[begin:end][::-1])
            name = bisect_right(names, (first, len(text)))
            if not name or names[name - 1][1] < last:
                parts += [text[shown_to:begin], HIDDEN]
                shown_to = end
        return "".join((*parts, text[shown_to:]))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where in *text* a secret stands, or enough of one."""
        if self._marks:
            yield from self._spans_in(text, *unfolded(text))
            if self._framed:  # a secret with what frames lines in it is not in an unfolded text
                yield from self._spans_in(text, text, int)

    def _spans_in(self, text: str, flat: str, place: Callable[[int], int]) -> Iterator[tuple[int, int]]:
        marks, size = self._marks, _SHORTEST_KNOWN_CHARS
        for at in [at for at in range(len(flat) - size + 1) if flat[at : at + size] in marks]:
            for spelling, offset in marks[flat[at : at + size]]:
                begin = at - common(flat[max(0, at - offset) : at][::-1], spelling[:offset][::-1])
                end = at + common(flat[at : at + len(spelling) - offset], spelling[offset:])
                from_cut = begin in (0, at - offset) or flat.endswith(_CUTS, 0, begin)
                to_cut = end in (len(flat), at - offset + len(spelling)) or flat.startswith(_CUTS, end)
                span = place(begin), place(end - 1) + 1
                if end - begin >= _enough(spelling, cut=from_cut and to_cut) and _stands_alone(text, span, spelling):
                    yield span


@functools.lru_cache(maxsize=256)
def redactor(*secrets: object) -> Redactor:
    """The redactor for *secrets*, texts or what a bot has for them; made once, which takes longer than its use."""
    return Redactor(Secret(each.decode(errors="replace") if isinstance(each, bytes) else str(each)) for each in secrets)


def _replaced(item: Any, clean: Any) -> Any:
    changed = {}
    for field in dataclasses.fields(item):
        before = getattr(item, field.name)
        after = clean(before)
        if after != before:
            changed[field.name] = after
    return dataclasses.replace(item, **changed) if changed else item


def _framed(text: str) -> int:
    """Return how much of *text* is what stands around the name of a variable, and never in a credential's middle."""
    return len(text) - len(text.lstrip(" :='\""))


def _is_long(spelling: str) -> bool:
    return len(spelling) >= _FRAGMENTED_FROM_CHARS


def _enough(spelling: str, *, cut: bool) -> int:
    """Return how many characters of *spelling* give it away; *cut*: of a part, nothing stands beside it but cuts."""
    if _is_long(spelling):
        return _CUT_CHARS if cut else _FRAGMENT_CHARS
    return min(len(spelling), max(_CUT_CHARS, len(spelling) * 3 // 4)) if cut else len(spelling)


def _stands_alone(text: str, span: tuple[int, int], spelling: str) -> bool:
    """A password of digits only is no part of a larger number: hiding half a nonce helps nobody, and breaks JSON."""
    if not spelling.isdigit():
        return True
    around = text[max(0, span[0] - 1) : span[0]] + text[span[1] : span[1] + 1]
    return not any(character.isdigit() or character == "." for character in around)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Return what overlaps or touches as one, in order: no rest of one secret is left standing beside another."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return iter(merged)
