"""Each form at the command line, from the list of forms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from kraken_doctor import __version__
from kraken_doctor.cli.main import COMMANDS
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import refusal
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from tests.conftest import Run
from tests.runner import commands
from tests.schema import OUTPUTS, document


@pytest.fixture
def real(server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """A user whose exchange happens to be on loopback, and whose clock a time server vouches for."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", key.secret)
    with SandboxNtpServer() as right:
        monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_NTP_SERVER", right.address)
        yield server


@pytest.mark.parametrize("form", OUTPUTS)
@pytest.mark.parametrize("fault", [None, "EAPI:Invalid key", "EService:Unavailable"])
def test_every_form_has_its_renderer_and_one_status(
    doctor: Run, real: SandboxServer, form: str, fault: str | None
) -> None:
    """The exit status is decided before a form is chosen."""
    if fault:
        real.exchange.interceptors.append(lambda request: refusal(fault) if "private" in request.path else None)
    ended = doctor("check", "-o", form)
    assert ended.status == (1 if fault else 0)
    assert ended.stdout
    assert ended.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("form", OUTPUTS)
@pytest.mark.parametrize("command", ["check", "balances", "watch"])
@pytest.mark.usefixtures("real")
def test_amounts_are_left_out_where_they_are_not_wanted(
    doctor: Run, command: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every form and file, with the same verdict; without being asked where a log goes to GitHub."""
    summary, file = tmp_path / "summary.md", tmp_path / "check.json"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    once = ("--count", "1") if command == "watch" else ()
    common = (command, *once, "-o", form, "--json-file", str(file))

    def told(*arguments: str) -> str:
        summary.write_text("")
        ended = doctor(*common, *arguments)
        assert ended.status == 0
        assert document(file.read_text())["accounts"][0]["connected"] is True
        return ended.stdout + ended.stderr + summary.read_text() + file.read_text()

    for canary in ("100.0", "50.0", "150.0"):
        assert canary not in told("--no-amounts")
        assert (canary in told()) is (form != "github")
        assert canary in told("--amounts")


@pytest.mark.parametrize("form", OUTPUTS)
@pytest.mark.parametrize("command", ["balances", "clock", "version", "nonce", "accounts"])
def test_every_command_with_a_report_has_every_form(doctor: Run, real: SandboxServer, command: str, form: str) -> None:
    """And its JSON is what the schema says."""
    assert command in COMMANDS
    ended = doctor(command, "-o", form)
    assert ended.status in (0, 3)
    if form == "json":
        assert document(ended.stdout)["command"] == command
    if form == "junit":
        assert ET.fromstring(ended.stdout).findall(".//testcase")


@pytest.mark.slow
@pytest.mark.parametrize("form", OUTPUTS)
def test_quiet_silences_what_is_for_people(doctor: Run, real: SandboxServer, key: Key, form: str) -> None:
    """A program that reads JSON or JUnit gets its document all the same."""
    assert bool(doctor("-q", "check", "-o", form).stdout) is (form in ("json", "junit"))
    key.mark = 2 * 10**18
    assert doctor("-q", "check", "-o", form).stdout


@pytest.mark.slow
def test_the_job_summary_is_appended_to(
    doctor: Run, real: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Other steps write into the same file; only -o github does."""
    summary = tmp_path / "summary"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    doctor("check", "-o", "markdown")
    assert summary.read_text() == "before\n"
    key.mark = 2 * 10**18
    ended = doctor("check", "-o", "github")
    assert [name for name, _, _ in commands(ended.stdout)] == ["error"]
    assert summary.read_text().startswith(f"before\n### kraken-doctor {__version__} check: failed\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "summary"))
    ended = doctor("check", "-o", "github")
    assert (ended.status, ended.stderr) == (1, "No job summary: No such file or directory\n")


def test_a_server_can_t_speak_to_the_runner(doctor: Run, real: SandboxServer) -> None:
    """In any form, in any place: stdout of a step is where commands are read."""
    said = "EAPI:x\\n::error::boo\\r::warning::boo ##[error]boo " + "A" * 60 + "::notice::boo::"
    real.exchange.interceptors.append(lambda request: refusal(said.encode().decode("unicode_escape"))
                                      if "private" in request.path else None)  # fmt: skip
    for form in OUTPUTS:
        ended = doctor("check", "-o", form)
        assert ended.status == 1
        assert "boo" in ended.stdout
        ours = [data for _, _, data in commands(ended.stdout) if form == "github"]
        assert len(commands(ended.stdout)) == len(ours)
        assert commands(ended.stderr) == []
