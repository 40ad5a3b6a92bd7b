"""`watch`: a line a change, an end that is clean, metrics that a real promtool accepts."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, refusal
from tests.conftest import Run
from tests.schema import document
from tests.terminal import terminal

pytestmark = pytest.mark.slow

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
SPENT = 2 * 10**18


@pytest.fixture
def environ(server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A user whose exchange happens to be on loopback."""
    own = {
        "KRAKEN_SPOT_URL": server.url, "KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret,
        "TERM": "xterm-256color", "PYTHONUTF8": "1", "CI": "",
    }  # fmt: skip
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    return os.environ | own


@contextmanager
def watching(*arguments: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The command as a process whose streams are pipes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kraken_doctor", "watch", "--every", "1", *arguments],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.posix("signals sent to a process")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_line_a_change_and_a_clean_end(environ: dict[str, str], key: Key, ending: signal.Signals) -> None:
    """Two rounds or twenty: what stays as it is makes no line."""
    with watching(environ=environ) as process:
        assert process.stdout is not None
        assert re.fullmatch(rf"{MOMENT}  PASS: All checks passed\.\n", process.stdout.readline())
        key.mark = SPENT
        broken = process.stdout.readline()
        assert re.fullmatch(rf"{MOMENT}  FAILED MASTER nonce-spent-higher\n", broken)
        process.send_signal(ending)
        rest, said = process.communicate(timeout=60)
        assert process.returncode == 130
    assert re.fullmatch(r"\d+ rounds, 2 changes\. The last: Problem found\. Fix first: .*\n", rest)
    assert said == ""


@pytest.mark.posix("signals sent to a process")
def test_json_is_one_document(environ: dict[str, str], key: Key, tmp_path: Path) -> None:
    """That of the newest round; the lines go to stderr, and the file has the newest round all the time."""
    path = tmp_path / "newest.json"
    with watching("-o", "json", "--json-file", str(path), environ=environ) as process:
        assert process.stderr is not None
        assert "PASS" in process.stderr.readline()
        assert document(path.read_text())["rounds"]["made"] == 1
        key.mark = SPENT
        assert "nonce-spent-higher" in process.stderr.readline()
        assert document(path.read_text())["exit_status"] == 1
        process.send_signal(signal.SIGTERM)
        shown = document(process.communicate(timeout=60)[0])
    assert (shown["command"], shown["outcome"], shown["exit_status"]) == ("watch", "fail", 130)
    assert [change["outcome"] for change in shown["rounds"]["changes"]] == ["pass", "fail"]
    assert document(path.read_text()) == shown


@pytest.mark.posix("signals sent to a process")
def test_ndjson_is_a_document_a_round(environ: dict[str, str], key: Key) -> None:
    """On one line, there when its round is done, with the change that it made and no other; nothing at the end."""
    with watching("-o", "ndjson", environ=environ) as process:
        assert process.stdout is not None
        first, second = document(process.stdout.readline()), document(process.stdout.readline())
        key.mark = SPENT
        while (failing := document(process.stdout.readline()))["outcome"] == "pass":
            pass
        assert process.stderr is not None
        while "FAILED MASTER" not in (said := process.stderr.readline()):
            assert said
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 130
    assert [len(shown["rounds"]["changes"]) for shown in (first, second, failing)] == [1, 0, 1]
    assert [shown["rounds"]["made"] for shown in (first, second)] == [1, 2]
    assert failing["exit_status"] == 1
    assert [document(line)["rounds"]["changes"] for line in rest.splitlines()] == [[]] * rest.count("\n")


def test_two_watches_of_one_key_see_each_other(environ: dict[str, str], tmp_path: Path) -> None:
    """In the store that they share; each says so once, and its document as long as it lasts."""
    own = environ | {"KRAKEN_NONCE_STORE": f"sqlite:///{tmp_path / 'nonce.db'}"}
    with watching("-o", "ndjson", environ=own) as one, watching("-o", "ndjson", environ=own) as other:
        seen: dict[int, dict[str, str]] = {}
        while len(seen) < 2:
            for process in (one, other):  # in turn: one whose pipe is full, 4 KB on Windows, makes no more rounds
                assert process.stdout is not None
                if others := document(process.stdout.readline())["rounds"]["also_watched_by"]:
                    seen[process.pid] = others
        assert list(seen.values()) == [{"MASTER": platform.node()}] * 2
        for process in (one, other):
            assert process.stderr is not None
            while "another kraken-doctor watch on" not in (said := process.stderr.readline()):
                assert said
            assert said.startswith("MASTER: ")
    with watching("-o", "ndjson", "--count", "3", environ=own) as alone:
        stdout, stderr = alone.communicate(timeout=60)
    assert [document(line)["rounds"]["also_watched_by"] for line in stdout.splitlines()] == [{}, {}, {}]
    assert "another" not in stderr, "what a watch left behind that has ended is no watch"


@pytest.mark.posix("signals sent to a process")
@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_an_end_before_the_first_round_is_done(environ: dict[str, str], server: SandboxServer, form: str) -> None:
    """What was learned until then is the document."""
    asked: list[str] = []

    def end(request: Request) -> None:
        if "private" in request.path:
            asked.append(request.path)
            if len(asked) == 1:
                process.send_signal(signal.SIGTERM)
                process.wait(60)  # answered before, the round could be done all the same

    with watching("-o", form, environ=environ) as process:
        server.exchange.interceptors.append(end)
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert document(stdout)["exit_status"] == 130
    assert form == "json" or stdout.count("\n") == 1


@pytest.mark.parametrize(("fault", "status"), [(None, 0), ("EAPI:Invalid key", 1), ("EService:Busy", 1)])
@pytest.mark.usefixtures("environ")
def test_the_status_is_the_last_round_s(doctor: Run, server: SandboxServer, fault: str | None, status: int) -> None:
    """In every form."""
    if fault:
        server.exchange.interceptors.append(lambda request: refusal(fault) if "private" in request.path else None)
    for form in ("table", "short", "json"):
        assert doctor("watch", "--count", "1", "-o", form).status == status
    assert doctor("watch", "--count", "1", "--fail-on", "never").status == 0


@pytest.mark.usefixtures("environ")
def test_quiet_says_nothing_when_all_is_well(doctor: Run) -> None:
    """As everywhere."""
    ended = doctor("-q", "watch", "--count", "1")
    assert (ended.status, ended.stdout, ended.stderr) == (0, "", "")


def test_haste_is_refused_where_it_would_harm(doctor: Run, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line with the reason, before anything is sent."""
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", key.secret)
    ended = doctor("watch", "--every", "14.9")
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "15 s or more" in ended.stderr
    assert doctor("watch", "--every", "15", "--dry-run").status == 0


def test_dry_run_lists_a_round(doctor: Run, environ: dict[str, str], server: SandboxServer) -> None:
    """And makes none."""
    assert doctor("watch", "--dry-run").stdout == doctor("check", "--dry-run").stdout != ""
    assert server.exchange.requests == []


def test_on_a_terminal_the_accounts_stand_below_the_lines(environ: dict[str, str], key: Key) -> None:
    """With how long it has been so and when the next round comes; nothing of it stays."""
    with terminal("watch", "--every", "3", environ=environ) as screen:
        shown = screen.until(lambda shown: "connected, for 1 s" in shown)
        assert re.search(r"Watching 127\.0\.0\.1:\d+ every 3 s, next in \d s: 1 round, the last \d s ago", shown)
        assert shown.count("All checks passed.") == 1
        key.mark = SPENT
        shown = screen.until(lambda shown: "next check in" in shown)
        lines = shown.splitlines()
        (change,) = [number for number, line in enumerate(lines) if "FAILED MASTER nonce-spent-higher" in line]
        (standing,) = [number for number, line in enumerate(lines) if line.startswith("Watching")]
        assert change < standing
        assert re.search(r"✗ MASTER +EAPI:Invalid nonce, for \d s; next check in \d+ ", lines[standing + 1])
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 130
        assert "Watching" not in screen.shown
        assert "2 changes. The last: Problem found." in screen.shown
        assert b"\x1b[?25l" not in screen.written


def promtool_accepts(text: str) -> None:
    """Prometheus's own reader and its linter; naming rules are among what it checks."""
    ended = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.posix("a pseudo-terminal")
def test_a_notice_is_folded_between_words(environ: dict[str, str]) -> None:
    """As the page is: a terminal of 40 columns would end its first line with "wo"."""
    with terminal("sandbox", environ=environ, columns=40) as screen:
        screen.until(lambda shown: "exchange." in shown)
        assert "these keys only work on this exchange." in " ".join(screen.shown.split())
        screen.process.send_signal(signal.SIGINT)
        screen.end()


@pytest.mark.posix("a pseudo-terminal")
def test_a_change_is_folded_between_words(environ: dict[str, str]) -> None:
    """On a terminal; a log gets one line."""
    faults = ("--fault", "key-invalid", "--fault", "dotenv-readable")
    with terminal("watch", "--sandbox", *faults, "--count", "1", environ=environ, columns=60) as screen:
        screen.end()
    assert re.search(r"FAILED\s+USER:daivon_frazier\s+key-invalid", screen.shown)


@pytest.mark.posix("signals sent to a process")
@pytest.mark.promtool
@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool (Debian package prometheus)")
def test_metrics(environ: dict[str, str], server: SandboxServer, key: Key) -> None:
    """Of a healthy round and of one that fails; series that tell of nothing are gone."""
    with watching("--metrics-port", "0", "--ntp-server", "127.0.0.1:9", environ=environ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        url = process.stderr.readline().removeprefix("Metrics: ").strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", url)
        process.stdout.readline()
        healthy = requests.get(url, timeout=10).text
        promtool_accepts(healthy)
        assert 'kraken_doctor_account_connected{account="MASTER"} 1.0' in healthy
        assert 'kraken_doctor_outcome{outcome="pass"} 1.0' in healthy
        assert 'kraken_doctor_rounds_total{outcome="pass"}' in healthy
        assert "kraken_doctor_round_interval_seconds 1.0" in healthy
        assert re.search(r"^kraken_doctor_clock_offset_seconds [-\d.e]+$", healthy, re.MULTILINE)
        key.mark = SPENT
        process.stdout.readline()
        failing = requests.get(url, timeout=10).text
        promtool_accepts(failing)
        assert 'kraken_doctor_account_connected{account="MASTER"} 0.0' in failing
        finding = 'kraken_doctor_finding{account="MASTER",cause="nonce-spent-higher",severity="fail"} 1.0'
        assert finding in failing
        assert finding not in healthy
        assert key.api_key not in failing + healthy
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 130
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)


@pytest.mark.usefixtures("environ")
def test_a_port_that_is_taken_is_one_line(doctor: Run) -> None:
    """Status 2, before anything is sent."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = doctor("watch", "--metrics-port", str(taken.getsockname()[1]), "--count", "1")
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "--metrics-port" in ended.stderr


def test_without_the_extra_it_says_how_to_get_it(environ: dict[str, str]) -> None:
    """And nothing is started."""
    ended = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['prometheus_client'] = None;"
         "from kraken_doctor.cli.main import run; sys.exit(run(['watch', '--metrics-port', '0', '--count', '1']))"],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'kraken-doctor[metrics]'" in ended.stderr


@pytest.mark.posix("systemd's socket")
@pytest.mark.parametrize("named", ["path", pytest.param("abstract", marks=pytest.mark.linux("names without a file"))])
def test_systemd_is_told_of_each_round(
    doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Ready before the first, alive after each; a manager that is gone stops nothing."""
    address = f"@kraken-doctor-{os.getpid()}" if named == "abstract" else str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        manager.settimeout(10)
        assert doctor("watch", "--sandbox", "--count", "2", "--every", "1").status == 0
        assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert doctor("watch", "--sandbox", "--count", "1").status == 0


def test_the_sandbox_can_be_watched(doctor: Run) -> None:
    """Without any account of one's own."""
    ended = doctor("watch", "--sandbox", "--count", "2", "--every", "1", "-o", "json")
    assert ended.status == 0
    assert json.loads(ended.stdout)["rounds"]["outcomes"] == {"pass": 2}
