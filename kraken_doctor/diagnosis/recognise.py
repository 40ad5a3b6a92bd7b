"""From words that somebody pasted, or a bot logged, to what they are a symptom of. Pure."""

import difflib
import functools
import re
from collections.abc import Sequence

from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.causes.symptoms import CLIENT_SYMPTOMS, EXCHANGE_SYMPTOMS
from kraken_doctor.model.cause import Cause, Symptom

SYMPTOMS: tuple[Symptom, ...] = (*EXCHANGE_SYMPTOMS, *CLIENT_SYMPTOMS)

LONGEST_CHARACTERS = 10_000
"""Of one text: the last lines of a traceback are a tenth of that."""

_SUGGESTED = 6
"""More are better listed by `explain` itself."""

_SHAPE = re.compile(r"\bE(?:API|BM|[A-Z][a-z]{1,20})\s*:\s*[A-Za-z][^\"'\]\[{}<>,\n]{0,200}")
"""Kraken's form, ``E<category>:<text>``: https://docs.kraken.com/exchange/guides/rest/introduction"""


def cause_named(text: str) -> Cause | None:
    """Return the cause whose id *text* is, however its words are joined."""
    return CAUSES.get(re.sub(r"[\s_]+", "-", text.strip().strip("\"'`").lower()))


def recognise(text: str) -> tuple[Symptom, ...]:
    """
    Return the symptoms in *text*, in the order in which they stand there.

    The exchange's own words outrank a client's, which only wrap them. Among a client's the innermost counts, since
    one exception carries the other in its text.
    """
    text = text[-LONGEST_CHARACTERS:]  # the end of a traceback is what it says
    if re.fullmatch(r"[a-z]+(?:[-_][a-z]+){1,5}", text.strip().lower()):
        text = re.sub("[-_]", " ", text)  # an error, written like a cause: invalid-nonce
    if found := exchange_symptoms(text):
        return found
    text = text.translate(_LOWER)
    return next(((symptom,) for symptom in CLIENT_SYMPTOMS if _pattern(symptom).search(text)), ())


@functools.lru_cache(maxsize=2)  # `logs` asks for both, one after the other
def exchange_symptoms(text: str) -> tuple[Symptom, ...]:
    """Return those of the exchange's own error strings that are in *text*, in their order."""
    found: list[tuple[range, Symptom]] = []
    text = text.translate(_LOWER)
    for symptom in EXCHANGE_SYMPTOMS:
        match = _pattern(symptom).search(text)
        # What an earlier symptom has taken is that symptom's: a family must not claim its better known member again.
        if match and not any(match.start() in span or span.start in range(*match.span()) for span, _ in found):
            found.append((range(*match.span()), symptom))
    return tuple(symptom for _, symptom in sorted(found, key=lambda pair: pair[0].start))


def unknown_error(text: str) -> str:
    """Return what in *text* has the form of an error of Kraken's; empty where nothing has."""
    match = _SHAPE.search(text[-LONGEST_CHARACTERS:])
    return match[0].strip() if match else ""


def suggestions(text: str) -> Sequence[str]:
    """Return causes and errors that *text* may have been meant for: with all of its words, or near in spelling."""
    said = set(re.findall(r"[a-z]+", text[:100].lower()))
    if said and (named := [cause for cause in CAUSES if said <= set(cause.split("-"))]):
        return named[:_SUGGESTED]
    known = {title.casefold(): title for title in (*CAUSES, *(symptom.title for symptom in EXCHANGE_SYMPTOMS))}
    words = (unknown_error(text) or text.strip())[:100].casefold()
    close = difflib.get_close_matches(words, known, n=3, cutoff=0.7)
    ratios = [difflib.SequenceMatcher(None, words, match).ratio() for match in close]
    # Beside one that is nearly it, the others only confuse.
    return [known[match] for match, ratio in zip(close, ratios, strict=True) if ratio > ratios[0] - 0.1]


def _pattern(symptom: Symptom) -> re.Pattern[str]:
    return _compiled(symptom.pattern or re.escape(symptom.title))


# Case is ignored: small letters, in text and patterns, are looked for twice as fast as with re.IGNORECASE, which takes
# the last four for an S, two Is and a K as well.
_ALSO = "".join(map(chr, (0x17F, 0x131, 0x130, 0x212A)))
_LOWER = str.maketrans(f"ABCDEFGHIJKLMNOPQRSTUVWXYZ{_ALSO}", "abcdefghijklmnopqrstuvwxyzsiik")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    lowered = re.sub(r"\\.|[A-Z]", lambda one: one[0] if one[0][1:] else one[0].lower(), pattern)
    return re.compile(lowered)
