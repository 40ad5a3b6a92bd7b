"""
The shape of a key and of a secret, judged without showing either. What to look for is in damages.toml.

Lengths are Kraken's own examples (56 characters for a key, 64 bytes for a secret), not promises:
https://docs.kraken.com/api-reference/account-data/get-api-key-info,
https://docs.kraken.com/exchange/guides/rest/authentication
"""

import base64
import binascii
import functools
import re
import unicodedata
import urllib.parse
from typing import NamedTuple

from kraken_doctor.tables import load

KEY_CHARACTERS = 56
SECRET_BYTES = 64
_FUTURES_SECRET_BYTES = 66

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_RUN = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
"""Long enough for a credential: no word is."""
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
"""A word or a number. In random base64 they have two characters on average, in paths four and more."""

_ASSIGNED = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,39})[\"']?\s*(:=|=>|[=:])\s*(?=[^=\s])")
_SAYS_CREDENTIAL = re.compile(r"(?i)kraken|key|secret|token|passw|otp")
"""A name is shown only where it says so itself and is short: it might be the beginning of a value."""

_ESCAPE = re.compile(r"%(?:2[BbFf]|3[Dd])")
"""What + / and = become in a URL."""

_SHORTEST_TWICE_CHARS = 20
"""Shorter values repeat themselves without having been pasted twice."""


class CredentialShape(NamedTuple):
    """What can be said of a credential without repeating it."""

    characters: int
    shape: str
    """``key``, ``secret`` or ``other``: which of Kraken's forms it has."""
    placeholder: bool = False
    reference: bool = False
    """A placeholder that should have been replaced by a program: ``${OTHER}``."""
    flaws: tuple[str, ...] = ()
    """What is in it that does not belong there, and where."""
    decoded_bytes: int | None = None
    """Length after base64, as krakenex decodes it; None if it can't be decoded."""
    sound_inside: bool = False
    """Without its flaws it would be in order."""
    unusable: bool = False
    """The connection can't work with it."""
    unusual: bool = False
    """It has not the form of Kraken's examples, which promises nothing."""


def inspect_key(text: str) -> CredentialShape:
    """
    An API key as it stands in the variable.

    Any flaw is fatal here: the key goes into a header as it is, and Kraken compares it letter by letter.
    """
    shape = _inspected(text, "key")
    unusable = shape.placeholder or bool(shape.flaws) or shape.shape == "secret"
    return shape._replace(unusable=unusable, unusual=shape.shape != "key")


def inspect_secret(text: str) -> CredentialShape:
    """
    A private key as it stands in the variable.

    White space and quotes are tolerated by Python's base64, so krakenex signs rightly in spite of them;
    other clients may not.
    """
    shape, decoded = _inspected(text, "secret"), _decoded_bytes(text)
    wrong = decoded != SECRET_BYTES
    return shape._replace(decoded_bytes=decoded, unusable=shape.placeholder or wrong, unusual=wrong)


def _inspected(text: str, kind: str) -> CredentialShape:
    """What is the same to say of either."""
    placeholder, reference = _placeholder(text)
    inside = kind in _shapes_inside(text)
    return CredentialShape(len(text), _shape(text), placeholder, reference, _flaws(text), sound_inside=inside)


def _shapes_inside(text: str) -> set[str]:
    """The shapes of what is in *text*, once what came along with it is taken off."""
    text = _without_base64(urllib.parse.unquote(text) if _ESCAPE.search(text) else text)
    once = _half(text)
    runs = [once] if once else _RUN.findall(text)
    # What was cut by a line break, or has a foreign character inside, is put together again.
    return {_shape(run) for run in (*runs, re.sub(r"[^A-Za-z0-9+/=]", "", text))}


def _half(text: str) -> str | None:
    """What *text* holds twice, one behind the other; None if it does not."""
    # By comparing halves: an expression with a back reference takes the square of the length.
    text = text.strip()
    size = (len(text) + 1) // 2
    one, other = (half.strip(" ,;\t\r\n") for half in (text[:size], text[-size:]))
    if len(text) % 2 and one != other:  # one character between them
        one, other = text[: size - 1], text[size:]
    return one if one == other and len(one) >= _SHORTEST_TWICE_CHARS and len(set(one)) > 1 else None


def _without_base64(text: str) -> str:
    """What *text* holds in base64, where that is a credential: a Secret of Kubernetes was pasted."""
    try:
        inner = base64.b64decode(text.strip(), validate=True).decode("ascii").strip()
    except ValueError:
        return text
    return inner if _shape(inner) != "other" else text


def _decoded_bytes(text: str) -> int | None:
    try:
        # Not strict, on purpose: this is what krakenex does with it.
        return len(base64.b64decode(text))
    except (binascii.Error, ValueError):
        return None


def _shape(text: str) -> str:
    core = text.strip()
    if not _BASE64.fullmatch(core):
        return "other"
    decoded = _decoded_bytes(core)
    if decoded in (SECRET_BYTES, _FUTURES_SECRET_BYTES):
        return "secret"
    return "key" if len(core) == KEY_CHARACTERS else "other"


def _placeholder(text: str) -> tuple[bool, bool]:
    """Whether an example stands there, or something that should have been replaced; and whether it is the latter."""
    # A real credential is long random base64; only what is not may be a word that somebody left there.
    if any(len(set(run)) > 12 and 4 * len(_PIECE.findall(run)) > len(run) for run in _RUN.findall(text)):
        return False, False
    # With what stands in front too: "{{" is the beginning of JSON, and of a template's reference. And without a
    # sign at the end: "key=" is base64 by its letters.
    cores = [core.strip().strip("\"'`").strip().rstrip("=: \"'") for core in (text, _in_front(text.strip())[1])]
    words, parts, references = _vocabulary()
    if any(references.match(core) for core in cores):
        return True, True
    example = any(
        (core.startswith("<") and core.endswith(">")) or len(set(core)) == 1 or core.lower() in words for core in cores
    )
    return example or parts.search(cores[1]) is not None, False


def is_no_password(text: str) -> bool:
    """
    Whether *text*, a one-time password as it stands in the variable, can't be one.

    Each refused call counts towards a lockout, but a static one is free text: what a person may have chosen is sent.
    """
    return re.fullmatch("|".join(_damages()["no_passwords"]), text.strip(), re.IGNORECASE) is not None


def _in_front(text: str) -> tuple[list[str], str]:
    """What came along before the credential, in words; and the rest."""
    found: list[str] = []
    for name, pattern in _damages()["in_front"].items():
        if match := re.match(pattern, text, re.IGNORECASE):
            found.append(name)
            text = text[match.end() :].lstrip("\"'")
    assigned = _ASSIGNED.match(text)
    if assigned and _SAYS_CREDENTIAL.search(assigned[1]):
        found.append(f"{assigned[1]}{assigned[2]}")
        text = text[assigned.end() :]
    return found, text


def _flaws(text: str) -> tuple[str, ...]:
    """What does not belong into base64, named with its place."""
    both = {"key", "secret"} <= {_shape(run) for run in _RUN.findall(text)}
    clean = _BASE64.fullmatch(text)  # most are: what else there may be is not even read then
    front = "" if clean else " and ".join(_in_front(text)[0])
    found = ["key and secret in one value"] if both else [f"{front} in front of the value"] if front else []
    if escape := _ESCAPE.search(text):
        found.append(f"URL encoding ({escape[0]})")
    if _half(text):
        found.append("the value twice")
    if _without_base64(text) != text:
        found.append("an extra base64 layer, as in a Kubernetes Secret")
    return tuple(found or ([] if clean else _shortened(_foreign(text))))


def _foreign(text: str) -> list[str]:
    """Characters that are in no base64."""
    found: list[str] = []
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        found.append("quotes around the value")
        text = text[1:-1]
    last = len(text) - 1
    for position, character in enumerate(text):
        name = _name_of(character)
        if name is None:
            continue
        where = "at the start" if position == 0 else "at the end" if position == last else f"at position {position + 1}"
        found.append(f"{name} {where}")
    return found


_damages = functools.partial(load, __file__, "damages.toml")


@functools.cache
def _vocabulary() -> tuple[frozenset[str], re.Pattern[str], re.Pattern[str]]:
    data = _damages()
    parts = re.compile("|".join(data["parts"]), re.IGNORECASE)
    references = re.compile("\\A(?:" + "|".join(data["references"]) + ")\\Z", re.IGNORECASE)
    return frozenset(data["words"]), parts, references


def _name_of(character: str) -> str | None:
    for name, characters in _damages()["characters"].items():
        if character in characters:
            return str(name)
    if character.isspace():
        return "white space"
    if not character.isprintable():
        return f"an invisible character (U+{ord(character):04X})"
    if not character.isascii():
        return f"{unicodedata.name(character, 'a foreign character').lower()} (U+{ord(character):04X})"
    return None


def _shortened(found: list[str]) -> list[str]:
    """The first few: a wrong file pasted whole has thousands."""
    return [*found[:4], f"and {len(found) - 4} more"] if len(found) > 4 else found
