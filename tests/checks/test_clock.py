"""The clock check: what several sources together say, and what they leave open."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from kraken_doctor.checks import clock
from kraken_doctor.checks.base import CheckOutcome, Instruments, RunSettings
from kraken_doctor.checks.clockwatch import ClockWatch
from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.model.findings import Outcome
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.messages import Response, refusal
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from kraken_doctor.timesource.time_daemon import TimeDaemon
from tests.clocks import ManualClock


@pytest.fixture
def contexts(server: SandboxServer) -> Iterator[Any]:
    made: list[Instruments] = []

    def make(*servers: SandboxNtpServer | str, own_clock: Clock | None = None, **settings: Any) -> Instruments:
        addresses = tuple(s if isinstance(s, str) else s.address for s in servers)
        context = Instruments(
            settings=RunSettings(api_url=server.url, timeout_s=1.0, ntp_servers=addresses, **settings),
            clock=own_clock or SystemClock(),
            store=open_store("memory://"),
            make_http=requests.Session,
            krakenex=lambda: pytest,
            keeper=lambda: TimeDaemon("linux", "", service="chrony", running=True, unit="chrony"),
        )
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


def values(finding: CheckOutcome) -> dict[str, Any]:
    return {fact.name: fact.value for fact in finding.evidence}


def test_the_exchange_breaks_a_tie(contexts: Any) -> None:
    """Two servers contradict each other; its word is coarse, and enough to tell which one lies."""
    with SandboxNtpServer() as good, SandboxNtpServer(offset_s=3600) as liar:
        finding = clock.clock.run(contexts(good, liar))
    found = values(finding)
    assert finding.outcome is Outcome.PASS
    assert "1 of 2 servers and the exchange" in finding.summary
    assert found["clock.ntp.falsetickers"] == (liar.address,)


def test_a_tie_that_nobody_breaks_has_no_verdict(contexts: Any, exchange: Exchange) -> None:
    """Each of the sources says something else."""
    exchange.clock_offset_s = -3600
    with SandboxNtpServer() as one, SandboxNtpServer(offset_s=3600) as other:
        finding = clock.clock.run(contexts(one, other))
    assert (finding.outcome, finding.summary) == (Outcome.INCONCLUSIVE, "the time sources contradict each other")


@pytest.mark.parametrize("exchange_s", [0.012, -0.012, 0.4, -0.4])
def test_an_exchange_that_is_a_little_off_contradicts_nobody(
    contexts: Any, exchange: Exchange, exchange_s: float
) -> None:
    """Its own clock is not promised to be exact, and each of several answers narrows what it says."""
    exchange.clock_offset_s = exchange_s
    with SandboxNtpServer() as one, SandboxNtpServer() as other:
        context = contexts(one, other)
        for name in ("SystemStatus", "Time"):
            context.api.ask(name)
        finding = clock.clock.run(context)
    assert finding.outcome is Outcome.PASS
    assert "clock.exchange.contradicts" not in values(finding)


@pytest.mark.parametrize(("ntp_s", "exchange_s"), [(30, 0), (0, 3600), (-3600, 0), (0, -3600)])
def test_servers_that_the_exchange_contradicts_prove_nothing(
    contexts: Any, exchange: Exchange, ntp_s: float, exchange_s: float
) -> None:
    """Whichever side is right: the disagreement is said, and neither is a verdict."""
    exchange.clock_offset_s = exchange_s
    with SandboxNtpServer(offset_s=ntp_s) as one, SandboxNtpServer(offset_s=ntp_s) as other:
        finding = clock.clock.run(contexts(one, other))
    found = values(finding)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert re.search(r"; but [+-]\d+(\.\d (s|hours|minutes)| ms) by the exchange$", finding.summary)
    assert found["clock.exchange.contradicts"] is True
    assert abs(found["clock.exchange.offset"] - exchange_s) < 1
    told = [found[f"clock.sample.{number}.offset"] for number in (1, 2, 3)]
    assert told == pytest.approx([ntp_s, ntp_s, exchange_s], abs=1)
    # A time that is too early harms nobody: the doctor's nonces come from the earlier one.
    assert found.get("clock.ahead", 0) == pytest.approx(min(ntp_s, exchange_s, 0), abs=1)


@pytest.mark.parametrize(
    ("offset_s", "ahead"), [(0.0, False), (-0.9, False), (-1.5, True), (-3600.0, True), (5.0, False)]
)
def test_a_clock_is_proved_ahead_by_its_lower_end(
    contexts: Any, exchange: Exchange, offset_s: float, ahead: bool
) -> None:
    """More than a second, error bound taken into account."""
    exchange.clock_offset_s = offset_s
    with SandboxNtpServer(offset_s=offset_s) as server:
        found = values(clock.clock.run(contexts(server)))
    assert ("clock.ahead" in found) is ahead
    if ahead:
        assert found["clock.ahead"] == pytest.approx(offset_s, abs=1)


def test_dates_narrow_what_the_time_leaves_open(contexts: Any, exchange: Exchange) -> None:
    """Each whole second holds the truth; those that were read at other moments hold less of the rest together."""
    context = contexts()
    for name in ("SystemStatus", "Time"):
        context.api.ask(name)
    alone = clock.measure(context)
    assert [sample.source for sample in alone.exchange] == ["exchange", *["exchange (HTTP Date)"] * 2]
    assert alone.consensus is not None
    assert alone.consensus.sample.bound_s <= min(sample.bound_s for sample in alone.exchange) + 1e-9
    assert alone.consensus.sample.low_s <= 0 <= alone.consensus.sample.high_s


@pytest.mark.parametrize("offset_s", [0.0, 30.0, -30.0])
def test_without_udp_the_exchange_gives_a_coarse_answer(contexts: Any, exchange: Exchange, offset_s: float) -> None:
    """With a bound that holds the truth."""
    exchange.clock_offset_s = offset_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        finding = clock.clock.run(contexts(f"127.0.0.1:{deaf.getsockname()[1]}"))
    found = values(finding)
    assert abs(found["clock.offset"] - offset_s) <= found["clock.bound"] <= 0.75
    assert finding.outcome is (Outcome.WARN if offset_s else Outcome.PASS) or found["clock.bound"] > 0.5
    assert "by the exchange" in finding.summary


def test_a_verdict_keeps_away_from_the_limit(contexts: Any, exchange: Exchange) -> None:
    """Offset less bound over it, or offset plus bound under it; between them there is none."""
    exchange.clock_offset_s = 2.0
    with SandboxNtpServer(offset_s=2.0, root_s=0.2) as server:  # a bound of 0.3 s
        for limit_s, outcome in (
            (1.5, Outcome.WARN),
            (1.9, Outcome.INCONCLUSIVE),
            (2.1, Outcome.INCONCLUSIVE),
            (2.5, Outcome.PASS),
        ):
            finding = clock.clock.run(contexts(server, max_offset_s=limit_s))
            assert finding.outcome is outcome, limit_s
            bounds = {fact.name: fact.bound for fact in finding.evidence}
            assert bounds["clock.offset"] == f"|x| <= {limit_s}"


@pytest.mark.parametrize("unixtime", ["NaN", "Infinity", "-5", "1e300", "true", '"1795392000"', "null"])
def test_a_time_that_is_none_is_none(contexts: Any, exchange: Exchange, unixtime: str) -> None:
    """Whatever JSON can say in its place."""
    body = f'{{"error":[],"result":{{"unixtime":{unixtime}}}}}'.encode()
    exchange.interceptors.append(lambda request: Response(body))
    finding = clock.clock.run(contexts())
    assert finding.outcome in (Outcome.PASS, Outcome.INCONCLUSIVE), "only the Date header is left"
    assert "exchange" not in [fact.source for fact in finding.evidence if fact.name.startswith("clock.sample")]


def test_what_keeps_the_clock_is_looked_at_when_it_is_wrong(contexts: Any) -> None:
    """And only then."""
    with SandboxNtpServer() as right, SandboxNtpServer(offset_s=30) as wrong:
        assert "clock.place" not in values(clock.clock.run(contexts(right)))
        found = values(clock.clock.run(contexts(wrong)))
    assert (found["clock.place"], found["clock.keeper"], found["clock.keeper.running"]) == (
        "linux",
        "chrony",
        True,
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.55, "+550 ms"), (-1.5, "-1.5 s"), (150, "+2.5 minutes"), (-7300, "-2.0 hours"), (86400 * 9, "+9.0 days")],
)
def test_offsets_in_words(contexts: Any, seconds: float, words: str) -> None:
    """In the unit that people would use; what is measured is some milliseconds off on a busy machine."""
    with SandboxNtpServer(offset_s=seconds) as server:
        summary = clock.clock.run(contexts(server)).summary
    number, unit = words.split()
    assert summary.startswith(number[:2])
    assert unit in summary


class Watched:
    """A watch over a clock that a test moves, against a server whose clock it moves alike."""

    def __init__(self, contexts: Any, offset_s: float = 0.0) -> None:
        self.own, self.theirs = ManualClock(), ManualClock()
        self.server = SandboxNtpServer(clock=self.theirs, offset_s=offset_s)
        self.watch = ClockWatch(contexts(self.server, own_clock=self.own))

    def pass_time(self, seconds: float, *, drift: float = 0.0) -> None:
        """*drift* is how much faster the right time goes."""
        self.own.step(seconds)
        self.theirs.step(seconds * (1 + drift))


def test_a_watch_sees_the_rate(contexts: Any) -> None:
    """A clock that loses a hundred microseconds a second."""
    watched = Watched(contexts)
    with watched.server:
        for _ in range(5):
            watched.watch.look()
            watched.pass_time(1000, drift=1e-4)
    least, most = watched.watch.rate_ppm() or (0, 0)
    assert least <= 100 <= most
    assert most - least < 10
    assert watched.watch.finding().outcome is Outcome.PASS
    assert watched.watch.steps == []


def test_a_watch_sees_steps_and_does_not_take_them_for_drift(contexts: Any) -> None:
    """Set back by three seconds, and set right again: the rate between them is none."""
    watched = Watched(contexts)
    with watched.server:
        watched.watch.look()
        for seconds in (3.0, -3.0):
            watched.pass_time(100)
            watched.own.set_back(seconds)
            sample = watched.watch.look()
            assert sample.step_s == pytest.approx(-seconds, abs=1e-6)
    assert [step.step_s for step in watched.watch.steps] == pytest.approx([-3.0, 3.0])
    least, most = watched.watch.rate_ppm() or (9, 9)
    assert least <= 0 <= most
    assert most - least < 200
    finding = watched.watch.finding()
    assert finding.outcome is Outcome.WARN, "within the limit, and set all the same"
    assert abs(values(finding)["clock.step.largest"]) == pytest.approx(3.0)


def test_a_watch_asks_the_exchange_again_only_where_servers_do_not_suffice(
    contexts: Any, server: SandboxServer
) -> None:
    """Once at first, as a single look does; then never while a server answers."""
    watched = Watched(contexts)
    with watched.server:
        for _ in range(3):
            watched.watch.look()
    assert server.exchange.requests == ["GET /0/public/Time"]
    watched.watch.look()  # nobody listens there any more
    watched.watch.look()
    assert server.exchange.requests == ["GET /0/public/Time"] * 3


def test_a_watch_without_any_source_has_no_verdict(contexts: Any, exchange: Exchange) -> None:
    """Each look says why."""
    exchange.interceptors.append(lambda request: refusal("EService:Unavailable"))
    watch = ClockWatch(contexts())
    assert watch.look().summary == "no time source answered"
    assert watch.finding().outcome is Outcome.INCONCLUSIVE
    assert watch.rate_ppm() is None


def test_a_long_watch_does_not_grow(contexts: Any) -> None:
    """Looks are thinned, so that they still cover all of it; what is reported are the last."""
    watched = Watched(contexts)
    with watched.server:
        sample = watched.watch.look()
        first = watched.watch._looks[0]
        for _ in range(5000):
            watched.watch._keep(sample)
            watched.watch._looks.append(first)
    assert len(watched.watch.samples) <= 4096
    assert len(watched.watch._looks) <= 514
    assert watched.watch._looks[0] is first


def test_a_clock_that_is_set_during_a_look_has_no_offset_then(contexts: Any) -> None:
    """Which of the two clocks was measured nobody can say."""
    watched = Watched(contexts)

    def set_back(*arguments: Any, **options: Any) -> Any:
        watched.own.set_back(5)
        return real(*arguments, **options)

    with watched.server:
        servers = watched.watch._ctx.time_servers
        real = servers.ask
        servers.ask = set_back
        sample = watched.watch.look()
    assert (sample.consensus, sample.summary) == (None, "the clock was set during this poll")
    assert sample.step_s == pytest.approx(-5)
