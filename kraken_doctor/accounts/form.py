"""
The form of a key and of a secret, judged without showing either.

Lengths are Kraken's own examples (56 characters for a key, 64 bytes for a secret), not promises:
https://docs.kraken.com/api-reference/account-data/get-api-key-info,
https://docs.kraken.com/exchange/guides/rest/authentication
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from typing import NamedTuple

KEY_CHARACTERS = 56
SECRET_BYTES = 64
_FUTURES_SECRET_BYTES = 66

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_PLACEHOLDER_WORDS = (
    r"(?i)\byour\b|your[-_ ]|change[-_ ]?me|placeholder|example|xxxx|\.\.\.|todo|fixme|dummy|insert|paste|"
    r"(?:api|private|secret)[-_ ]?(?:key|secret)|^secret$|^key$|^none$|^null$|^test$"
)


class Form(NamedTuple):
    """What can be said of a credential without repeating it."""

    characters: int
    shape: str
    """``key``, ``secret`` or ``other``: which of Kraken's forms it has."""
    placeholder: bool = False
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


def inspect_key(text: str) -> Form:
    """
    An API key as it stands in the variable.

    Any flaw is fatal here: the key goes into a header as it is, and Kraken compares it letter by letter.
    """
    flaws, placeholder, shape = _flaws(text), _is_placeholder(text), _shape(text)
    return Form(
        characters=len(text),
        shape=shape,
        placeholder=placeholder,
        flaws=flaws,
        sound_inside=_shape(_bare(text)) == "key",
        unusable=placeholder or bool(flaws) or shape == "secret",
        unusual=shape != "key",
    )


def inspect_secret(text: str) -> Form:
    """
    A private key as it stands in the variable.

    White space and quotes are tolerated by Python's base64, so krakenex signs rightly in spite of them;
    other clients may not.
    """
    flaws, placeholder, decoded = _flaws(text), _is_placeholder(text), _decoded_bytes(text)
    return Form(
        characters=len(text),
        shape=_shape(text),
        placeholder=placeholder,
        flaws=flaws,
        decoded_bytes=decoded,
        sound_inside=_decoded_bytes(_bare(text)) == SECRET_BYTES,
        unusable=placeholder or decoded != SECRET_BYTES,
        unusual=decoded != SECRET_BYTES,
    )


def _bare(text: str) -> str:
    """*text* without what does not belong into base64."""
    return re.sub(r"[^A-Za-z0-9+/=]", "", text)


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


def _is_placeholder(text: str) -> bool:
    core = text.strip().strip("\"'")
    if core.startswith("<") and core.endswith(">"):
        return True
    # A real credential is long random base64; only what is not may be a word that somebody left there.
    if _BASE64.fullmatch(core) and len(core) >= 40 and len(set(core)) > 12:
        return False
    return len(set(core)) == 1 or re.search(_PLACEHOLDER_WORDS, core) is not None


def _flaws(text: str) -> tuple[str, ...]:
    """Characters that don't belong into base64, named with their place."""
    found: list[str] = []
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        found.append("quotes around it")
        text = text[1:-1]
    last = len(text) - 1
    for position, character in enumerate(text):
        name = _name_of(character)
        if name is None:
            continue
        where = "at the start" if position == 0 else "at the end" if position == last else f"at position {position + 1}"
        found.append(f"{name} {where}")
    return tuple(_shortened(found))


def _name_of(character: str) -> str | None:
    if character in "\n\r":
        return "a line break"
    if character == "\ufeff":
        return "a byte order mark"
    if character in "\"'`“”‘’":
        return "a quote"
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
