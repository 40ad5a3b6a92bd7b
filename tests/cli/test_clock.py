"""``clock`` and ``clock --watch`` as their users meet them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.messages import refusal
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from tests.conftest import Run

COMMAND = [sys.executable, "-m", "kraken_doctor", "--no-env-file", "clock"]


@pytest.fixture
def served(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    return server


@pytest.fixture
def right() -> Iterator[str]:
    with SandboxNtpServer() as server:
        yield server.address


def asking(*servers: str) -> list[str]:
    return [argument for server in servers for argument in ("--ntp-server", server)]


def test_one_public_call_and_no_more(doctor: Run, served: SandboxServer, right: str) -> None:
    """Beside the time servers; and nothing about accounts."""
    assert doctor("clock", *asking(right)).status == 0
    assert served.exchange.requests == ["GET /0/public/Time"]


def test_every_source_is_shown(doctor: Run, served: SandboxServer, right: str) -> None:
    """With its offset and bound; a liar is marked, one that does not answer says why."""
    with (
        SandboxNtpServer() as good,
        SandboxNtpServer(offset_s=3600) as liar,
        SandboxNtpServer(stratum=0, reference=b"RATE") as kissing,
    ):
        ended = doctor("clock", *asking(right, good.address, liar.address, kissing.address))
    assert ended.status == 0
    assert re.search(rf"{liar.address} +\+3(599|600)\.\d+ s +± 0\.\d+ s +contradicts the others", ended.stdout)
    assert re.search(r"exchange +[+-]0\.\d+ s +± 0\.\d+ s", ended.stdout)
    assert "asks clients to stop" in " ".join(ended.stdout.split())
    assert "2 of 4 servers" in ended.stdout


def test_numbers_stand_below_each_other(doctor: Run, served: SandboxServer, right: str) -> None:
    """Their points in one column, also where the lines are short."""
    with SandboxNtpServer(offset_s=3600) as liar, SandboxNtpServer(stratum=0, reference=b"RATE") as kissing:
        ended = doctor("clock", *asking(right, right, liar.address, kissing.address))
    found = [re.search(r"[+-]\d+(\.)\d{3} s", line) for line in ended.stdout.splitlines()]
    assert len({match.start(1) for match in found if match}) == 1
    assert sum(match is not None for match in found) >= 4


def test_where_no_server_answers_it_says_why_the_bound_is_wide(
    doctor: Run, served: SandboxServer, exchange: Exchange, right: str
) -> None:
    """Silence is what a firewall looks like; another answer is not. And where it could not decide, what could."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf,
        SandboxNtpServer(stratum=0, reference=b"RATE") as kissing,
    ):
        deaf.bind(("127.0.0.1", 0))
        silent = f"127.0.0.1:{deaf.getsockname()[1]}"
        blocked = " ".join(doctor("clock", "--timeout", "0.3", *asking(silent)).stdout.split())
        kissed = " ".join(doctor("clock", "--timeout", "0.3", *asking(kissing.address)).stdout.split())
        exchange.clock_offset_s = 1
        doubtful = doctor("clock", "--timeout", "0.3", *asking(silent))
        decided = doctor("clock", "--timeout", "0.3", "--max-offset", "3", *asking(silent))
    assert "a firewall that drops UDP port 123 can cause this. The exchange gives whole seconds" in blocked
    assert "UDP" not in kissed
    assert "The exchange gives whole seconds" in kissed
    assert (doubtful.status, decided.status) == (3, 0)
    assert "--max-offset 3 would give a verdict" in " ".join(doubtful.stdout.split())
    assert "whole seconds" not in doctor("clock", *asking(right)).stdout


def test_sources_that_contradict_each_other_are_shown(doctor: Run, right: str) -> None:
    """No verdict, what each says, and that more of them would tell."""
    with SandboxNtpServer(offset_s=3600) as other:
        ended = doctor("clock", "--api-url", "http://127.0.0.1:9", *asking(right, other.address))
    text = " ".join(ended.stdout.split())
    assert ended.status == 3
    assert "The time sources contradict each other." in text
    assert f"{other.address} says +60 minutes" in text
    assert "Ask three or more servers" in text


def test_a_wrong_clock_says_what_it_does_to_nonces(doctor: Run, served: SandboxServer, right: str) -> None:
    """And what it does not; a right one says nothing of the kind."""
    served.exchange.clock_offset_s = 30
    with SandboxNtpServer(offset_s=30) as wrong:
        ended = doctor("clock", *asking(wrong.address))
    served.exchange.clock_offset_s = 0
    text = " ".join(ended.stdout.split())
    assert ended.status == 1
    assert "by itself nothing. Kraken compares a nonce with those that the key has used, not with the time" in text
    assert "nonces" not in doctor("clock", *asking(right)).stdout


def test_a_watch_has_a_line_a_look(doctor: Run, served: SandboxServer, right: str) -> None:
    """When it was, the offset, who said so; then rate and steps."""
    ended = doctor("clock", "--watch", "--every", "1", "--count", "2", *asking(right))
    assert ended.status == 0
    lines = ended.stdout.splitlines()
    for line in lines[:2]:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  [+-]\d+ ms ± \d+ ms, 1 of 1 servers", line)
    assert re.search(r"Polls +2\nRate +between -?[\d.+]+ and \+?-?[\d.]+ ppm .*\nSteps +none", ended.stdout)
    assert served.exchange.requests == ["GET /0/public/Time"]


def test_a_watch_is_one_document(doctor: Run, served: SandboxServer, right: str) -> None:
    """In the common envelope, with its samples."""
    ended = doctor("clock", "--watch", "--every", "1", "--count", "2", "-o", "json", *asking(right))
    report = json.loads(ended.stdout)
    assert (report["command"], report["outcome"], report["exit_status"]) == ("clock", "pass", 0)
    watch = report["watch"]
    assert (len(watch["samples"]), watch["every_s"], watch["steps"]) == (2, 1.0, [])
    assert set(watch["samples"][0]) == {"at", "offset_s", "bound_s", "step_s", "summary"}
    assert watch["rate_ppm"]["least"] <= 0 <= watch["rate_ppm"]["most"]
    assert report["environment"]["python"]


@pytest.mark.parametrize(("offset_s", "status"), [(30, 1), (-30, 1), (0, 0)])
def test_a_watch_ends_with_the_status_of_a_look(
    doctor: Run, served: SandboxServer, exchange: Exchange, offset_s: float, status: int
) -> None:
    """The last one's."""
    with SandboxNtpServer(offset_s=offset_s) as server:
        ended = doctor("clock", "--watch", "--count", "1", *asking(server.address))
    assert ended.status == status
    assert ("clock-" in ended.stdout) is bool(status)


def test_a_watch_without_a_source_is_status_3(doctor: Run, served: SandboxServer, exchange: Exchange) -> None:
    """No verdict."""
    exchange.interceptors.append(lambda request: refusal("EService:Unavailable"))
    ended = doctor("clock", "--watch", "--count", "1", "--no-ntp")
    assert ended.status == 3
    assert "no time source answered" in ended.stdout


def test_a_watch_ends_with_its_deadline(doctor: Run, served: SandboxServer, right: str) -> None:
    """If one is asked for; it does not wait for a look that would come after it."""
    ended = doctor("clock", "--watch", "--every", "3600", "--deadline", "5", *asking(right))
    assert ended.status == 0
    assert "Polls  1" in ended.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--every", "5"),
        ("--count", "3"),
        ("--watch", "--every", "0.1"),
        ("--watch", "--count", "0"),
        ("--watch", "--every", "nan"),
    ],
)
def test_bad_usage(doctor: Run, served: SandboxServer, arguments: tuple[str, ...]) -> None:
    """The exchange is asked at most once a second."""
    ended = doctor("clock", "--no-ntp", *arguments)
    assert (ended.status, ended.stdout) == (2, "")


@pytest.mark.posix("signals sent to a process")
@pytest.mark.slow
def test_ctrl_c_ends_a_watch_with_what_it_saw(served: SandboxServer, right: str) -> None:
    """While it waits for the next look: status 130, one document."""
    command = [*COMMAND, "--watch", "--every", "3600", *asking(right)]
    for form in ("table", "json"):
        process = subprocess.Popen(
            [*command, "-o", form], env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        if form == "table":
            assert "1 of 1 servers" in process.stdout.readline()
        else:
            while len(served.exchange.requests) < 2:
                assert process.poll() is None
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
        assert process.returncode == 130, stdout + stderr
        assert "Traceback" not in stderr
        if form == "json":
            assert json.loads(stdout)["exit_status"] == 130
        else:
            assert "Polls  1" in stdout


@pytest.mark.slow
@pytest.mark.faketime
@pytest.mark.skipif(shutil.which("faketime") is None, reason="no faketime")
@pytest.mark.parametrize(("shift", "cause"), [("-90s", "clock-behind"), ("+90s", "clock-ahead")])
def test_a_host_whose_clock_is_wrong(served: SandboxServer, right: str, shift: str, cause: str) -> None:
    """The clock of the process itself is shifted; servers and exchange have the right time."""
    environ = os.environ | {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    ended = subprocess.run(
        ["faketime", "-f", shift, *COMMAND, "-o", "json", *asking(right)],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(ended.stdout)
    (found,) = report["diagnoses"]
    assert (ended.returncode, found["cause"], found["severity"]) == (1, cause, "fail")
    offset = next(e["value"] for e in report["checks"][0]["evidence"] if e["name"] == "clock.offset")
    assert offset == pytest.approx(90 if cause == "clock-behind" else -90, abs=1)
