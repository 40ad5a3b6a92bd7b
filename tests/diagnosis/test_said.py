"""
What the doctor says, word for word.

`said.txt` has every diagnosis of every case in full. Whoever changes a rule or a word sees there what becomes of it:

    python -m tests.diagnosis.test_said
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.model.diagnosis import Diagnosis
from tests.diagnosis.cases import CASES

DECLARING = re.compile(r"kraken-doctor check\b(.*?)--nonce-unit")

FILE = Path(__file__).with_name("said.txt")


def in_full(found: Diagnosis) -> str:
    """A diagnosis with all that is in it, a line each."""
    first = " first" if found.primary else ""
    lines = [
        f"{found.cause} ({found.severity.value}, {found.confidence.value}) of {found.account}{first}",
        f"  {found.summary}",
        *(f"  because   {fact}" for fact in found.because),
        *(f"  possible  {other.text}: {other.told_apart_by}" for other in found.possible),
        f"  do        {found.remedy.text}",
        *(f"  run       {command}" for command in found.remedy.commands),
        *(f"  or        {found.remedy.otherwise}" for _ in [0] if found.remedy.otherwise),
        *(f"  not       {found.remedy.avoid}" for _ in [0] if found.remedy.avoid),
        *(f"  error     {found.error}" for _ in [0] if found.error),
        *(f"  explains  {symptom}" for symptom in found.explains),
    ]
    return "\n".join(lines)


def case_in_full(name: str) -> str:
    """A case, and what is said of it."""
    return "\n".join([f"# {name}", *map(in_full, diagnose(CASES[name]))])


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host nine hours ahead of UTC."""
    if sys.platform == "win32":
        pytest.skip("needs posix: tzset")
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_a_unit_is_advised_for_one_account_and_with_its_condition() -> None:
    """The option goes for each account of a run: without its account the advice would lock out the others' bots."""
    seen = 0
    for found in (found for name in CASES for found in diagnose(CASES[name])):
        confirming = [other.told_apart_by for other in found.possible if DECLARING.search(other.told_apart_by)]
        assert all("only if all of them count so" in text for text in confirming)
        assert not any(
            "--nonce-unit" in command for command in found.remedy.commands
        )  # as it stands, without its condition
        if DECLARING.search(found.remedy.otherwise):
            assert found.remedy.otherwise.startswith("Only if all programs on")
        for text in (*confirming, *found.remedy.commands, found.remedy.otherwise):
            for options in DECLARING.findall(text):
                seen += 1
                assert re.search(r"--user \S+|--master", options), text
    assert seen > 10


@pytest.mark.usefixtures("in_tokyo")
@pytest.mark.parametrize("name", CASES)
def test_commands_are_safe_as_they_stand(name: str) -> None:
    """Who is tired runs what is printed: a unit is declared only under a condition, which a command can't state."""
    commands = [command for found in diagnose(CASES[name]) for command in found.remedy.commands]
    assert not [command for command in commands if "--nonce-unit" in command]


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_is_what_was_agreed(name: str) -> None:
    """Causes, order, confidence, facts, remedy: nothing changes unseen. And nothing depends on the host's time zone."""
    agreed = FILE.read_text(encoding="utf-8").split("\n\n")
    (wanted,) = [case.strip() for case in agreed if case.partition("\n")[0] == f"# {name}"]
    assert case_in_full(name) == wanted


def test_nothing_is_agreed_without_a_case() -> None:
    """A case that is gone leaves nothing behind, and the order is that of the cases."""
    text = FILE.read_text(encoding="utf-8")
    assert [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")] == list(CASES)


if __name__ == "__main__":
    FILE.write_text("\n\n".join(map(case_in_full, CASES)) + "\n", encoding="utf-8")
