"""The one place through which text leaves: what is secret in it is hidden."""

import dataclasses
import functools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from kraken_doctor.secret import HIDDEN, Secret
from kraken_doctor.spellings import PATTERNS, bare, common, spellings, unfolded

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

_OWN_NAME = re.compile(r"(?<!\w)KRAKEN_(?:\w*_)?(?:API_KEY|API_SECRET|OTP|NONCE_UNIT|NONCE_STORE|SPOT_URL)(?!\w)")
"""A variable's name, which is shown whatever a value is: a placeholder may be a part of it."""

T = TypeVar("T")


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


def in_texts(value: Any, change: Callable[[str], str], *, names: bool = False) -> Any:
    """Return JSON values with *change* made in every text of theirs; also in the *names* of fields, if asked for."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [in_texts(item, change, names=names) for item in value]
    if isinstance(value, dict):
        return {change(name) if names else name: in_texts(item, change, names=names) for name, item in value.items()}
    return value


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
