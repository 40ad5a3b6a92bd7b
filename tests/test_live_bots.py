"""A live bot survives the doctor on its key; and the harness that says so would notice one that does not."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.live import doctor
from benchmarks.live.bot import KINDS
from benchmarks.live.exchange import Entrance, Recorded, Seen
from benchmarks.live.line import Delay, Hold, Line
from benchmarks.live.races import Races
from benchmarks.live.run import Spec, most_private, run
from benchmarks.live_bots import plan
from kraken_doctor.sandbox.keys import Key
from tests.sandbox.wire import call, get

AT_ONCE = Delay(0.0)
NEVER = Delay(3600.0)
LIMIT_S = 30
"""For what is expected to come; nothing here waits so long."""


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("spec", plan(20, seed=1), ids=lambda spec: f"{spec.bot}-{spec.command}-{spec.seed}")
def test_the_bot_lives_on(spec: Spec) -> None:
    """Its calls are accepted again; the doctor was careful, and says nothing that is not true."""
    found = run(spec)
    assert found.wrong == [], found
    assert found.private_calls > 0, found


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("race", ["first", "both", "every"])
def test_lost_races_harm_nobody(race: str) -> None:
    """Calls that a bot's later ones overtake, as often as it takes."""
    found = run(Spec("krakenex", "check", 20, 5, seed=1, race=race))
    assert found.wrong == [], found
    assert found.doctors_refused > 0, found


HARMFUL = """
import json, os, time
import krakenex

def main():
    prefix = "KRAKEN_USER_LIVE_API_"
    api = krakenex.API(os.environ[prefix + "KEY"], os.environ[prefix + "SECRET"])
    api.uri = os.environ["KRAKEN_SPOT_URL"]
    api._nonce = lambda: time.time_ns() // 1000
    for _ in range(5):
        api.query_private("AddOrder")
    print(json.dumps({"outcome": "pass", "diagnoses": []}))
"""


@pytest.mark.slow
def test_the_harness_notices_harm(tmp_path: Path) -> None:
    """A doctor that does all that it must not."""
    package = tmp_path / "kraken_doctor"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(HARMFUL)
    found = run(Spec("krakenex", "check", 20, 5, seed=1), tmp_path)
    assert found.wrong == ["bot lost for good", "5 private calls", "nonces in a finer unit", "called AddOrder"]
    assert (found.verdict.name, found.verdict.objection) == ("pass", "")
    assert found.refused >= 10


@pytest.mark.parametrize(
    ("confidence", "remedy", "objection"),
    [
        ("possible", "Stop every other program on this key; then check again. A new key last.", ""),
        ("likely", "Stop every other program on this key.", "surer than it can be"),
        ("possible", "Create a new API key. Or stop the bot.", "does not say to stop the bot first"),
    ],
)
def test_what_may_be_said_of_a_live_bot(confidence: str, remedy: str, objection: str) -> None:
    """The harmless step comes first."""
    verdict = doctor.judged(1, "nonce-spent-higher", confidence, remedy, "")
    assert (verdict.name, verdict.objection) == (f"nonce-spent-higher ({confidence})", objection)
    assert doctor.judged(0, "nonce-shared-key", "likely", "", "").objection == ""
    assert doctor.judged(1, "clock-behind", "certain", "", "").objection != ""


def test_the_plan_has_every_pair() -> None:
    """Each command beside each bot, equally often, under other conditions each time."""
    specs = plan(200, seed=3)
    pairs = Counter((spec.bot, spec.command) for spec in specs)
    assert set(pairs) == set(itertools.product(KINDS, doctor.COMMANDS))
    assert set(pairs.values()) == {13, 14}
    assert len({(spec.bot, spec.command, spec.per_second, spec.latency_ms, spec.tls) for spec in specs}) == len(specs)
    assert specs == plan(200, seed=3) != plan(200, seed=4)
    assert {(spec.bot, spec.command) for spec in plan(20, seed=1)} == set(pairs)


@contextlib.contextmanager
def connected(there: Delay, hold: Hold | None = None) -> Iterator[tuple[Line, socket.socket, socket.socket]]:
    """A line, and both ends of one connection over it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        Line(listening.getsockname()[1], there, hold=hold) as line,
    ):
        near = socket.create_connection(("127.0.0.1", line.port), LIMIT_S)
        listening.settimeout(LIMIT_S)
        far, _ = listening.accept()
        far.settimeout(LIMIT_S)
        with near, far:
            yield line, near, far


def read(end: socket.socket, count: int) -> bytes:
    with end.makefile("rb") as stream:
        return stream.read(count)


def test_a_line_loses_nothing() -> None:
    """Both ways at once, whatever the jitter; and the end of one way leaves the other open."""
    sent = bytes(range(256)) * 1000
    with connected(Delay(0.0, 0.02)) as (_, near, far), ThreadPoolExecutor() as pool:
        there, back = pool.submit(read, far, len(sent)), pool.submit(read, near, len(sent))
        for start in range(0, len(sent), 50_000):
            near.sendall(sent[start : start + 50_000])
            far.sendall(sent[start : start + 50_000])
        assert (there.result(), back.result()) == (sent, sent)
        near.shutdown(socket.SHUT_WR)
        assert far.recv(1) == b""
        far.sendall(b"answer")
        assert read(near, 6) == b"answer"
        far.close()
        assert near.recv(1) == b""


def test_a_line_takes_its_time() -> None:
    """What was sent first over a slow line has not arrived when a fast one's answer has; its end waits for nobody."""
    with connected(NEVER) as (_, slow, slow_far), connected(AT_ONCE) as (_, fast, fast_far):
        slow.sendall(b"first")
        slow_far.sendall(b"first")
        fast.sendall(b"second")
        assert read(fast_far, 6) == b"second"
        fast_far.sendall(b"third")
        assert read(fast, 5) == b"third"
        for end in (slow, slow_far):
            end.setblocking(False)
            with pytest.raises(BlockingIOError):
                end.recv(1)


def test_a_line_ends_with_its_exchange() -> None:
    """Nobody listens any more: the client is hung up on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with Line(port, AT_ONCE) as line:
        near = socket.create_connection(("127.0.0.1", line.port), LIMIT_S)
        with near, contextlib.suppress(ConnectionResetError):
            assert near.recv(1) == b""


def test_a_line_counts_private_calls_under_way() -> None:
    """Until the answer comes back; what is public does not count."""
    request = b"POST /0/private/Balance HTTP/1.1\r\n\r\n"
    with connected(AT_ONCE) as (line, near, far):
        for _ in range(2):
            near.sendall(request)
            read(far, len(request))
            far.sendall(b"answer")
            read(near, 6)
        near.sendall(b"GET /0/public/Time HTTP/1.1\r\n\r\n")
        read(far, 10)
        assert line.calls.most_at_once == 1
    line.calls.sent(1, request)
    line.calls.sent(2, request)
    assert line.calls.most_at_once == 2


def test_a_line_holds_back_what_it_is_told_to() -> None:
    """A request; the answers, and other connections, go on."""
    asked, go_on = threading.Event(), threading.Event()

    async def hold(data: bytes) -> None:
        asked.set()
        await asyncio.to_thread(go_on.wait, LIMIT_S)

    with connected(AT_ONCE, hold) as (_, near, far):
        near.sendall(b"request")
        assert asked.wait(LIMIT_S)
        far.sendall(b"answer")
        assert read(near, 6) == b"answer"
        far.setblocking(False)
        with pytest.raises(BlockingIOError):
            far.recv(1)
        far.settimeout(LIMIT_S)
        go_on.set()
        assert read(far, 7) == b"request"


class Asked(Recorded):
    """Lets the bot make its calls while it is waited for, and keeps what the wait was told after each."""

    def __init__(self, key: Key) -> None:
        super().__init__([key])
        self.key, self.told = key, list[bool]()

    def wait_for(self, happened: Callable[[], bool], limit_s: float) -> bool:
        self.told.append(happened())
        for nonce in (5, 6):
            call(Entrance(self, "bot"), self.key, nonce)
            self.told.append(happened())
        return True


def test_a_race_is_lost_on_purpose(key: Key) -> None:
    """Held back until the bot has made two calls more: the first may be older than what is held. Others go on."""
    exchange = Asked(key)
    call(Entrance(exchange, "bot"), key, 4)
    races = Races(exchange, "second")
    for number, text in enumerate((b"POST /0/private/Balance", b"GET /0/public/Time", b"POST /0/private/Balance")):
        assert exchange.told == [], number
        asyncio.run(races.hold(text))
    assert exchange.told == [False, False, True]
    asyncio.run(races.hold(b"POST /0/private/Balance"))
    asyncio.run(Races(exchange, "").hold(b"POST /0/private/Balance"))
    assert len(exchange.told) == 3


def test_the_record_is_the_order_of_arrival(key: Key) -> None:
    """Who, what, with which nonce, and whether it was accepted; of both entrances in one order."""
    exchange = Recorded([key])
    bot, other = Entrance(exchange, "bot"), Entrance(exchange, "doctor")
    call(bot, key, 7)
    call(other, key, 7, "GetApiKeyInfo")
    get(other, "Time")
    call(bot, key, 8)
    assert [seen[:5] for seen in exchange.seen] == [
        ("bot", "test", "Balance", "7", True),
        ("doctor", "test", "GetApiKeyInfo", "7", False),
        ("doctor", "", "Time", "", True),
        ("bot", "test", "Balance", "8", True),
    ]
    assert [seen.nonce for seen in exchange.of("bot", since=1)] == ["8"]
    assert [seen.endpoint for seen in exchange.of("doctor")] == ["GetApiKeyInfo"]
    assert exchange.of("bot", key="control") == []


@pytest.mark.parametrize(
    ("endpoints", "most"),
    [
        (["Time", "SystemStatus", "GetApiKeyInfo", "Balance"] * 5, 2),
        (["Time", "GetApiKeyInfo", "SystemStatus", "Time", "GetApiKeyInfo", "Balance"] * 5, 3),
        (["Time", "GetApiKeyInfo", "SystemStatus", "Balance", *["Time", "SystemStatus"] * 4], 2),
    ],
)
def test_the_private_calls_of_a_round(endpoints: list[str], most: int) -> None:
    """A second try's question for the time begins no round; another program's calls are not counted."""
    public = ("Time", "SystemStatus")
    calls = [Seen("doctor", "" if name in public else "live", name, "1", True, 0.0, 0.0) for name in endpoints]
    others = [Seen("bot", "live", "Balance", "1", True, 0.0, 0.0) for _ in calls]
    seen = list(itertools.chain(*zip(calls, others, strict=True)))
    assert most_private(seen, "watch") == most
    assert most_private(seen, "check") == sum(name not in public for name in endpoints)
