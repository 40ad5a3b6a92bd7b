"""`kraken-doctor nonce --target`: the generator of somebody else's bot, in each state that is met."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from kraken_doctor.sandbox import isolation
from tests.conftest import Run
from tests.wine import skip_under_wine

SECRET = "QUFB" * 21 + "QQ=="

BOT = f"""
import threading
import time
import krakenex
from kraken_doctor import NonceGenerator, install, open_store

print("a bot that talks while it is imported")

plain = krakenex.API("key", "{SECRET}")
ordered = krakenex.API("key", "{SECRET}")
install(ordered, store=open_store("memory://"))
generator = NonceGenerator("key", store=open_store("memory://"))

class Seed:
    def __init__(self):
        self.last, self.lock = int(time.time() * 1000000), threading.Lock()
    def __call__(self):
        with self.lock:
            current = int(time.time() * 1000000)
            if current <= self.last:
                current = self.last + 1
            self.last = current
            return str(current)

seed = krakenex.API("key", "{SECRET}")
seed._nonce = Seed()

def unguarded():
    return int(time.time() * 1000000)

last = [0]
def racy():
    nonce = max(last[0] + 1, int(time.time() * 1000000))
    last[0] = nonce
    return nonce

def small_counter(count=[0]):
    count[0] += 1
    return count[0]

class Subclass(krakenex.API):
    pass

subclass = Subclass("key", "{SECRET}")

def nanoseconds():
    return time.time_ns()

def slow():
    time.sleep(0.002)
    return int(time.time() * 1000)

def raises():
    raise LookupError("no nonce today")

def words():
    return "abc"

class Exchange:
    pass
"""

OTHERS = f"""
import ccxt
from kraken.spot import User
from kraken_doctor import install, open_store

ccxt_plain, ccxt_ordered = ccxt.kraken(), ccxt.kraken({{"apiKey": "key", "secret": "{SECRET}"}})
install(ccxt_ordered, store=open_store("memory://"))
sdk_plain, sdk_ordered = User(), User(key="key", secret="{SECRET}")
install(sdk_ordered, store=open_store("memory://"))
"""


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's bot, in the folder where the command is run."""
    Path("bot.py").write_text(BOT, encoding="utf-8")
    Path("others.py").write_text(OTHERS, encoding="utf-8")


def examined(doctor: Run, target: str) -> tuple[int, dict[str, Any]]:
    ended = doctor("nonce", "--target", target, "-o", "json", "--fail-on", "warn")
    return ended.status, json.loads(ended.stdout)


@pytest.mark.slow
@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("target", "cause", "unit", "in_order"),
    [
        ("bot:plain", "nonce-generator-broken", "ms", False),
        ("bot:subclass", "nonce-generator-broken", "ms", False),
        ("bot:nanoseconds", "nonce-generator-broken", "ns", None),
        ("bot:slow", "nonce-generator-broken", "ms", None),
        ("kraken_doctor.client.examples:plain", "nonce-generator-broken", "ms", False),
        ("kraken_doctor.client.examples:rising", "nonce-generator-default", "us", False),
        ("bot:ordered", None, "us", True),
        ("bot:seed", "nonce-reordered", "us", False),
        ("bot:generator", None, "us", None),
        ("bot:unguarded", "nonce-generator-broken", "us", None),
        ("bot:racy", "nonce-generator-broken", "us", None),
        ("bot:small_counter", "nonce-generator-broken", None, None),
        # Its guard is not locked: in Python ccxt's `lock_last_nonce` does nothing.
        ("others:ccxt_plain", "nonce-generator-broken", "ms", False),
        ("others:ccxt_ordered", None, "ms", True),
        ("others:sdk_plain", "nonce-generator-broken", "10ns", False),
        ("others:sdk_ordered", None, "10ns", True),
    ],
)
def test_each_generator_gets_its_verdict(
    doctor: Run, target: str, cause: str | None, unit: str | None, in_order: bool | None
) -> None:
    """Named with its proof; a good one with nothing."""
    if target.startswith("others:ccxt"):
        skip_under_wine("ccxt of before its clients asked for what Wine can't load")
    status, report = examined(doctor, target)
    assert [diagnosis["cause"] for diagnosis in report["diagnoses"]] == ([cause] if cause else [])
    assert status == (1 if cause else 0)
    assert report["generator"]["unit"] == unit
    assert report["generator"]["in_order"] is in_order


@pytest.mark.usefixtures("bot")
def test_the_hooks_origin_is_named(doctor: Run) -> None:
    """By what it was replaced."""
    _, report = examined(doctor, "bot:seed")
    assert (report["generator"]["replaced"], report["generator"]["by"]) == (True, "bot.Seed")
    _, report = examined(doctor, "bot:plain")
    assert (report["generator"]["replaced"], report["generator"]["by"]) == (False, "krakenex.api.API._nonce")
    assert any("not increasing" in fact for fact in report["diagnoses"][0]["because"])


@pytest.mark.usefixtures("bot")
def test_krakenex_s_own_is_a_warning_only_where_it_did_not_repeat(doctor: Run) -> None:
    """In CI it is a gate: what was seen to repeat fails it, whoever wrote it; and the page says what to do."""
    for target, status in (("bot:plain", 1), ("kraken_doctor.client.examples:rising", 0)):
        ended = doctor("nonce", "--target", target)
        assert ended.status == status
        assert "kraken_doctor.install(api)" in ended.stdout
    _, report = examined(doctor, "bot:plain")
    assert {check["id"]: check["outcome"] for check in report["checks"]}["nonce.threads"] == "fail"


@pytest.mark.slow
@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("bot", "package.module:attribute"),
        (":x", "package.module:attribute"),
        ("nonesuch:api", "can't import 'nonesuch'"),
        ("bot:nonesuch", "has no 'nonesuch'"),
        ("bot:Exchange", "is a class"),
        ("bot:words", "not a number"),
        ("bot:raises", "no nonce today"),
        ("bot:SECRET_PATH", "has no"),
    ],
)
def test_what_can_not_be_examined_is_status_2(doctor: Run, target: str, why: str) -> None:
    """One line that says why."""
    ended = doctor("nonce", "--target", target)
    assert (ended.status, ended.stdout) == (2, "")
    assert why in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_bot_that_begins_to_trade_when_imported_is_stopped(doctor: Run) -> None:
    """No verdict, in the time that was given; and it reached nobody."""
    Path("eager.py").write_text("import threading; threading.Event().wait()\n", encoding="utf-8")
    ended = doctor("nonce", "--target", "eager:api", "--timeout", "2")
    assert ended.status == 3
    assert "does its work on import" in " ".join(ended.stdout.split())
    Path("caller.py").write_text("import requests; requests.get('http://127.0.0.1:9/')\n", encoding="utf-8")
    ended = doctor("nonce", "--target", "caller:api")
    assert (ended.status, "no network in this test" in ended.stderr) == (2, True)


def test_a_bot_that_ends_the_process_is_said_so(doctor: Run) -> None:
    """With the status that it chose."""
    Path("quitter.py").write_text("import os; os._exit(7)\n", encoding="utf-8")
    ended = doctor("nonce", "--target", "quitter:api")
    assert (ended.status, "status 7" in ended.stderr) == (2, True)


@pytest.mark.skipif(not isolation.available(), reason="no network namespaces here")
def test_nothing_leaves_it_where_there_is_a_namespace(doctor: Run) -> None:
    """Not a child of the bot's module either, in whatever language: `socket` alone would not stop that."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        away = f"import socket; socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}))"
        eager = f"import itertools, subprocess, sys; subprocess.run([sys.executable, '-c', {away!r}])\n"
        Path("eager.py").write_text(f"{eager}api = itertools.count(1_795_392_000_000).__next__\n", encoding="utf-8")
        assert doctor("nonce", "--target", "eager:api").status in (0, 1)
        with pytest.raises(TimeoutError):
            listener.accept()
