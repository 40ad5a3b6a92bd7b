"""Kraken's error strings read: which error of the table in `errors` an answer, a record or a log has in it."""

import functools
import re
from collections.abc import Sequence

from kraken_doctor.errors import STRINGS, AnswerSeen, KrakenError, KrakenInvalidNonce, KrakenUnrecognised, Retry


def pattern_of(string: str) -> str:
    """
    Return the regular expression of a *string* of the table, for use without regard to case.

    Some clients take the E off (npm kraken-api, gekko, zenbot). ``*`` needs it: "Order: placed" is no error.
    """
    category, _, text = string.partition(":")
    if text == "*":
        return rf"\b{category}\s*:\s*\w[^\"'\]]*"
    category = r"\bE(?:API|Account|Auth|General|Trade)" if category == "E*" else f"E?{category[1:]}"
    return rf"{category}\s*:\s*{re.escape(text)}\b"


_JOINT = re.compile(r",\s*(?=[EW][A-Z]\w*\s*:)")
"""Between the strings of one answer, where a record or a report has joined them."""


@functools.lru_cache(maxsize=1024)
def _type_of(text: str) -> type[KrakenError] | None:
    # Each string has a colon; "ok", all that a healthy run asks about, has none, and compiles no pattern.
    for string, kind in STRINGS.items() if ":" in text else ():
        details = "" if string.endswith("*") else r"\s*(?::.*)?\Z"
        if re.match(pattern_of(string) + details, " ".join(text.split()), re.IGNORECASE):
            return kind
    return None


def kraken_error(errors: Sequence[str], seen: AnswerSeen | None = None) -> KrakenError:
    """Return the typed error for an answer's strings: the first known one, but for another that forbids a retry."""
    texts = [text for joined in errors for text in _JOINT.split(joined)]
    known = [(kind, text) for text in texts if (kind := _type_of(text[:200]))]  # none of Kraken's comes near that
    for kind, text in sorted(known, key=lambda found: found[0].retry is not Retry.NEVER):
        return kind(text, texts, seen)
    return KrakenUnrecognised(next((text for text in texts if is_failure((text,))), ""), texts, seen)


def is_nonce_refusal(errors: Sequence[str]) -> bool:
    """Return whether an answer's strings refuse the call for its nonce, and for nothing that outranks it."""
    return isinstance(kraken_error(errors), KrakenInvalidNonce)


def is_failure(errors: Sequence[str]) -> bool:
    """Return whether the strings of an answer refuse the call: ``W...`` strings are warnings beside a result."""
    return any(not text.startswith("W") for text in errors)
