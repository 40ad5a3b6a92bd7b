"""Files, streams and limits as they may be: each gives a clear line and the right status, and none a hang."""

from __future__ import annotations

import errno
import functools
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kraken_doctor import descriptors
from kraken_doctor.accounts import dotenv
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.terminal import files
from tests.conftest import Run
from tests.schema import document

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "kraken_doctor"]
POSIX = pytest.mark.posix("pipes with a name, shells")

COMMANDS = [
    "check --sandbox", "balances --sandbox -o json", "version", "accounts", "explain", "logs bot.log", "audit",
    "report --sandbox", "sandbox --list-faults", "completion bash", "--help", "check --dry-run --sandbox",
    "init --master --secret-stdin", "watch --sandbox --count 1", "nosuchcommand",
]  # fmt: skip


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of *line*, in which ``@`` stands for the command; no input."""
    line = line.replace("@", " ".join(COMMAND))
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


@functools.cache
def usual_status(command: str) -> int:
    """With all its streams."""
    return shell(f"@ {command}").returncode


@pytest.fixture(autouse=True)
def log() -> None:
    """A bot's log in the working folder."""
    Path("bot.log").write_text("2026-11-23 10:00:00 ERROR EAPI:Invalid nonce\n" * 3)


@POSIX
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full"])
@pytest.mark.parametrize("command", COMMANDS)
def test_streams_that_take_or_give_nothing(command: str, closed: str) -> None:
    """The status is that of a run with all of them, or 3 where the report was lost; never a traceback."""
    usual = usual_status(command)
    ended = shell(f"@ {command} {closed}")
    lost = ">&-" in closed.replace("2>&-", "") or closed == ">/dev/full"
    silent = usual == 2 or "watch" in command  # a watch has been told what changes when nothing was written yet
    assert ended.returncode in ({usual, 3} if silent and lost else {3 if lost and usual == 0 else usual}), ended
    for text in (ended.stdout, ended.stderr):
        assert "Traceback" not in text
        assert "itself failed" not in text
        assert "Exception" not in text
    if lost and usual == 0 and "2>" not in closed:
        why = os.strerror(errno.ENOSPC if "full" in closed else errno.EBADF)
        assert f"Not written: stdout: {why}\n" in ended.stderr


@POSIX
def test_a_file_gets_no_standard_stream_s_number(tmp_path: Path) -> None:
    """With stdout closed the nonce store would be opened as number 1, and written into by whatever prints."""
    line = f"KRAKEN_NONCE_STORE=sqlite:///{tmp_path}/n.db @ check --sandbox --json-file {tmp_path}/r.json <&- >&- 2>&-"
    assert shell(line).returncode == 3
    assert document((tmp_path / "r.json").read_text())["outcome"] == "pass"
    with sqlite3.connect(tmp_path / "n.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


@POSIX
def test_stdin_that_is_closed() -> None:
    """Named as it was given."""
    ended = shell("@ logs - <&-")
    assert (ended.returncode, ended.stderr) == (2, f"Error: -: {os.strerror(errno.EBADF)}\n")


@POSIX
def test_a_reader_of_help_that_goes_away() -> None:
    """`kraken-doctor --help | head -1` found no problem."""
    assert shell("@ --help | true; exit ${PIPESTATUS[0]}").returncode == 0


# Paths.

OPTIONS = {
    "--env-file": ("--env-file {} accounts", 2),
    "logs": ("logs {}", 2),
    "report --from": ("report --from {}", 2),
    "report --baseline": ("report --sandbox --baseline {}", 2),
    "--json-file": ("check --sandbox -o short --json-file {}", 3),
    "--junit-file": ("check --sandbox -o short --junit-file {}", 3),
    "report --file": ("report --sandbox --file {}", 3),
    "init": ("--env-file {} init --master --secret-stdin", 2),
}
READS = ("--env-file", "logs", "report --from", "report --baseline")


def tried(doctor: Run, option: str, path: str) -> tuple[int, str]:
    """Status and stderr; with a plain line as the only one, whatever is wrong with *path*."""
    arguments = [path if word == "{}" else word for word in OPTIONS[option][0].split()]
    ended = doctor(*arguments)
    assert "itself failed" not in ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.status, ended.stderr


@POSIX
@pytest.mark.parametrize("option", OPTIONS)
def test_a_pipe_with_nobody_at_its_other_end(
    doctor: Run, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: Key
) -> None:
    """It is not waited for: a job would stand there for ever, without a word."""
    monkeypatch.setattr(files, "_READER_S", 0.1)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{key.api_key}\n{key.secret}\n"))
    os.mkfifo(tmp_path / "pipe")
    status, stderr = tried(doctor, option, f"{tmp_path}/pipe")
    assert status == OPTIONS[option][1]
    assert "pipe" in stderr
    assert "Written:" not in stderr


@POSIX
@pytest.mark.parametrize("option", OPTIONS)
def test_a_directory(doctor: Run, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anything is sent."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    status, stderr = tried(doctor, option, str(tmp_path))
    assert (status, "directory" in stderr) == (2, True)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_name_that_no_file_can_have(doctor: Run, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    status, stderr = tried(doctor, option, "a\0b")
    assert (status, stderr.count("Error: ")) == (2, 1)


@POSIX
@pytest.mark.parametrize("option", [option for option in OPTIONS if option not in READS and option != "init"])
def test_a_full_disk(doctor: Run, option: str) -> None:
    """Not written is not written."""
    status, stderr = tried(doctor, option, "/dev/full")
    assert status == 3
    assert f"Not written: /dev/full: {os.strerror(errno.ENOSPC)}\n" in stderr
    assert "\nWritten:" not in stderr


@POSIX
def test_a_job_summary_that_nobody_reads(doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is the runner's, and so is what it names."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", f"{tmp_path}/pipe")
    ended = doctor("check", "--sandbox", "-o", "github")
    assert ended.status == 0
    assert ended.stderr.startswith("No job summary: ")


@POSIX
def test_pipes_of_a_shell_are_read_and_written() -> None:
    """Process substitution: a pipe with somebody at its other end."""
    ended = shell("@ logs <(cat bot.log) -o json")
    assert (ended.returncode, json.loads(ended.stdout)["log"]["refused"]) == (1, 3)
    ended = shell("mkfifo p; cat p > copy & @ check --sandbox -o short --json-file p; status=$?; wait; exit $status")
    assert ended.returncode == 0, ended.stderr
    document(Path("copy").read_text())
    ended = shell("mkfifo q; (sleep 0.3; cat bot.log) > q & @ logs q -o json")
    assert ended.returncode in (1, 2)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_log_in_utf_16(doctor: Run, encoding: str, packed: bool) -> None:
    """As Windows PowerShell redirects into a file; longer than a block, with letters of any script."""
    import gzip

    lines = "2026-11-23 10:00:00 ERROR 注文 EAPI:Invalid nonce\r\n" * 30_000
    data = ("\ufeff" + lines).encode(encoding)
    Path("bot.log").write_bytes(gzip.compress(data) if packed else data)
    found = json.loads(doctor("logs", "bot.log", "-o", "json").stdout)["log"]
    assert (found["refused"], found["files"][0]["lines"]) == (30_000, 30_000)


def test_blanks_in_an_env_file_that_a_parser_would_not_get_done_with(tmp_path: Path) -> None:
    """python-dotenv's own pattern for a comment: in the .env of a cloned folder it would take hours."""
    path = tmp_path / ".env"
    path.write_text("A=x" + " " * 900_000 + "y\n")
    with pytest.raises(ConfigurationError, match="blanks in a row"):
        dotenv.read(path)


# Limits.


@POSIX
@pytest.mark.parametrize("limit", range(6, 22))
def test_too_few_descriptors_are_no_verdict_on_the_network(
    server: SandboxServer, key: Key, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works, or it says what is too few: no step is blamed that could not even begin."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", key.secret)
    ended = shell(f"ulimit -n {limit}; @ check -o json")
    assert ended.returncode in (0, 3), ended
    assert "itself failed" not in ended.stderr
    report = document(ended.stdout) if ended.stdout else {"diagnoses": [], "checks": []}
    assert [found for found in report["diagnoses"] if found["severity"] == "fail"] == []
    if ended.returncode == 3:
        said = [check["summary"] for check in report["checks"]] or [ended.stderr]
        assert any("ulimit -n" in text for text in said), (said, ended.stderr)


@POSIX
@pytest.mark.parametrize("limit", range(5, 18))
@pytest.mark.parametrize("line", ["sandbox -- true", "nonce"])
def test_nor_a_fault_of_the_doctor(line: str, limit: int) -> None:
    """The same: whatever could not be opened, a folder for what is thrown away among it."""
    ended = shell(f"ulimit -n {limit}; @ {line}")
    assert ended.returncode in (0, 3), ended
    assert "itself failed" not in ended.stderr
    nothing_sent = "no request arrived" in ended.stderr  # by `true`, which is status 3 too
    assert ended.returncode == 0 or "ulimit -n" in ended.stderr or nothing_sent, ended


def test_whose_limit_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's or the system's; what else can't be opened is no shortage."""
    assert not descriptors.are_short()

    def refuse(code: int) -> None:
        def opened(*_arguments: object) -> int:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "open", opened)

    for code, short in ((errno.EMFILE, True), (errno.ENFILE, True), (errno.ENOENT, False)):
        refuse(code)
        assert descriptors.are_short() is short


# Several at once, and what is damaged.


@pytest.mark.parametrize("round_", range(3))
def test_three_inits_at_once_lose_nothing(round_: int) -> None:
    """Each puts another account into one file; all are there in the end."""
    names = [f"user{number}" for number in range(3)]
    secret = "A1b2" * 21 + "Qw=="
    waiting = [
        subprocess.Popen(
            [*COMMAND, "init", "--user", name, "--key", f"{name}xY7" * 7, "--secret-stdin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in names
    ]  # fmt: skip
    together = threading.Barrier(3)
    said: dict[str, str] = {}

    def give(name: str, process: subprocess.Popen[str]) -> None:
        together.wait()
        said[name] = process.communicate(f"{secret}\n", timeout=60)[1]

    threads = [threading.Thread(target=give, args=pair) for pair in zip(names, waiting, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = dotenv.read(Path(".env")).values
    for name, process in zip(names, waiting, strict=True):
        assert process.returncode == 0, said[name]
        assert values[f"KRAKEN_USER_{name.upper()}_API_KEY"] == f"{name}xY7" * 7


def test_between_reading_and_writing_nobody_else_writes(doctor: Run, monkeypatch: pytest.MonkeyPatch, key: Key) -> None:
    """Another one that has it is waited for, and then said."""
    from kraken_doctor.cli.commands import init

    monkeypatch.setattr(init, "_OTHERS_S", 0.05)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{key.secret}\n"))
    with init._alone():
        ended = doctor("init", "--master", "--key", key.api_key, "--secret-stdin")
    assert (ended.status, "another kraken-doctor init is writing" in ended.stderr) == (2, True)
    assert not Path(".env").exists()


def test_a_database_whose_text_is_damaged(doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite quotes it, and Python can't decode the quotation: the store's own error, by its name."""
    path = tmp_path / "n.db"
    monkeypatch.setenv("KRAKEN_NONCE_STORE", f"sqlite:///{path}")
    assert doctor("check", "--sandbox").status == 0
    for old in (path, path.with_name("n.db-wal"), path.with_name("n.db-shm")):
        old.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE xonce (key_id TEXT)")
    db.commit()
    db.close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE xonce", b"CREATE TABL\xff \xfe\xfdnce"))
    for command in (["check", "--sandbox", "-o", "json"], ["audit"], ["report", "--sandbox"]):
        ended = doctor(*command)
        assert ended.status == (2 if command == ["audit"] else 1), "audit reads nothing but the store that is named"
        assert "UnicodeDecodeError" not in ended.stdout + ended.stderr
        assert "itself failed" not in ended.stdout + ended.stderr
