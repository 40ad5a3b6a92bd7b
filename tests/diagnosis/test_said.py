"""
What the doctor says, word for word: a file a cause in ``__snapshots__/test_said/``, with each case that has it.

Whoever changes a rule or a word sees there what becomes of it, and writes the files anew with

    python -m pytest tests/diagnosis/test_said.py --snapshot-update
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.model.findings import Diagnosis
from tests.diagnosis.cases import CASES

DECLARING = re.compile(r"kraken-doctor check\b(.*?)--nonce-unit")

FOLDER = Path(__file__).with_name("__snapshots__") / "test_said"


class TextFile(SingleFileSnapshotExtension):
    """A snapshot that a reader opens: text, in a file of its own."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def said(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """What was agreed."""
    return snapshot.use_extension(TextFile)


SAID: dict[str, list[tuple[str, Diagnosis]]] = {}
"""For each cause the cases in which it is named, and the diagnosis there. Made once: the rules are pure."""
for _name, _results in CASES.items():
    for _found in diagnose(_results):
        SAID.setdefault(_found.cause, []).append((_name, _found))


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
        assert all("only if all of them use that unit" in text for text in confirming)
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


@pytest.mark.parametrize("cause", SAID)
def test_words(cause: str, said: SnapshotAssertion) -> None:
    """Severity, confidence, facts, remedy: no word changes unseen, and a word of one cause changes one file."""
    assert said == "\n\n".join(f"# {name}\n{in_full(found)}" for name, found in SAID[cause]) + "\n"


def test_each_case_has_its_causes_in_this_order(said: SnapshotAssertion) -> None:
    """The first to fix first; and nothing where nothing is wrong."""
    lines = (f"{name}: {', '.join(found.cause for found in diagnose(CASES[name])) or 'nothing'}" for name in CASES)
    assert said == "\n".join(lines) + "\n"


def test_nothing_depends_on_the_time_zone(in_tokyo: None) -> None:
    """A report is read on other hosts than it was made on."""
    for name, results in CASES.items():
        elsewhere = [in_full(found) for found in diagnose(results)]
        here = [in_full(found) for said in SAID.values() for case, found in said if case == name]
        assert sorted(elsewhere) == sorted(here)


def test_nothing_is_agreed_without_a_case() -> None:
    """A cause that is gone leaves no file behind."""
    wanted = {f"test_words[{cause}]" for cause in SAID}
    assert {path.stem for path in FOLDER.iterdir()} == {*wanted, "test_each_case_has_its_causes_in_this_order"}
