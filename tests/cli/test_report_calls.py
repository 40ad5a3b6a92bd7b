"""`report`: the calls of the last hour, those of the user's own bots among them."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from kraken_doctor import KrakenClient, open_store
from kraken_doctor.doctor import recent_calls
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from tests.conftest import Run
from tests.redisserver import RedisServer, needs_redis
from tests.schema import document


@pytest.fixture
def bot(server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that has made three calls, and one of another key, in the store that the environment names."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_NONCE_STORE", "sqlite:///bot.db")
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_SECRET", key.secret)
    other_key, other_secret = demo_credentials("other")
    server.exchange.keys[other_key] = Key(name="other", api_key=other_key, secret=other_secret)
    for api_key, secret, endpoints in (
        (key.api_key, key.secret, ("OpenOrders", "Balance", "Balance")),
        (other_key, other_secret, ("Balance",)),
    ):
        with KrakenClient(api_key, secret, url=server.url, store=open_store("sqlite:///bot.db")) as client:
            for endpoint in endpoints:
                client.call(endpoint)


@pytest.mark.usefixtures("bot")
def test_the_bot_s_calls_and_our_own_each_once(doctor: Run) -> None:
    """Of the accounts at hand, in the order of their times; a judged copy keeps them."""
    ended = doctor("report", "-o", "json")
    report = document(ended.stdout)
    assert [call["endpoint"] for call in report["calls"]] == [
        "OpenOrders", "Balance", "Balance", "GetApiKeyInfo", "Balance",
    ]  # fmt: skip
    nonces = [call["nonce"] for call in report["calls"]]
    assert nonces == sorted(set(nonces))
    assert {call["key_id"] for call in report["calls"]} == {report["accounts"][0]["key_id"]}
    assert report["audit"] == {"left_out": 0, "problem": ""}
    Path("r.json").write_text(ended.stdout)
    assert document(doctor("report", "--from", "r.json", "-o", "json").stdout) == report


@pytest.mark.usefixtures("bot")
def test_offline_reads_what_lies_on_this_host(doctor: Run) -> None:
    """And asks nobody."""
    calls = document(doctor("report", "--offline", "-o", "json").stdout)["calls"]
    assert [call["endpoint"] for call in calls] == ["OpenOrders", "Balance", "Balance"]


@pytest.mark.usefixtures("bot")
def test_the_sandbox_s_report_has_nothing_of_it(doctor: Run) -> None:
    """Its accounts are no accounts of this user."""
    report = document(doctor("report", "--sandbox", "-o", "json").stdout)
    assert {call["endpoint"] for call in report["calls"]} == {"GetApiKeyInfo", "Balance"}
    assert len(report["calls"]) == 2 * len(report["accounts"])


@pytest.mark.usefixtures("bot")
def test_a_busy_hour_is_cut_and_says_so(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay."""
    monkeypatch.setattr(recent_calls, "_MOST", 2)
    report = document(doctor("report", "--offline", "-o", "json").stdout)
    assert [call["endpoint"] for call in report["calls"]] == ["Balance", "Balance"]
    assert report["audit"]["left_out"] == 1
    for form in ("markdown", "html"):
        assert "1 older calls of the hour are left out." in doctor("report", "--offline", "-o", form).stdout


@pytest.mark.usefixtures("bot")
def test_lines_that_no_call_left_are_passed_over(doctor: Run, key: Key) -> None:
    """The log is a file: what somebody wrote into it must not end the report."""
    log = Path("bot.db.audit")
    key_id = json.loads(log.read_text().splitlines()[0])[1]
    now_ns = time.time_ns()
    good = [now_ns, key_id, "us", 1, "Balance", "ok", 0.1, 0.1]
    for place, wrong in ((2, "weeks"), (3, -1), (3, 2**64), (6, float("nan")), (7, -1.0), (0, now_ns + 10**15)):
        line = [*good]
        line[place] = wrong
        with log.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
    ended = doctor("report", "--offline", "-o", "json")
    assert ended.status == 0, ended.stderr
    assert len(document(ended.stdout)["calls"]) == 3


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("form", ["markdown", "html"])
def test_a_log_that_can_t_be_read_is_a_line(doctor: Run, form: str) -> None:
    """Without the user's path; and without the bot's accepted calls nothing is sent over its mark in microseconds."""
    Path("bot.db.audit").unlink()
    Path("bot.db.audit").mkdir()
    ended = doctor("report", "-o", form)
    assert ended.status == 3
    said = ended.stdout.replace("\\", "").replace("&lt;", "<").replace("&gt;", ">")
    assert "Only this run's own calls: the nonce audit log can't be read:" in said
    separator = os.sep.replace("\\", "")
    assert f"<nonce store>{separator}bot.db.audit" in said
    assert str(Path.cwd()).replace("\\", "") not in said


@pytest.mark.usefixtures("bot")
def test_offline_asks_no_redis(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for its log nor whether it can be written."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        monkeypatch.setenv("KRAKEN_NONCE_STORE", f"redis://:hunter2hunter2@127.0.0.1:{listener.getsockname()[1]}/0")
        ended = doctor("report", "--offline")
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert ended.status in (0, 3)
    assert "--offline makes no network calls" in ended.stdout
    assert "| `store` |" not in ended.stdout
    assert "hunter2" not in ended.stdout


@pytest.mark.redis
@needs_redis
@pytest.mark.usefixtures("bot")
def test_redis_that_is_gone_is_a_line(
    doctor: Run, key: Key, server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read while it is there; said when it isn't."""
    there = RedisServer(tmp_path)
    there.start()
    try:
        monkeypatch.setenv("KRAKEN_NONCE_STORE", there.url)
        store = open_store(there.url)
        with KrakenClient(key.api_key, key.secret, url=server.url, store=store) as client:
            client.call("OpenOrders")
        store.close()  # a record travels with the next step of its process, or with its end
        report = document(doctor("report", "-o", "json").stdout)
        assert [call["endpoint"] for call in report["calls"]] == ["OpenOrders", "GetApiKeyInfo", "Balance"]
    finally:
        there.kill()
    gone = document(doctor("report", "-o", "json").stdout)
    assert gone["exit_status"] == 1
    assert "state-unwritable" in {found["cause"] for found in gone["diagnoses"]}
    assert "can't be read" in gone["audit"]["problem"]
