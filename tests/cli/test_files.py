"""Files that were asked for: whole, private, and in every ending."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response
from kraken_doctor.terminal import files
from tests.conftest import Run
from tests.schema import document

COMMAND = [sys.executable, "-m", "kraken_doctor"]


def mode(path: Path) -> int:
    if os.name != "posix":
        return 0o600  # there are none
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_both_files_beside_any_form(doctor: Run, tmp_path: Path) -> None:
    """What the form on stdout is makes no difference to them; both are the owner's alone."""
    for form in ("table", "github", "json"):
        ended = doctor(
            "check", "--sandbox", "-o", form, "--json-file", f"{tmp_path}/r.json", "--junit-file", f"{tmp_path}/r.xml"
        )
        assert (ended.status, ended.stderr) == (0, "")
        written = document((tmp_path / "r.json").read_text())
        assert (written["command"], written["outcome"], written["exit_status"]) == ("check", "pass", 0)
        assert len(ET.fromstring((tmp_path / "r.xml").read_text()).findall(".//testcase")) == len(written["checks"])
        assert (mode(tmp_path / "r.json"), mode(tmp_path / "r.xml")) == (0o600, 0o600)
    assert names(tmp_path) == ["r.json", "r.xml"]


def test_the_file_says_the_status_that_the_process_ends_with(doctor: Run, tmp_path: Path) -> None:
    """--fail-on among it."""
    ended = doctor("check", "--no-ntp", "--json-file", f"{tmp_path}/r.json", "--sandbox")
    assert document((tmp_path / "r.json").read_text())["exit_status"] == ended.status


def test_options_by_variable(doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KRAKEN_DOCTOR_CHECK_JSON_FILE: how the GitHub Action asks for it."""
    monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_JSON_FILE", f"{tmp_path}/r.json")
    assert doctor("check", "--sandbox").status == 0
    document((tmp_path / "r.json").read_text())


@pytest.mark.parametrize("where", ["missing/r.json", ".", "sub"])
def test_a_place_that_can_t_be_written_is_said_before_anything_is_sent(
    doctor: Run, server: SandboxServer, key: Key, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A usage error, and the exchange was not asked."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", key.secret)
    (tmp_path / "sub").mkdir()
    ended = doctor("check", "--json-file", str(tmp_path / where))
    assert (ended.status, ended.stdout) == (2, "")
    assert "--json-file" in ended.stderr
    assert server.exchange.requests == []


def test_a_disk_that_fills_up_afterwards_is_no_verdict(
    doctor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The report is on stdout all the same; said also with -q; a confirmed problem stays 1."""

    def full(path: Path, text: str, *, mode: int | None = None) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    ended = doctor("-q", "check", "--sandbox", "-o", "json", "--json-file", f"{tmp_path}/r.json")
    assert ended.status == 3
    assert ended.stderr == f"Not written: {tmp_path / 'r.json'}: No space left on device\n"
    assert document(ended.stdout)["outcome"] == "pass"
    assert document(ended.stdout)["exit_status"] == 3
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", "changeme")
    assert (
        doctor(
            "--no-env-file", "check", "--no-ntp", "--only", "credentials", "--json-file", f"{tmp_path}/r.json"
        ).status
        == 1
    )


@pytest.fixture
def silent(server: SandboxServer, exchange: Exchange) -> Iterator[threading.Event]:
    """Set when the first private call has come; none is answered."""
    asked, over = threading.Event(), threading.Event()

    def hold(request: Request) -> Response | None:
        if "private" in request.path:
            asked.set()
            exchange.lock.release()
            over.wait(60)
            exchange.lock.acquire()
        return None

    exchange.interceptors.append(hold)
    yield asked
    over.set()


@pytest.mark.posix("signals sent to a process")
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_writes_them_too(
    server: SandboxServer, key: Key, silent: threading.Event, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C, `timeout`, `docker stop`, a cancelled job: what was learned until then, and status 130."""
    environ = os.environ | {
        "KRAKEN_SPOT_URL": server.url, "KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret,
    }  # fmt: skip
    arguments = ["check", "-o", "json", "--json-file", f"{tmp_path}/r.json", "--junit-file", f"{tmp_path}/r.xml"]
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert silent.wait(60)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    written = (tmp_path / "r.json").read_text()
    assert written == stdout
    assert document(written)["exit_status"] == 130
    outcomes = {check["id"]: check["outcome"] for check in document(written)["checks"]}
    assert (outcomes["path"], outcomes["authentication"]) == ("pass", "inconclusive")
    assert ET.fromstring((tmp_path / "r.xml").read_text()).find(".//error") is not None
    assert "Traceback" not in stderr


@pytest.mark.posix("signals sent to a process")
def test_interrupted_before_it_began(doctor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One document all the same."""
    from kraken_doctor.doctor.examine import Doctor

    def early(self: Doctor, *arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Doctor, "examine", early)
    ended = doctor("check", "--sandbox", "-o", "json", "--json-file", f"{tmp_path}/r.json")
    assert ended.status == 130
    assert document(ended.stdout)["exit_status"] == 130
    assert (tmp_path / "r.json").read_text() == ended.stdout
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "it is ours for the run alone"


def test_a_doctor_that_fails_writes_them_too(doctor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With one case that says so: a job without its file would look as if it had never run."""
    from kraken_doctor.doctor.examine import Doctor

    def broken(self: Doctor, *arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Doctor, "examine", broken)
    assert doctor("check", "--sandbox", "--junit-file", f"{tmp_path}/r.xml").status == 3
    error = ET.fromstring((tmp_path / "r.xml").read_text()).find(".//testcase[@name='doctor']/error")
    assert error is not None
    assert "ZeroDivisionError" in str(error.text)


# The one way in which files are written.


@pytest.mark.posix("replacing a file that is read all the time")
def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """The name is never that of a half-written file, and nothing is left beside it."""
    path = tmp_path / "r"
    path.write_text("old")
    held = path.open()
    files.write(path, "new")
    assert (held.read(), path.read_text()) == ("old", "new")
    held.close()
    assert names(tmp_path) == ["r"]


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no temporary file."""
    path = tmp_path / "r"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(path, "new")
    assert (path.read_text(), names(tmp_path)) == ("old", ["r"])


@pytest.mark.posix("modes and owners of files")
def test_the_mode_that_somebody_chose_is_kept(tmp_path: Path) -> None:
    """Unless a secret goes in."""
    path = tmp_path / "r"
    path.write_text("old")
    path.chmod(0o644)
    files.write(path, "new")
    assert mode(path) == 0o644
    files.write(path, "secret", mode=0o600)
    assert mode(path) == 0o600


@pytest.mark.posix("pipes with a name")
def test_a_link_is_followed_and_a_pipe_is_written_into(tmp_path: Path) -> None:
    """Replacing a link would leave what it names as it was; replacing /dev/stdout would break it for all."""
    target, link, fifo = tmp_path / "target", tmp_path / "link", tmp_path / "fifo"
    target.write_text("old")
    link.symlink_to(target)
    files.check(link)
    files.write(link, "new")
    assert (target.read_text(), link.is_symlink()) == ("new", True)
    os.mkfifo(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    files.check(fifo)
    files.write(fifo, "new")
    reader.join()
    assert (read, stat.S_ISFIFO(fifo.stat().st_mode)) == (["new"], True)


def test_text_that_no_encoding_takes(tmp_path: Path) -> None:
    """Half a surrogate pair, out of a damaged variable: written as JSON would spell it."""
    files.write(tmp_path / "r", "a\udc80b")
    assert (tmp_path / "r").read_text() == "a\\udc80b"


def test_nothing_secret_gets_into_a_file(
    doctor: Run, server: SandboxServer, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They leave through the same place as everything else."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", key.secret)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", f"{tmp_path}/summary")
    server.exchange.interceptors.append(
        lambda request: Response(f'{{"error":["EAPI:{key.secret} {key.api_key}"]}}'.encode())
        if "private" in request.path else None
    )  # fmt: skip
    doctor("check", "-o", "github", "--json-file", f"{tmp_path}/j", "--junit-file", f"{tmp_path}/x")
    for name in ("j", "x", "summary"):
        text = (tmp_path / name).read_text()
        assert "EAPI:[hidden]" in text.replace("\\", "")
        assert key.secret not in text
        assert key.api_key not in text


def test_a_file_that_is_being_read_is_replaced_a_moment_later(tmp_path: Path) -> None:
    """Windows does not replace it before."""
    path = tmp_path / "r.json"
    path.write_text("old")
    reader = path.open()
    threading.Timer(0.1, reader.close).start()
    files.write(path, "new")
    assert path.read_text() == "new"
