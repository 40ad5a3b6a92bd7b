"""
Real public reports, kept outside of this repository: KRAKEN_DOCTOR_REPORTS names the folder.

It holds logs, and an index.tsv with the cause that each one's evidence supports: ``a|b`` where either is right,
``undecidable:`` before those that the log leaves open, ``none`` where nothing of Kraken's connection fails.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest

from kraken_doctor.botlog.examine import LogAnalysis
from kraken_doctor.model.findings import Confidence, Severity
from tests.botlog.logs import findings
from tests.botlog.shapes import CHANGES

FOLDER = os.environ.get("KRAKEN_DOCTOR_REPORTS", "")
WRONG_ALLOWED = 2
"""Of 48: a judge of such logs is not always of one mind with another."""

pytestmark = pytest.mark.skipif(not FOLDER, reason="KRAKEN_DOCTOR_REPORTS names no folder of reports")


def reports() -> list[tuple[str, set[str], str]]:
    with (Path(FOLDER) / "index.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(row["file"], set(row["expected"].replace("undecidable:", "").split("|")), row["expected"]) for row in rows]


def causes(found: LogAnalysis) -> list[str]:
    """What it points to; a note is none where nothing else is said."""
    return [d.cause for d in found.diagnoses if d.severity is not Severity.INFO] or ["none"]


def test_they_are_read_rightly() -> None:
    """Nearly all; none has a false alarm; what can't be decided is not called certain."""
    wrong, alarms = [], []
    for name, expected, as_written in reports():
        found = findings((Path(FOLDER) / name).read_bytes())
        said = causes(found)
        if not (said[0] in expected or expected & {d.cause for d in found.diagnoses}):
            wrong.append((name, as_written, said))
        if expected == {"none"} and said != ["none"]:
            alarms.append((name, said))
        if "undecidable" in as_written:
            assert Confidence.CERTAIN not in {d.confidence for d in found.diagnoses}, name
    assert alarms == []
    assert len(wrong) <= WRONG_ALLOWED, wrong


@pytest.mark.parametrize("change", CHANGES)
def test_what_they_say_does_not_depend_on_how_they_were_collected(change: str) -> None:
    """By another log driver, another editor, on another host, in another year."""
    for name, _, _ in reports():
        text = (Path(FOLDER) / name).read_text(encoding="utf-8")
        # A web server's lines would part what stands together.
        if change != "a web server's lines" or not re.search(r"\n |Traceback", text):
            assert causes(findings(CHANGES[change](text)))[0] == causes(findings(text))[0], name


def test_no_line_of_them_is_shown() -> None:
    """A canary after each line comes out nowhere."""
    for name, _, _ in reports():
        lines = (Path(FOLDER) / name).read_text(encoding="utf-8").splitlines()
        found = findings("".join(f"{line} zq7Xcanary{number}\n" for number, line in enumerate(lines)))
        assert "zq7X" not in repr(found), name
