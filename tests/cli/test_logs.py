"""`kraken-doctor logs`: from a file to a named cause, in every form, and nothing of the log itself."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.botlog.logs import line, refused, worked
from tests.botlog.test_patterns import ALWAYS, CONCURRENT, SINCE
from tests.clocks import ManualClock
from tests.conftest import Run
from tests.render.samples import HOSTILE
from tests.render.test_hostile import FORBIDDEN
from tests.runner import commands
from tests.schema import OUTPUTS


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A bot whose calls overtake each other."""
    path = tmp_path / "bot.log"
    path.write_text("".join(CONCURRENT))
    return path


def test_the_page(doctor: Run, log: Path) -> None:
    """When, how often, what they have in common, which cause, and what to do."""
    ended = doctor("logs", str(log))
    assert (ended.status, ended.stderr) == (1, "")
    for words in (
        "2026-11-23 00:00:00",
        "Nonce generator: no line shows that the custom one was installed",
        "Calls: 6 refused for their nonce, 14 logged as successful",
        "all 6 within 1 s of a call of another worker",
        "nonce-reordered (likely)",
        "More: kraken-doctor explain nonce-reordered",
    ):
        assert words in ended.stdout, words


def test_json(doctor: Run, log: Path) -> None:
    """The envelope, with what is the log's own."""
    report = json.loads(doctor("logs", "-o", "json", str(log)).stdout)
    assert (report["command"], report["outcome"], report["exit_status"]) == ("logs", "fail", 1)
    (diagnosis,) = report["diagnoses"]
    assert (diagnosis["cause"], diagnosis["primary"], diagnosis["error"]) == (
        "nonce-reordered",
        True,
        "EAPI:Invalid nonce",
    )
    told = report["log"]
    assert (told["refused"], told["worked"], told["bucket_s"]) == (6, 14, 60)
    assert sum(row["nonce"] for row in told["timeline"]) == 6
    assert [pattern["pattern"] for pattern in told["patterns"]] == ["concurrent", "now-and-then"]
    assert told["files"][0] | {"bytes": 0} == {
        "name": str(log), "lines": 20, "bytes": 0, "first": "2026-11-23T00:00:00", "last": "2026-11-23T00:09:00",
        "broken": "",
    }  # fmt: skip


@pytest.mark.parametrize("form", OUTPUTS)
def test_one_status_in_every_form(doctor: Run, log: Path, form: str) -> None:
    """It does not depend on the form; --fail-on decides."""
    ended = doctor("logs", "-o", form, str(log))
    assert ended.status == 1
    assert "nonce-reordered" in ended.stdout
    assert doctor("logs", "-o", form, "--fail-on", "never", str(log)).status == 0


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("".join(worked(n) for n in range(5)), 0, "calls logged as successful: 5"),
        ("hello\n", 3, "no Kraken calls found"),
        ("", 3, "no Kraken calls found"),
        (worked(1) + line(2, "ERROR Balance: Read timed out.") + worked(3), 0, "read-timeout"),
        ("".join(SINCE), 1, "no successful call since"),
        (line(1, "ERROR ['EGeneral:Temporary lockout']"), 1, "wait 15 minutes"),
    ],
)
def test_statuses(doctor: Run, tmp_path: Path, text: str, status: int, words: str) -> None:
    """Well, ill, and nothing to judge."""
    path = tmp_path / "bot.log"
    path.write_text(text)
    ended = doctor("logs", str(path))
    assert (ended.status, words in " ".join(ended.stdout.split())) == (status, True)


def test_stdin_and_gzip(doctor: Run, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same log by another way is the same answer."""
    plain = json.loads(doctor("logs", "-o", "json", str(log)).stdout)["log"]["timeline"]
    packed = tmp_path / "bot.log.1.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert json.loads(doctor("logs", "-o", "json", str(packed)).stdout)["log"]["timeline"] == plain
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(log.read_bytes()))))
    assert json.loads(doctor("logs", "-o", "json", "-").stdout)["log"]["timeline"] == plain


def test_stdin_through_a_pipe(log: Path) -> None:
    """As journalctl would."""
    with log.open("rb") as stream:
        ended = subprocess.run(
            [sys.executable, "-m", "kraken_doctor", "logs", "-", "-o", "short"],
            check=False,
            stdin=stream,
            capture_output=True,
            text=True,
        )
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "nonce-reordered" in ended.stdout


def test_json_lines(doctor: Run, tmp_path: Path) -> None:
    """Epochs in seconds or milliseconds; the error in a field."""
    said = 'kraken {"error":["EAPI:Invalid nonce"]}'
    rows = [{"ts": 1795392000 + 10 * n, "level": "error", "msg": said} for n in range(4)]
    rows += [
        {"timestamp": (1795392100 + 10 * n) * 1000, "level": "error", "exc": "EAPI:Invalid nonce"} for n in range(4)
    ]
    path = tmp_path / "bot.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    told = json.loads(doctor("logs", "-o", "json", str(path)).stdout)["log"]
    assert (told["refused"], told["files"][0]["first"], told["files"][0]["last"]) == (
        8, "2026-11-23T00:00:00", "2026-11-23T00:02:10",
    )  # fmt: skip


@pytest.mark.parametrize(("module", "suffix"), [("gzip", "gz"), ("bz2", "bz2"), ("lzma", "xz")])
def test_compressed_logs(doctor: Run, tmp_path: Path, module: str, suffix: str) -> None:
    """As logrotate writes them."""
    path = tmp_path / f"bot.log.1.{suffix}"
    path.write_bytes(importlib.import_module(module).compress("".join(CONCURRENT).encode()))
    assert doctor("logs", str(path)).status == 1


def test_rotated_files_are_read_from_the_oldest_on(doctor: Run, tmp_path: Path) -> None:
    """Without times their names decide, however the shell sorts them."""
    refusals = "ERROR ['EAPI:Invalid nonce']\n" * 4
    texts = {"bot.log": refusals, "bot.log.1": "INFO Balance ok\n", "bot.log.10": "", "bot.log.2": "INFO Balance ok\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    names = [str(tmp_path / name) for name in sorted(texts)]
    report = json.loads(doctor("logs", "-o", "json", *names).stdout)["log"]
    assert [Path(one["name"]).name for one in report["files"]] == ["bot.log.10", "bot.log.2", "bot.log.1", "bot.log"]
    assert [one["pattern"] for one in report["patterns"]] == ["since"]


def test_since_leaves_out_what_is_older(doctor: Run, log: Path) -> None:
    """By the log's own times; without a zone they might be this host's."""
    log.write_text(re.sub(r"(?m)^(\S+ \S+)", r"\1Z", log.read_text()))
    told = json.loads(doctor("logs", "-o", "json", "--since", "2026-11-23T00:05", str(log)).stdout)["log"]
    assert (told["refused"], told["worked"], told["files"][0]["lines"]) == (3, 7, 20)
    assert doctor("logs", "--since", "yesterday", str(log)).status == 2


def test_the_client_and_what_is_not_krakens(doctor: Run, tmp_path: Path) -> None:
    """Said on the page; a host that is not known here is not named."""
    path = tmp_path / "bot.log"
    path.write_text(
        "2026-11-23 00:00:00,000 - freqtrade.worker - INFO - Bot heartbeat. PID=1, version='2026.9', state='RUNNING'\n"
        + line(1, "ERROR telegram.error.NetworkError: Bad Gateway")
        + line(2, "ERROR HTTPSConnectionPool(host='private.example', port=443): Read timed out.")
        + line(3, "ERROR kraken {'error': ['EAPI:Invalid key']}")
    )
    ended = doctor("logs", str(path))
    assert "Client: freqtrade 2026.9" in ended.stdout
    assert "Not Kraken's: telegram 1, another host 1" in ended.stdout
    assert "private.example" not in ended.stdout
    assert json.loads(doctor("logs", "-o", "json", str(path)).stdout)["log"]["client"] == {
        "name": "freqtrade", "version": "2026.9",
    }  # fmt: skip


class Growing(ManualClock):
    """A clock whose every wait is a step in the life of a log; the last one is Ctrl-C."""

    def __init__(self, steps: list[Callable[[], object]]) -> None:
        super().__init__()
        self._steps = iter([*steps, self._interrupt])

    @staticmethod
    def _interrupt() -> None:
        raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        next(self._steps)()


@pytest.mark.skipif(os.name == "nt", reason="an open file can't be renamed there")
def test_follow_says_what_changes(doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure, that it has passed, and what comes after a rotation; the page at the end."""
    path = tmp_path / "bot.log"
    path.write_text(worked(0))

    def append(text: str) -> Callable[[], object]:
        def step() -> None:
            with path.open("a") as stream:
                stream.write(text)

        return step

    steps = [
        append(line(1, "ERROR kraken Balance: Read timed out.")), lambda: None, append(worked(2)), lambda: None,
        lambda: path.rename(tmp_path / "bot.log.1"), append(line(3, "ERROR ['EGeneral:Temporary lockout']")),
        lambda: None,
    ]  # fmt: skip
    monkeypatch.setattr("kraken_doctor.cli.app.SystemClock", lambda: Growing(steps))
    ended = doctor("logs", "--follow", str(path))
    assert ended.status == 130
    said = [one.partition(" ")[2].partition(":")[0] for one in ended.stdout.splitlines()[:3]]
    assert said == ["FAILED read-timeout", "RESOLVED read-timeout", "FAILED temporary-lockout"]
    assert "Fix first: temporary-lockout" in ended.stdout


@pytest.mark.parametrize("name", ["missing.log", "."])
def test_what_can_t_be_opened_is_status_2_in_one_line(doctor: Run, name: str) -> None:
    """Naming it."""
    ended = doctor("logs", name)
    assert (ended.status, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"Error: {name}: ")
    assert ended.stderr.count("\n") == 1


def test_no_file_is_a_usage_error(doctor: Run) -> None:
    """And says how."""
    assert doctor("logs").status == 2


def test_a_log_that_breaks_off_is_no_verdict(doctor: Run, tmp_path: Path) -> None:
    """Unless what was read is enough for one."""
    packed = gzip.compress("".join(worked(n) for n in range(50_000)).encode())
    path = tmp_path / "bot.log.gz"
    path.write_bytes(packed[: len(packed) // 2])
    ended = doctor("logs", str(path))
    assert (ended.status, "(not read to the end)" in " ".join(ended.stdout.split())) == (3, True)
    path.write_bytes(b"\x1f\x8b" + b"nonsense" * 100)
    assert doctor("logs", str(path)).status == 3


@pytest.mark.parametrize("form", OUTPUTS)
def test_no_secret_of_the_log_is_shown(doctor: Run, tmp_path: Path, form: str) -> None:
    """Bots log requests with their headers, and settings with their keys: no line of the log is quoted."""
    secret, key = "B" * 86 + "==", "4/SDrDBcOOPnm3nPlNfEMMJDeRcIVqPz+QhRxIodyZbI9po/aVRiHsgX"
    path = tmp_path / "bot.log"
    path.write_text(
        f"api_secret={secret} nonce=1795392000000 error\n"
        f"ERROR ['EAPI:Invalid nonce'] headers={{'API-Key': '{key}', 'API-Sign': '{secret}'}} otp=424242\n"
        f"ERROR ['ESecret:{secret} API-Key: {key}']\n"
        f"error proxy https://user:hunter2@proxy:3128 ProxyError\n"
        f"[{key}] Thread-{key} error EAPI:Invalid nonce\n"
    )
    ended = doctor("logs", "-o", form, str(path))
    assert ended.status == 1
    for canary in (secret, key, "hunter2", "424242", secret[:40]):
        assert canary not in ended.stdout + ended.stderr, canary


@pytest.mark.parametrize("form", OUTPUTS)
def test_nothing_in_a_log_is_obeyed(doctor: Run, tmp_path: Path, form: str) -> None:
    """Escapes, markup and commands are data; a megabyte is cut."""
    path = tmp_path / "bot.log"
    hostile = HOSTILE.encode("utf-8", "surrogatepass")
    path.write_bytes(
        b"2026-11-23 00:00:01 ERROR EWeird:boo"
        + hostile
        + b"\n"
        + hostile
        + b" EAPI:Invalid nonce\n"
        + refused(5).encode()
    )
    ended = doctor("logs", "-o", form, str(path))
    assert ended.status == 1
    assert [character for character in FORBIDDEN if character in ended.stdout] == []
    assert len(ended.stdout) < 50_000
    if form != "github":
        assert commands(ended.stdout) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=400), seed=st.sampled_from([b"", b"\x1f\x8b", b"error EWeird:", "".join(ALWAYS).encode()])
)
def test_any_bytes_in_every_form(doctor: Run, tmp_path: Path, data: bytes, seed: bytes) -> None:
    """A status of the contract, no traceback, and a page of a bounded size."""
    path = tmp_path / "any.log"
    path.write_bytes(seed + data)
    for form in ("table", "json", "markdown"):
        ended = doctor("logs", "-o", form, str(path))
        assert ended.status in (0, 1, 3)
        assert "itself failed" not in ended.stderr
        assert len(ended.stdout) < 100_000
