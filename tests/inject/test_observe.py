"""`run --observe`: it changes nothing, and names the cause with the two calls that prove it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_doctor.inject.collector import ObservedCall
from kraken_doctor.inject.verdict import clock_steps, notes, verdict
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import BOT_PERMISSIONS, Key
from tests.inject import bots, observed

pytestmark = pytest.mark.slow  # bots as processes of their own


@pytest.fixture
def environ(server: SandboxServer, key: Key) -> dict[str, str]:
    key.permissions = BOT_PERMISSIONS
    return bots.environ(server, key)


@pytest.mark.parametrize("name", observed.BROKEN)
def test_a_broken_bot_is_named_with_its_two_calls(
    environ: dict[str, str], exchange: Exchange, key: Key, name: str
) -> None:
    """Cause and confidence first, then the proof: two calls with their processes and threads."""
    body, arrange, cause, proof = observed.BROKEN[name]
    arrange(exchange, key)
    ended = bots.run(environ, sys.executable, str(bots.write(body)), options=("--observe",))
    lines = ended.stderr.splitlines()
    assert lines[0].startswith("kraken-doctor run: observed "), ended.stderr
    assert lines[1].startswith(cause), ended.stderr
    assert proof in ended.stderr
    calls = re.findall(r"\w+ with …\d+ \(process \d+, [^)]*", lines[2])
    assert len(calls) == (1 if name == "shared key" else 2)
    assert ended.returncode == 0


@pytest.mark.parametrize("name", observed.HEALTHY)
def test_a_healthy_bot_without_a_word(environ: dict[str, str], exchange: Exchange, key: Key, name: str) -> None:
    """One line that says how many calls there were."""
    body, arrange = observed.HEALTHY[name]
    arrange(exchange, key)
    ended = bots.run(environ, sys.executable, str(bots.write(body)), options=("--observe",))
    assert re.fullmatch(
        r"kraken-doctor run: observed \d+ private calls of 1 key from \d threads?, refused for their nonce: 0\.\n",
        ended.stderr,
    ), ended.stderr


def test_it_changes_nothing(environ: dict[str, str], key: Key) -> None:
    """Classes, answers and exceptions of the clients are their own, and nothing is put in order."""
    look = """
import aiohttp, krakenex, requests
api = krakenex.API(KEY, SECRET)
print(type(api) is krakenex.API, vars(api).keys() == vars(krakenex.API()).keys())
print(requests.Session.send.__name__, requests.Session.send.__doc__ is not None)
try:
    requests.post("http://127.0.0.1:9/0/private/Balance", headers={"API-Key": "x"}, timeout=3)
except requests.ConnectionError as exc:
    print(type(exc).__name__)
with requests.post(URL + "/0/private/Balance", headers={"API-Key": "x"}, data="nonce=5", stream=True) as answer:
    print(answer._content, answer.json())
"""
    path = bots.write(look)
    plain = subprocess.run([sys.executable, str(path)], env=environ, capture_output=True, text=True, check=True)
    ended = bots.run(environ, sys.executable, str(path), options=("--observe",))
    assert ended.stdout == plain.stdout


def test_the_report(environ: dict[str, str], key: Key) -> None:
    """As JSON or Markdown by its name; with the causes, and nothing secret in it."""
    body = observed.BROKEN["threads"][0]
    for name in ("calls.json", "calls.md"):
        bots.run(environ, sys.executable, str(bots.write(body)), options=("--observe", "--report", name))
        text = Path(name).read_text()
        assert "nonce-reordered" in text
        assert key.api_key not in text
    document = json.loads(Path("calls.json").read_text())
    assert (document["command"], document["outcome"]) == ("run", "fail")
    evidence = {fact["name"]: fact["value"] for fact in document["checks"][0]["evidence"]}
    assert evidence["run.calls"] == evidence["run.calls.Balance"] == 120
    assert "calls without a timeout: 120 (Balance: 120)" in evidence["run.note.1"]


def test_a_report_of_calls_in_order(environ: dict[str, str], key: Key, exchange: Exchange) -> None:
    """What is refused in spite of order was refused because of somebody else."""
    observed._another_program(exchange, key)
    ended = bots.run(environ, sys.executable, str(bots.write(bots.CCXT)), options=("--report", "calls.json"))
    assert "although only one was in flight at a time" in ended.stderr
    assert json.loads(Path("calls.json").read_text())["diagnoses"][0]["cause"] == "nonce-shared-key"


def test_no_call_is_said_loudly(environ: dict[str, str]) -> None:
    ended = bots.run(environ, sys.executable, "-c", "", options=("--observe",))
    assert "no private call was observed (1 Python process seen; not reached: python -I" in ended.stderr


def test_what_can_t_be_asked_together(environ: dict[str, str]) -> None:
    ended = bots.run(environ, sys.executable, "-c", "", options=("--observe", "--store", "memory://"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--observe and --store exclude each other" in ended.stderr


SECOND = 10**9
NOW_NS = 1_795_392_000 * SECOND


def call(at_s: float, nonce_s: float, outcome: str = "ok", **named: object) -> ObservedCall:
    """A call of 10 ms, sent *at_s* with the nonce of *nonce_s*, in seconds; ``step_s`` moves the wall clock."""
    sent = round(at_s * SECOND)
    facts = {"key_id": "k", "endpoint": "Balance", "place": "process 1, thread A", "has_timeout": True, **named}
    wall = NOW_NS + sent + round(float(facts.pop("step_s", 0)) * SECOND)  # type: ignore[arg-type]
    return ObservedCall(
        nonce=(NOW_NS + round(nonce_s * SECOND)) // 10**6, wall_ns=wall, sent_ns=sent, answered_ns=sent + SECOND // 100,
        outcome=outcome, **facts,  # type: ignore[arg-type]
    )  # fmt: skip


REFUSED = "EAPI:Invalid nonce"


@pytest.mark.parametrize(
    ("calls", "cause", "words"),
    [
        ([call(1, 1), call(2, 2)], "", ""),
        ([call(1, 1.002), call(1.005, 1, REFUSED)], "nonce-reordered", "5 ms after"),
        # It was signed first, and waited for a rate limiter while the other overtook it.
        ([call(1, 1), call(2, 2), call(3, 1.5, REFUSED), call(4, 4)], "nonce-reordered", "1500 ms before it was sent"),
        ([call(1, 1), call(2, 2), call(3, 3, REFUSED)], "nonce-shared-key", "no earlier observed call"),
        ([call(1, 1), call(2, -8, REFUSED, step_s=-10), call(3, -7, REFUSED, step_s=-10)],
         "nonce-generator-broken", "-10.0 s"),
        ([call(1, 1), call(2, 1, REFUSED, endpoint="AddOrder")], "nonce-generator-broken", "same nonce"),
        ([call(1, 1, REFUSED), call(1.005, 1, endpoint="AddOrder")], "nonce-generator-broken", "5 ms before AddOrder"),
        ([call(1, 1, "ReadTimeout"), call(2, 1, REFUSED)], "nonce-generator-broken", "no answer: ReadTimeout"),
        # Up to ten seconds in milliseconds, rounded.
        ([call(1, 1), call(10.999504, 1, REFUSED)], "nonce-generator-broken", "was sent 10000 ms after"),
        ([call(1, 1), call(11, 1, REFUSED)], "nonce-generator-broken", "was sent 10 s after"),
    ],
)  # fmt: skip
def test_what_proves_what(calls: list[ObservedCall], cause: str, words: str) -> None:
    """Two calls, and how they lie in time."""
    found = verdict(calls)
    assert [diagnosis.cause for diagnosis in found] == ([cause] if cause else [])
    assert not cause or words in f"{found[0].summary} {' '.join(found[0].because)}"


def test_keys_are_judged_apart() -> None:
    """A larger nonce of another key explains nothing."""
    found = verdict([call(1, 100, key_id="other"), call(2, 2, REFUSED)])
    assert [diagnosis.cause for diagnosis in found] == ["nonce-shared-key"]


def test_clock_steps_and_missing_timeouts_are_notes() -> None:
    """No failures by themselves."""
    calls = [call(1, 1), call(2, 2, step_s=3), call(3, 3, step_s=3, has_timeout=False)]
    assert [round(step / SECOND) for _, step in clock_steps(calls)] == [3]
    stepped, unbounded = notes(calls)
    assert stepped == "steps of the wall clock during the run: 1 (+3.0 s)"
    assert "calls without a timeout: 1 (Balance: 1)" in unbounded
    assert list(notes([call(1, 1), call(2, 2, step_s=0.1)])) == []


@pytest.mark.skipif(os.name != "posix", reason="fork")
def test_processes_are_told_apart(environ: dict[str, str]) -> None:
    """Each says who it is; a forked child makes its own connection to the command."""
    ended = bots.run(
        environ, sys.executable, str(bots.write(bots.BOTS["fork"])), options=("--observe", "--report", "r.json")
    )
    because = json.loads(Path("r.json").read_text())["diagnoses"][0]["because"][0]
    assert re.search(r"process \d+", because), ended.stderr
    assert "observed 135 private calls of 1 key from 9 threads" in ended.stderr
