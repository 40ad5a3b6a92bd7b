"""From words that somebody pasted, or a bot logged, to what they are a sign of. Pure."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Sequence

from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.causes.client_signs import CLIENT_SIGNS
from kraken_doctor.diagnosis.causes.exchange_signs import EXCHANGE_SIGNS
from kraken_doctor.model.cause import Cause, Sign

SIGNS: tuple[Sign, ...] = (*EXCHANGE_SIGNS, *CLIENT_SIGNS)

LONGEST_CHARACTERS = 10_000
"""Of one text: the last lines of a traceback are a tenth of that."""

_SHAPE = re.compile(r"\bE(?:API|BM|[A-Z][a-z]{1,20})\s*:\s*[A-Za-z][^\"'\]\[{}<>,\n]{0,200}")
"""Kraken's form, ``E<category>:<text>``: https://docs.kraken.com/exchange/guides/rest/introduction"""


def cause_named(text: str) -> Cause | None:
    """The cause whose id *text* is, however its words are joined."""
    return CAUSES.get(re.sub(r"[\s_]+", "-", text.strip().strip("\"'`").lower()))


def recognise(text: str) -> tuple[Sign, ...]:
    """
    The signs in *text*, in the order in which they stand there.

    The exchange's own words outrank a client's, which only wrap them. Among a client's the innermost counts, since
    one exception carries the other in its text.
    """
    text = text[-LONGEST_CHARACTERS:]  # the end of a traceback is what it says
    if found := exchange_symptoms(text):
        return found
    return next(((sign,) for sign in CLIENT_SIGNS if _pattern(sign).search(text)), ())


def exchange_symptoms(text: str) -> tuple[Sign, ...]:
    """Return those of the exchange's own error strings that are in *text*, in their order."""
    found: list[tuple[range, Sign]] = []
    for sign in EXCHANGE_SIGNS:
        match = _pattern(sign).search(text)
        # What an earlier sign has taken is that sign's: a family must not claim its better known member again.
        if match and not any(match.start() in span or span.start in range(*match.span()) for span, _ in found):
            found.append((range(*match.span()), sign))
    return tuple(sign for _, sign in sorted(found, key=lambda pair: pair[0].start))


def unknown_error(text: str) -> str:
    """What in *text* has the form of an error of Kraken's; empty where nothing has."""
    match = _SHAPE.search(text[-LONGEST_CHARACTERS:])
    return match[0].strip() if match else ""


def near(text: str) -> Sequence[str]:
    """Causes and errors that *text* may have been meant for, at most three."""
    known = {cause: cause for cause in CAUSES} | {sign.title.casefold(): sign.title for sign in EXCHANGE_SIGNS}
    words = (unknown_error(text) or text.strip())[:100].casefold()
    close = difflib.get_close_matches(words, known, n=3, cutoff=0.7)
    ratios = [difflib.SequenceMatcher(None, words, match).ratio() for match in close]
    # Beside one that is nearly it, the others only confuse.
    return [known[match] for match, ratio in zip(close, ratios, strict=True) if ratio > ratios[0] - 0.1]


def _pattern(sign: Sign) -> re.Pattern[str]:
    return _compiled(sign.pattern or re.escape(sign.title))


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
