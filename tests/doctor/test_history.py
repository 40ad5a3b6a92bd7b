"""Round after round: what is a change, whom to leave alone, and that nothing grows."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections import Counter
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.checks.catalogue import CATALOGUE
from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.watch_loop import WatchLoop
from kraken_doctor.doctor.history import RunHistory
from kraken_doctor.doctor.ticker import Ticker
from kraken_doctor.doctor.verdict import FailOn
from kraken_doctor.model.report import Change
from kraken_doctor.render import phrases
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from kraken_doctor.sandbox.messages import Request, refusal
from kraken_doctor.terminal.output import Output
from tests.clocks import ManualClock

MINUTE_S = 60.0


class Watched:
    """A watch of two accounts on an exchange on loopback, with a clock that a test moves."""

    def __init__(self, server: SandboxServer, keys: list[Key], tmp_path: Path) -> None:
        environ = {"KRAKEN_SPOT_URL": server.url, "KRAKEN_NONCE_STORE": f"sqlite:///{tmp_path / 'nonce.db'}"}
        for key in keys:
            environ |= {f"{key.name}_API_KEY": key.api_key, f"{key.name}_API_SECRET": key.secret}
        self.keys, self.exchange = keys, server.exchange
        self.clock = ManualClock()
        self.exchange._clock = self.clock
        output = Output(environ, quiet=True)
        self.app = App(environ=environ, output=output, clock=self.clock)
        self.app.adjust(no_env_file=True)
        self.exchange.interceptors.append(self._count)
        self._calls: Counter[str | None] = Counter()
        self.watch = RunHistory(0.0, phrases.verdict)
        self._request = params.request("watch", CATALOGUE, {})

    def rounds(self, count: int) -> list[Change]:
        """So many, a minute apart; the changes that they made."""
        before = self.watch.changed
        ctx = click.Context(click.Command("watch"), obj=self.app)
        ticker = Ticker(self.clock, MINUTE_S, count)
        loop = WatchLoop(ctx, self._request, self.watch, ticker, FailOn.FAIL, view=None, notify=None)
        assert loop.run() is False
        self.clock.step(MINUTE_S)
        found = self.watch.changed - before
        return list(self.watch.changes)[-found:] if found else []

    def asked(self, key: Key) -> int:
        """How many private calls of *key* have come."""
        return self._calls[key.api_key]

    def _count(self, request: Request) -> None:
        self._calls[request.headers.get("api-key")] += 1


@pytest.fixture
def two(exchange: Exchange, server: SandboxServer, key: Key, tmp_path: Path) -> Watched:
    """Healthy, both."""
    api_key, secret = demo_credentials("other")
    other = Key(name="KRAKEN_USER_OTHER", api_key=api_key, secret=secret)
    exchange.keys[api_key] = other
    key.name = "KRAKEN_MASTER"
    return Watched(server, [key, other], tmp_path)


def test_no_change_is_no_word(two: Watched) -> None:
    """The first round is told, and nothing after it."""
    (first,) = two.rounds(5)
    assert (first.before, first.outcome.value, first.new, first.gone) == (None, "pass", (), ())
    assert two.watch.made == 5


def test_a_failure_and_its_end(two: Watched) -> None:
    """Each said once: the finding that is new, the account that it is about, and that it is gone."""
    two.rounds(2)
    two.keys[0].mark = 2 * 10**18
    (broken,) = two.rounds(2)
    assert [(found.cause, found.account) for found in broken.new] == [("nonce-spent-higher", "MASTER")]
    assert {label: outcome.value for label, outcome in broken.accounts.items()} == {"MASTER": "fail"}
    two.keys[0].mark = 0
    (mended,) = two.rounds(20)
    assert [(found.cause, found.account) for found in mended.gone] == [("nonce-spent-higher", "MASTER")]
    assert (mended.before, mended.outcome.value) == (broken.outcome, "pass")


def test_who_is_refused_is_left_alone(two: Watched) -> None:
    """For 5 minutes, then for 15 at a time, while the other account is asked each minute."""
    two.keys[0].refusal = "EAPI:Invalid key"
    asked = []
    for _ in range(40):
        two.rounds(1)
        asked.append(two.asked(two.keys[0]))
    attempts = [minute for minute, (before, now) in enumerate(zip([0, *asked], asked, strict=False)) if now > before]
    assert attempts == [0, 5, 20, 35]
    assert two.asked(two.keys[1]) == 2 * 40
    assert two.watch.latest is not None
    assert [account.outcome.value for account in two.watch.latest.accounts] == ["fail", "pass"]
    assert two.watch.changed == 1


def test_a_lockout_is_waited_out_at_once(two: Watched) -> None:
    """Each attempt would begin it anew."""
    two.keys[0].refusal = "EGeneral:Temporary lockout"
    two.rounds(15)
    assert two.asked(two.keys[0]) == 1
    two.keys[0].refusal = None
    (mended,) = two.rounds(1)
    assert mended.accounts["MASTER"].value == "pass"


@pytest.mark.parametrize("said", ["EService:Busy", "EService:Unavailable", "EGeneral:Internal error"])
def test_troubles_of_the_exchange_s_own_are_asked_about_again(two: Watched, said: str) -> None:
    """They pass, and no attempt makes them worse."""
    two.keys[0].refusal = said
    two.rounds(3)
    assert two.asked(two.keys[0]) >= 3
    two.keys[0].refusal = None
    assert [change.outcome.value for change in two.rounds(1)] == ["pass"]


def test_what_could_not_be_looked_for_is_not_gone(two: Watched) -> None:
    """A warning about a key outlives an exchange that is out of breath, and is not told twice."""
    two.keys[1].permissions = (*two.keys[1].permissions, "withdraw-funds")
    (first,) = two.rounds(2)
    assert [found.cause for found in first.new] == ["key-can-withdraw"]
    two.exchange.interceptors.append(
        lambda request: refusal("EService:Unavailable") if "private" in request.path else None
    )
    (down,) = two.rounds(2)
    assert down.gone == ()
    two.exchange.interceptors.pop()
    (up,) = two.rounds(1)
    assert up.new == ()
    assert "key-can-withdraw" not in [found.cause for found in up.gone]


def test_a_fault_of_our_own_ends_no_watch(two: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a round without a verdict; what was known before is known afterwards."""
    two.keys[0].permissions = (*two.keys[0].permissions, "withdraw-funds")
    two.rounds(1)
    with monkeypatch.context() as broken:
        broken.setattr(two.app.doctor, "examine", lambda *_: 1 // 0)
        (said,) = two.rounds(2)
    assert (said.outcome.value, said.new, said.gone) == ("inconclusive", (), ())
    (back,) = two.rounds(1)
    assert (back.outcome.value, back.new, back.gone) == ("warn", (), ())
    assert two.watch.latest is not None
    assert [account.label for account in two.watch.latest.accounts] == ["MASTER", "USER:other"]


def open_files() -> int:
    """How many descriptors this process has; 0 where the system does not say."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


@pytest.mark.slow
def test_many_rounds_leave_nothing_behind(two: Watched) -> None:
    """What 45 rounds leave of ours is a line or two of text each, not a report; benchmarks/watch.py simulates a day."""
    two.watch.changes = type(two.watch.changes)(maxlen=8)  # full long before the end

    def held() -> int:
        """Bytes allocated on the way through our code, but for the exchange's, which keeps what it was asked."""
        gc.collect()
        own = tracemalloc.Filter(True, "*/kraken_doctor/*", all_frames=True)
        others = tracemalloc.Filter(False, "*/sandbox/*", all_frames=True)
        found = tracemalloc.take_snapshot().filter_traces([own, others])
        return sum(trace.size for trace in found.statistics("filename"))

    def some(count: int) -> None:
        for busy in range(count // 3):
            two.keys[1].refusal = "EService:Busy" if busy % 2 else None
            two.rounds(3)

    some(15)
    files = open_files()
    tracemalloc.start(12)
    try:
        some(9)
        before = held()
        some(45)
        grown = held() - before
    finally:
        tracemalloc.stop()
    assert two.watch.changed > 20
    assert grown < 45 * 1500, f"{grown}: a report that is kept is ten times that"
    assert open_files() <= files + 8  # connections of the exchange that have not ended yet; not one a round


@given(
    st.lists(st.floats(min_value=0, max_value=500, allow_nan=False), min_size=1, max_size=30),
    st.floats(min_value=1, max_value=100),
)
def test_rounds_keep_their_times(took_s: list[float], every_s: float) -> None:
    """Each begins at a whole multiple of the interval, however long those before it took, and none is made up for."""
    clock = ManualClock()
    began = []
    for _, seconds in zip(Ticker(clock, every_s, len(took_s)).ticks(), took_s, strict=True):
        began.append(clock.monotonic())
        clock.step(seconds)
    for moment in began:
        assert abs(moment / every_s - round(moment / every_s)) < 1e-6
    for before, after, seconds in zip(began, began[1:], took_s, strict=False):
        assert before + seconds <= after + 1e-6
        assert after - before - seconds <= every_s + 1e-6


def test_the_document_says_what_was(two: Watched) -> None:
    """In the published form."""
    from kraken_doctor.model import json_report
    from tests.schema import document

    two.keys[0].mark = 2 * 10**18
    two.rounds(1)
    ctx = click.Context(click.Command("watch"), obj=two.app)
    rounds = WatchLoop(ctx, two._request, two.watch, Ticker(two.clock, 60.0, 1), FailOn.FAIL, view=None, notify=None)
    newest = rounds.newest()
    assert newest is not None
    shown = document(json_report.render(newest))
    assert (shown["command"], shown["outcome"], shown["exit_status"]) == ("watch", "fail", 1)
    assert shown["rounds"]["made"] == 1
    assert json.dumps(shown["rounds"]["changes"]).count("nonce-spent-higher") == 2
