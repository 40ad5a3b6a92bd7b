"""New values in a .env: everything else stays as it is, to the letter."""

from __future__ import annotations

import io

import pytest
from dotenv.parser import parse_stream
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.accounts.dotenv import with_values
from kraken_doctor.errors import ConfigurationError

LINES = st.sampled_from([
    "", "  ", "# a comment", "FOO=bar", "export FOO='b # c' # d", 'X="a\nb"', "EMPTY=", "  INDENTED = 1  ",
    "nonsense here", "K", "K=old", "export K='old'", 'K="o\\"ld" # why', "K=old # why",
    "  K = old", "S=", "Ä=ö", "'Q R'=1",
])  # fmt: skip
FILES = st.builds(
    lambda lines, end, last: end.join(lines) + (end if last else ""),
    st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans(),
)  # fmt: skip


def assignments(text: str) -> list[tuple[str | None, str | None]]:
    return [(b.key, b.value) for b in parse_stream(io.StringIO(text, newline="")) if b.key is not None and not b.error]


@given(FILES)
def test_the_values_are_there_and_nothing_else_has_changed(text: str) -> None:
    """Read by python-dotenv; other lines are the same lines, in the same order."""
    new = with_values(text, {"K": "abc+/=", "S": "xyz=="})
    found = assignments(new)
    assert {value for key, value in found if key == "K"} == {"abc+/="}
    assert {value for key, value in found if key == "S"} == {"xyz=="}
    others = [pair for pair in assignments(text) if pair[0] not in ("K", "S")]
    assert [pair for pair in found if pair[0] not in ("K", "S")] == others
    for comment in ("# a comment", "# why", "# d"):
        assert new.count(comment) == text.count(comment)
    kept = [line for line in text.splitlines() if "K" not in line and "S=" not in line]
    assert [line for line in new.splitlines() if line in kept][: len(kept)] == kept


@given(FILES)
def test_a_second_time_changes_nothing(text: str) -> None:
    """Whoever runs it twice has the same file."""
    once = with_values(text, {"K": "abc"})
    assert with_values(once, {"K": "abc"}) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "K=v\n"),
        ("A=1", "A=1\nK=v\n"),
        ("A=1\r\n", "A=1\r\nK=v\r\n"),
        ("\ufeffK=1\nA=2\n", "\ufeffK=v\nA=2\n"),
        ("A=1\n\n\n# why\nK=1\n\nB=2\n", "A=1\n\n\n# why\nK=v\n\nB=2\n"),
        ("export K='a #b' # c\n", "export K=v # c\n"),
        ('K="a\nb" # c\nB=1\n', "K=v # c\nB=1\n"),
        ("K=1\nA=2\nK=3", "K=v\nA=2\nK=v"),
        ("K\nA=2\n", "K=v\nA=2\n"),
    ],
)
def test_to_the_letter(text: str, expected: str) -> None:
    """Blank lines, line ends, byte order mark, comments."""
    assert with_values(text, {"K": "v"}) == expected


def test_a_value_that_would_not_come_back_is_refused() -> None:
    """A space, a quote or a line's end would need quoting, and no key has one."""
    for value in ("a b # c", "'x", "a\nb", " a"):
        with pytest.raises(ConfigurationError):
            with_values("", {"K": value})
