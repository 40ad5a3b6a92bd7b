"""Whatever a symptom is known by is found in a log: needles and symptoms are held equal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from kraken_doctor.botlog.prefilter import needles
from kraken_doctor.diagnosis import recognise
from kraken_doctor.model.cause import Symptom

MOST_TEXTS = 20_000
"""Of one pattern; a pattern with more ways to match than that needs a shorter way to be written."""


def texts(parsed: Any) -> list[str]:
    """The literal parts of everything that *parsed* can match; what is not literal is a gap that no needle crosses."""
    found = [""]
    for operator, argument in parsed:
        parts = list(_of_one(str(operator), argument))
        found = [before + part for before in found for part in parts]
        assert len(found) <= MOST_TEXTS
    return found


def _of_one(name: str, argument: Any) -> Iterator[str]:
    if name == "LITERAL":
        yield chr(argument).lower()
    elif name == "BRANCH":
        for branch in argument[1]:
            yield from texts(branch)
    elif name == "SUBPATTERN":
        yield from texts(argument[3])
    elif name.endswith("_REPEAT"):
        least, most, inner = argument
        if least == 0:
            yield ""
            if int(most) == 1:
                yield from texts(inner)
            return
        yield from texts(inner)
    elif name in ("AT", "ASSERT", "ASSERT_NOT"):
        yield ""
    elif name == "IN" and all(str(kind) == "LITERAL" for kind, _ in argument) and len(argument) <= 3:
        yield from (chr(letter).lower() for _, letter in argument)
    else:
        yield "\0"


@pytest.mark.parametrize("symptom", recognise.SYMPTOMS, ids=lambda symptom: symptom.title)
def test_each_way_of_a_symptom_has_a_needle(symptom: Symptom) -> None:
    """Else `explain` would know a wording that `logs` passes over."""
    known = [needle.decode() for needle in needles()]
    pattern = symptom.pattern or re.escape(symptom.title)
    for text in texts(re._parser.parse(pattern, re.IGNORECASE)):  # type: ignore[attr-defined] # no public parser
        assert any(needle in text for needle in known), text


def test_needles_are_what_both_searches_expect() -> None:
    """In lower case, without digits, and none is in another."""
    for needle in needles():
        assert needle == needle.lower()
        assert not re.search(rb"\d", needle)
        assert not [other for other in needles() if other != needle and other in needle]
