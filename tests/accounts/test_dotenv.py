"""The .env files."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from kraken_doctor.accounts import dotenv
from kraken_doctor.errors import ConfigurationError


def test_the_nearest_file_is_found(tmp_path: Path) -> None:
    """In the folder or its parents, nearest first."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / ".env").write_text("")
    assert dotenv.find(inner) == tmp_path / ".env"
    (tmp_path / "a" / ".env").write_text("")
    assert dotenv.find(inner) == tmp_path / "a" / ".env"
    (inner / ".env").mkdir()
    assert dotenv.find(inner) == tmp_path / "a" / ".env"


def test_values_are_taken_as_they_stand(tmp_path: Path) -> None:
    """Nothing is interpolated; a byte order mark and quotes of the format are no part of a value."""
    path = tmp_path / ".env"
    path.write_text("\ufeffA=$HOME/x\nexport B='two words'\nC=\n# comment\nD\nE=a#b\n", encoding="utf-8")
    file = dotenv.read(path)
    assert file.values == {"A": "$HOME/x", "B": "two words", "C": "", "E": "a#b"}


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """What it was meant to set is missing, so its number is told."""
    path = tmp_path / ".env"
    path.write_text("A=1\nKRAKEN_API_KEY='unclosed\nC=3\n")
    file = dotenv.read(path)
    assert file.damaged_lines == ("line 2: KRAKEN_API_KEY has an unclosed quote",)
    assert file.values["A"] == "1"


@pytest.mark.posix("modes and owners of files")
@pytest.mark.parametrize(("mode", "readable"), [(0o600, False), (0o640, True), (0o604, True)])
def test_the_mode_is_judged(tmp_path: Path, mode: int, readable: bool) -> None:
    """Whether others of this host may read it."""
    path = tmp_path / ".env"
    path.write_text("A=1")
    path.chmod(mode)
    assert dotenv.read(path).readable_by_others is readable


def test_what_can_not_be_read_is_a_clear_error(tmp_path: Path) -> None:
    """Missing, a folder, binary, enormous: one line that names the file."""
    binary, large = tmp_path / "binary", tmp_path / "large"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    large.write_bytes(b"A=1\n" * 300_000)
    for path in (tmp_path / "missing", tmp_path, binary, large):
        with pytest.raises(ConfigurationError, match=re.escape(str(path))):
            dotenv.read(path)


def test_no_value_is_in_the_repr(tmp_path: Path) -> None:
    """Reprs end up in tracebacks."""
    path = tmp_path / ".env"
    path.write_text("A=hidden")
    assert "hidden" not in repr(dotenv.read(path))


@pytest.mark.posix("modes and owners of files")
def test_what_is_judged_is_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened once: a file that is put in its place after it was found, or after it was opened, is not read unjudged."""
    path, other = tmp_path / ".env", tmp_path / "other"
    path.write_text("A=mine\n")
    path.chmod(0o600)
    other.write_text("A=theirs\n")
    other.chmod(0o644)
    found = dotenv.find(tmp_path)
    assert found is not None
    fstat = os.fstat

    def swap(descriptor: int) -> os.stat_result:
        if other.exists():
            other.replace(path)
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", swap)
    file = dotenv.read(found, found=True)
    assert (file.values, file.text, file.readable_by_others) == ({"A": "mine"}, "A=mine\n", False)
    assert not other.exists()
    if os.getuid() == 0:  # whose files pass for the system's
        os.chown(path, 1, -1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 54321)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        dotenv.read(found, found=True)
    assert dotenv.read(found).values == {"A": "theirs"}, "who names it means it"


@pytest.mark.posix("pipes with a name")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write to it."""
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(ConfigurationError, match="not a settings file"):
        dotenv.read(tmp_path / ".env")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('A=1\n\nKRAKEN_API_KEY="secret\n', "line 3: KRAKEN_API_KEY has an unclosed quote"),
        ("KRAKEN_API_KEY secret\n", "line 1: KRAKEN_API_KEY has no = after it"),
        ("KRAKEN_API_KEY\n", "line 1: KRAKEN_API_KEY has no = after it"),
        ("# c\nKRAKEN_API_KEY: secret\nKRAKEN_API_KEY=other\n", "line 2: KRAKEN_API_KEY is YAML: write NAME=value"),
        (
            "KRAKEN_API_KEY=old\nA=1\nKRAKEN_API_KEY=secret\n",
            "line 3: KRAKEN_API_KEY again, with a different value from line 1; this one is used",
        ),
    ],
)
def test_a_line_that_does_not_say_what_was_meant(tmp_path: Path, text: str, said: str) -> None:
    """By number and name, and without the value."""
    path = tmp_path / ".env"
    path.write_text(text)
    assert dotenv.read(path).damaged_lines == (said,)


@pytest.mark.parametrize(
    "line",
    [
        "set {0}={1}", "setx {0} {1}", "set -x {0} {1}", '$env:{0}="{1}"', "- {0}={1}", "* {0}={1}", "ENV {0}={1}",
        "-e {0}={1}", 'declare -x {0}="{1}"', '"{0}"="{1}"', '  "{0}": "{1}",', '{{"{0}": "{1}"}}', "// {0}={1}",
        "# {0}={1}", "; {0}={1}", 'os.environ["{0}"] = "{1}"', "\u200b{0}={1}", "export export {0}={1}",
    ],
)  # fmt: skip
def test_a_value_in_another_language_is_named(tmp_path: Path, line: str) -> None:
    """By line and name, unless another line sets it; prose and other variables are none."""
    path, name, value = tmp_path / ".env", "KRAKEN_API_KEY", "a1B2" * 14
    text = f"# KRAKEN_API_KEY stands below\nDOCS=KRAKEN_API_KEY={value}\n{line.format(name, value)}\n"
    path.write_text(text, encoding="utf-8")
    (said,) = dotenv.read(path).damaged_lines
    assert said.startswith(f"line 3: {name} is in this line")
    assert value not in said
    path.write_text(f"{text}{name}={value}\n", encoding="utf-8")
    assert dotenv.read(path).damaged_lines == ()


def test_what_is_another_programs_business_is_not_said(tmp_path: Path) -> None:
    """Lines of other variables, and the same value twice."""
    path = tmp_path / ".env"
    path.write_text(
        "OTHER: yaml\nB='unclosed\nKRAKEN_API_KEY=a\nKRAKEN_API_KEY='a' # again\nexport KRAKEN_API_SECRET=b\n"
    )
    assert dotenv.read(path).damaged_lines == ()


def test_references_are_resolved_as_python_dotenv_does(tmp_path: Path) -> None:
    """Above, in the process, by default; where nothing sets it, it stands as it is, to be found wanting."""
    path = tmp_path / ".env"
    path.write_text("A=one\nB=${A}-${P}\nC=${NOBODY:-d}\nE=x${NOBODY}\nF=$A\n")
    values = dotenv.read(path, environ={"P": "two"}).values
    assert values == {"A": "one", "B": "one-two", "C": "d", "E": "x${NOBODY}", "F": "$A"}


@pytest.mark.parametrize("name", ["KRAKEN_SPOT_URL", "KRAKEN_NONCE_STORE"])
def test_a_file_that_leads_elsewhere_takes_no_variable_of_the_process_along(tmp_path: Path, name: str) -> None:
    """Nobody named it: the process's key would pass for its own, and go to where it says."""
    path = tmp_path / ".env"
    path.write_text(
        f"KRAKEN_MASTER_API_KEY=${{KRAKEN_API_KEY}}\n{name}=https://elsewhere.example/${{KRAKEN_API_KEY}}\n"
    )
    environ = {"KRAKEN_API_KEY": "mine"}
    assert "mine" not in str(dotenv.read(path, found=True, environ=environ).values)
    assert dotenv.read(path, environ=environ).values["KRAKEN_MASTER_API_KEY"] == "mine", "who names it means it"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("KRAKEN_API_KEY=a\n".encode("utf-16"), "UTF-16 text"),
        ("KRAKEN_API_KEY=a\n".encode("utf-16-le"), "UTF-16 text"),
        ("KRAKEN_API_KEY=a\n".encode("utf-16-be"), "UTF-16 text"),
        ("KRAKEN_API_KEY=a\n".encode("utf-32"), "UTF-32 text"),
        ("A=1\n# schlüssel\n".encode("latin-1"), r"line 2 has the byte 0xFC, as in Windows-1252"),
    ],
)
def test_the_encoding_is_named(tmp_path: Path, raw: bytes, said: str) -> None:
    """Editors of Windows and PowerShell's redirection write these."""
    path = tmp_path / ".env"
    path.write_bytes(raw)
    with pytest.raises(ConfigurationError, match=said):
        dotenv.read(path)
