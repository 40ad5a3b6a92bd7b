"""Whatever a symptom is known by is found in a log: needles and symptoms are held equal."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from kraken_doctor.botlog import attribution, events
from kraken_doctor.botlog.prefilter import needles, words
from kraken_doctor.diagnosis import recognise
from kraken_doctor.model.cause import Symptom

ANY_DIGIT = "\1"
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
    elif name == "IN":
        yield from _of_class(argument)
    else:
        yield "\0"


def _of_class(argument: Any) -> str:
    """What a class stands for: a few characters, or digits and nothing else; all ten of them are one for any."""
    kinds = {str(kind) for kind, _ in argument}
    if kinds == {"CATEGORY"} and [str(category) for _, category in argument] == ["CATEGORY_DIGIT"]:
        return ANY_DIGIT
    if kinds - {"RANGE", "LITERAL"}:
        return "\0"
    ranges = [(value, value) if str(kind) == "LITERAL" else value for kind, value in argument]
    characters = "".join(chr(code).lower() for first, last in ranges for code in range(first, last + 1))
    return characters if characters.isdigit() or len(characters) <= 3 else "\0"


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


READ_WITH = {
    **{symptom.title: symptom.pattern or re.escape(symptom.title) for symptom in recognise.SYMPTOMS},
    **{
        name: pattern.pattern
        for group in (events._PATTERNS, events._HINTS, attribution._CLIENTS) for name, pattern in group.items()
    },
    **{
        f"{module.__name__} {name}": pattern.pattern
        for module in (attribution, events) for name, pattern in vars(module).items() if isinstance(pattern, re.Pattern)
    },
    "local ports": "|".join(f":{port}" for port in words()["hosts"]["local_ports"]),
}  # fmt: skip
"""Whatever an entry is searched for, but its times."""
del READ_WITH["numbers"], READ_WITH["counts"]


@pytest.mark.parametrize("name", READ_WITH)
def test_a_number_that_is_named_is_not_taken_for_a_count(name: str) -> None:
    """Else an entry would be judged without what it says."""
    named = 0
    for text in texts(re._parser.parse(READ_WITH[name], re.IGNORECASE)):  # type: ignore[attr-defined] # no public parser
        said = f" {text} ".replace("\0", " ").replace(". ", ".x")  # a host's name goes on
        for run in re.finditer(rf"[\d{ANY_DIGIT}]*\d[\d{ANY_DIGIT}]*", said):
            named += 1
            before, after = said[: run.start()][-1:], said[run.end() :][:2]
            for digits in itertools.product("0123456789", repeat=run[0].count(ANY_DIGIT)):
                left = iter(digits)
                number = "".join(next(left) if one == ANY_DIGIT else one for one in run[0])
                assert not events._PATTERNS["counts"].search(before + number + after), (number, text)
    assert named or name not in ("HTTP 522", "ConnectTimeout", "local ports")


def test_what_counts_makes_no_difference() -> None:
    """A bot that says which attempt it is has not a thousand errors."""
    said = {events._without_numbers(f"attempt {n} of 1999, error 502, line {n * 37}") for n in range(600, 1000)}
    assert said == {"attempt 999 of 9999, error 502, line 99999"}
