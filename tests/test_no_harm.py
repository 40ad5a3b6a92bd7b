"""
No command sends a nonce that could lock a live bot out: judged by what the exchange saw, whatever the doctor says.

Every command that sends, with and without `--retry`, against races lost, clocks that are wrong, and stores that hold
what bots, earlier versions and other clocks have left there.
"""

from __future__ import annotations

import io
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraken_doctor.checks.session import AccountSession, Reply
from kraken_doctor.cli.main import run
from kraken_doctor.clock import SystemClock
from kraken_doctor.model.call import DOCTOR, CallRecord
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.history import UNIT_NOTE_0_1
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from kraken_doctor.sandbox.messages import Request, Response, refusal
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from kraken_doctor.secret import key_id
from kraken_doctor.timesource.ntp import TimeServers
from kraken_doctor.timesource.sample import TimeSample

READ_ONLY = {"GetApiKeyInfo", "Balance"}
COMMANDS = {
    "check": (["check"], 4),
    "balances": (["balances"], 2),
    "report": (["report", "--file", "report.md"], 4),
    "watch": (["watch", "--every", "15", "--count", "1"], 4),
    "init": (["init", "--master", "--secret-stdin", "--replace", "--check"], 4),
}
"""Each with the most private calls that an account may cost."""


@dataclass
class Seen:
    """What the exchange saw of private calls."""

    nonces: list[int] = field(default_factory=list)
    endpoints: list[str] = field(default_factory=list)


Interceptor = Callable[[Request], Response | None]


def losing(key: Key, races: int, seen: Seen) -> Interceptor:
    """The first *races* calls are overtaken by one of somebody else, in the very unit of ours."""

    def intercept(request: Request) -> Response | None:
        if "/private/" in request.path:
            nonce = int(request.fields()["nonce"])
            seen.nonces.append(nonce)
            seen.endpoints.append(request.path.rpartition("/")[2])
            if len(seen.nonces) <= races:
                key.mark = max(key.mark, nonce + 1)
        return None

    return intercept


def now(unit: NonceUnit, ahead_s: float = 0.0) -> int:
    return unit.floor(SystemClock().now_ns() + round(ahead_s * 1e9))


def nothing(store: NonceStore, identity: str) -> None:
    """A key that was never seen."""


def issued_us(store: NonceStore, identity: str) -> None:
    """A bot that never got through."""
    store.advance(identity, now(NonceUnit.US))


def refused_us(store: NonceStore, identity: str) -> None:
    """A bot whose calls were all refused."""
    store.record(call(identity, NonceUnit.US, store.advance(identity, now(NonceUnit.US)), "EAPI:Invalid nonce"))


def guessed_us(store: NonceStore, identity: str) -> None:
    """A doctor whose own default it was."""
    nonce = store.advance(identity, now(NonceUnit.US))
    store.record(call(identity, NonceUnit.US, nonce, by=DOCTOR, declared=False))


def noted_us(store: NonceStore, identity: str) -> None:
    """Version 0.1."""
    store.remember(identity, UNIT_NOTE_0_1, "us")


def tomorrow(store: NonceStore, identity: str) -> None:
    """A clock that was ahead, and a bot that never got through."""
    store.advance(identity, now(NonceUnit.MS, 86_400))


def soon(store: NonceStore, identity: str) -> None:
    """The same, by less than a minute: still too long for a bot whose clock is right."""
    store.advance(identity, now(NonceUnit.MS, 50))


def absurd(store: NonceStore, identity: str) -> None:
    """A mark that no clock gave."""
    store.advance(identity, 2**63 + 5)


def accepted_ms(store: NonceStore, identity: str) -> None:
    """A bot in milliseconds, at work."""
    store.record(call(identity, NonceUnit.MS, store.advance(identity, now(NonceUnit.MS))))


def accepted_us(store: NonceStore, identity: str) -> None:
    """A bot in microseconds, at work."""
    store.record(call(identity, NonceUnit.US, store.advance(identity, now(NonceUnit.US))))


def said_to_be_ns(store: NonceStore, identity: str) -> None:
    """A record that was altered: its nonce is no time in its unit, which nobody counts in."""
    store.record(call(identity, NonceUnit.NS, store.advance(identity, now(NonceUnit.MS))))


def absurdly_accepted(store: NonceStore, identity: str) -> None:
    """A record that was altered: its nonce is no time at all; the mark is one of tomorrow."""
    store.record(call(identity, NonceUnit.MS, 2**63))
    store.record(call(identity, NonceUnit.NS, 2**63))
    tomorrow(store, identity)


def accepted_in_another_unit(store: NonceStore, identity: str) -> None:
    """A bot that was told milliseconds over a mark in microseconds; then the marks were lost, and tomorrow came."""
    store.record(call(identity, NonceUnit.MS, now(NonceUnit.US)))
    tomorrow(store, identity)


def call(identity: str, unit: NonceUnit, nonce: int, outcome: str = "ok", **changes: object) -> CallRecord:
    return CallRecord(
        at_ns=SystemClock().now_ns(), key_id=identity, unit=unit.value, nonce=nonce, endpoint="Balance",
        outcome=outcome, latency_s=0.1, waited_s=0.0, **changes,  # type: ignore[arg-type]
    )  # fmt: skip


STORES = {
    prepare.__name__: prepare
    for prepare in (
        nothing, issued_us, refused_us, guessed_us, noted_us, tomorrow, soon, absurd, accepted_ms, accepted_us,
        said_to_be_ns, absurdly_accepted, accepted_in_another_unit,
    )
}  # fmt: skip


def known_unit(declared: str | None, prepared: str) -> NonceUnit:
    """The only unit in which anything may be sent."""
    if declared:
        return NonceUnit(declared)
    return NonceUnit.US if prepared == "accepted_us" else NonceUnit.MS


@contextmanager
def scene(
    races: int, ahead_s: float, ntp: str, prepared: str, declared: str | None, answers: Interceptor | None = None
) -> Iterator[tuple[Key, Seen]]:
    """An exchange, its key, and a host whose clock is *ahead_s* ahead of all others."""
    api_key, secret = demo_credentials("no harm")
    key, seen = Key(name="test", api_key=api_key, secret=secret, balances={"ZUSD": "100.0000"}), Seen()
    exchange = Exchange([key])
    exchange.clock_offset_s = -ahead_s
    exchange.interceptors += [losing(key, races, seen), *([answers] if answers else [])]
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patched:
        server = stack.enter_context(SandboxServer(exchange))
        clock = stack.enter_context(SandboxNtpServer(offset_s=-ahead_s))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        store_url = f"sqlite:///{folder / 'nonce.db'}"
        store = open_store(store_url)
        STORES[prepared](store, key_id(api_key))
        store.close()
        for name, value in {
            "KRAKEN_SPOT_URL": server.url, "KRAKEN_MASTER_API_KEY": api_key, "KRAKEN_MASTER_API_SECRET": secret,
            "KRAKEN_NONCE_STORE": store_url, "KRAKEN_MASTER_NONCE_UNIT": declared or "",
        }.items():  # fmt: skip
            patched.setenv(name, value)
        patched.chdir(folder)
        patched.setattr("sys.stdin", io.StringIO(f"{api_key}\n{secret}\n"))
        patched.setattr("kraken_doctor.clock.SystemClock.sleep", staticmethod(lambda _seconds: None))
        for command in ("CHECK", "BALANCES", "REPORT", "WATCH"):
            # A variable, since `init` has no such options.
            patched.setenv(f"KRAKEN_DOCTOR_{command}_NTP_SERVER", clock.address if ntp == "asked" else "127.0.0.1:9")
        yield key, seen


@pytest.mark.slow
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    command=st.sampled_from(list(COMMANDS)),
    retry=st.booleans(),
    races=st.sampled_from([0, 1, 2, 99]),
    ahead_s=st.sampled_from([0.0, 3_600.0, 86_400.0, -3_600.0]),
    ntp=st.sampled_from(["asked", "silent"]),
    prepared=st.sampled_from(list(STORES)),
    declared=st.sampled_from([None, None, "ms", "s"]),
)
def test_no_nonce_leaves_that_could_lock_a_bot_out(
    command: str, retry: bool, races: int, ahead_s: float, ntp: str, prepared: str, declared: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Not finer than declared or known, not ahead of the right time but for a step above what was accepted; and few."""
    arguments, most = COMMANDS[command]
    retrying = ["--retry", "--retry-base", "0.05"] if retry and command != "init" else []
    with scene(races, ahead_s, ntp, prepared, declared) as (_key, seen):
        status = run([*arguments, *retrying])
    capsys.readouterr()
    assert status in (0, 1, 3)
    assert len(seen.nonces) <= most
    assert set(seen.endpoints) <= READ_ONLY
    unit = known_unit(declared, prepared)
    for nonce in seen.nonces:
        assert nonce <= now(unit) * 2, "a finer unit"
    # What this host's own wrong clock gave a bot that was accepted is where that key is now.
    if prepared not in ("accepted_ms", "accepted_us", "said_to_be_ns"):
        for nonce in seen.nonces:
            assert nonce <= now(unit, 2 - max(ahead_s, 0.0)), "a time that has not come"


ANSWERS = {
    "accepted": None,
    "nonce": refusal("EAPI:Invalid nonce"),
    "nonce, warning": refusal("WGeneral:Danger", "EAPI:Invalid nonce"),
    "nonce, busy": refusal("EAPI:Invalid nonce", "EService:Busy"),
    "lockout": refusal("EGeneral:Temporary lockout"),
    "lockout, busy": refusal("EService:Busy", "EGeneral:Temporary lockout"),
    "busy": refusal("EService:Busy"),
    "unknown method": refusal("EGeneral:Unknown method"),
    "page": Response(b"<html>", 502),
    "cut": Response(b"", reset=True),
    "late": Response(b'{"error":[],"result":{}}', delay_s=0.5),
    "forbidden": Response(b'{"message": "Forbidden"}'),
    "torn": Response(b'{"error":[],"re', length=500),
}


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    command=st.sampled_from(list(COMMANDS)),
    retry=st.booleans(),
    plan=st.lists(st.sampled_from(list(ANSWERS)), min_size=1, max_size=5),
)
def test_whatever_is_answered_calls_are_few_and_nothing_is_said_to_work(
    command: str, retry: bool, plan: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Rising nonces; two that are refused at the most; a lockout is the end; connected is who was accepted."""
    met: list[tuple[str, int]] = []

    def answers(request: Request) -> Response | None:
        if "/private/" not in request.path:
            return None
        name = plan[len(met)] if len(met) < len(plan) else "accepted"
        met.append((name, int(request.fields()["nonce"])))
        return ANSWERS[name]

    arguments, most = COMMANDS[command]
    options = ["--timeout", "0.3", *(["--retry", "--retry-base", "0.05"] if retry else [])]
    with scene(0, 0.0, "asked", "nothing", None, answers) as (_key, _seen):
        status = run([*arguments, *([] if command == "init" else options)])
    names, nonces = [name for name, _ in met], [nonce for _, nonce in met]
    assert status in (0, 1, 3)
    assert 0 < len(met) <= most
    assert nonces == sorted(set(nonces))
    assert sum("nonce" in name for name in names) <= 2
    assert not any("lockout" in name for name in names[:-1])
    if not {"accepted", "late"} & set(names):
        assert status != 0
        assert "✅" not in capsys.readouterr().out
    capsys.readouterr()


@pytest.mark.parametrize(
    "prepared",
    [
        "issued_us",
        "refused_us",
        "guessed_us",
        "noted_us",
        "tomorrow",
        "soon",
        "absurd",
        "absurdly_accepted",
        "accepted_in_another_unit",
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_where_it_could_nothing_is_sent(command: str, prepared: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And that is no verdict: status 3, with the ways on."""
    with scene(0, 0.0, "asked", prepared, None) as (key, seen):
        status = run(COMMANDS[command][0])
    assert (seen.nonces, key.accepted, key.refused) == ([], 0, 0)
    assert status == 3
    if command in ("check", "balances"):
        assert "Nothing was sent" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_race_is_run_again_once_in_the_same_unit(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The bot that overtook us is alive: its milliseconds are still accepted."""
    with scene(1, 0.0, "asked", "nothing", None) as (key, seen):
        assert run(COMMANDS[command][0]) == 0
        assert key.mark < now(NonceUnit.MS) + 1000
    assert key.refused == 1
    assert key.accepted == len(seen.nonces) - 1


@pytest.mark.parametrize("command", ["check", "balances"])
def test_a_declared_unit_is_used_and_said(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Who declared it stands in the report."""
    import json

    with scene(0, 0.0, "asked", "issued_us", "us") as (key, seen):
        assert run([command, "-o", "json"]) == 0
    (account,) = json.loads(capsys.readouterr().out)["accounts"]
    assert account["nonce"]["unit"] == "us"
    assert account["nonce"]["unit_from"] == "KRAKEN_MASTER_NONCE_UNIT (environment)"
    assert key.accepted == len(seen.nonces)


DAY_S = 86_400.0


@pytest.mark.parametrize("skipped", [[], ["clock"], ["path"], ["path", "clock"]])
@pytest.mark.parametrize(
    "body", [Response(b'{"error":["EService:Unavailable"]}'), Response(b"<html>", 502)], ids=["refused", "page"]
)
def test_where_the_time_is_not_told_a_date_will_do(
    skipped: list[str], body: Response, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal, and an error page, have a date too: enough to see that this host is in tomorrow."""

    def untold(request: Request) -> Response | None:
        return body if request.path.endswith("/Time") else None

    with scene(0, DAY_S, "silent", "nothing", None, untold) as (key, seen):
        run(["check", *(option for name in skipped for option in ("--skip", name))])
    assert not seen.nonces or "clock is 24 hours ahead" in " ".join(capsys.readouterr().out.split())
    assert all(nonce <= now(NonceUnit.MS, 2 - DAY_S) for nonce in seen.nonces)
    assert key.accepted == len(seen.nonces)


def test_a_clock_that_is_set_to_tomorrow_meanwhile_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was right when it was examined."""
    ahead_ns = [0]

    def step(request: Request) -> Response | None:
        if "/private/" in request.path:
            ahead_ns[0] = round(DAY_S * 1e9)
        return None

    monkeypatch.setattr("kraken_doctor.clock.SystemClock.now_ns", staticmethod(lambda: time.time_ns() + ahead_ns[0]))
    with scene(0, 0.0, "asked", "nothing", None, step) as (key, seen):
        assert run(["check"]) == 0
    assert (key.accepted, len(seen.nonces)) == (2, 2)
    assert max(seen.nonces) <= time.time_ns() // 10**6 + 2000


def test_sources_that_all_contradict_each_other_still_prove_a_clock_ahead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the lowest of them: a nonce from too early harms nobody."""
    with (
        SandboxNtpServer() as one,
        SandboxNtpServer(offset_s=3600) as other,
        scene(0, DAY_S, "silent", "nothing", None) as (_key, seen),
    ):
        run(["check", "--ntp-server", one.address, "--ntp-server", other.address])
    assert seen.nonces
    assert all(nonce <= now(NonceUnit.MS, 2 - DAY_S) for nonce in seen.nonces)


def test_nothing_is_sent_behind_the_back_of_a_run_that_has_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The deadline passed before the clock was known: in a watch, threads of that round live on."""
    asked, ended, given_up = threading.Event(), threading.Event(), threading.Event()
    ask, call = TimeServers.ask, AccountSession.call

    def held(self: TimeServers, server: str, timeout_s: float) -> TimeSample:
        asked.set()
        ended.wait()
        return ask(self, server, timeout_s)

    def watched(self: AccountSession, endpoint: str) -> Reply:
        try:
            return call(self, endpoint)
        finally:
            given_up.set()

    monkeypatch.setattr(TimeServers, "ask", held)
    monkeypatch.setattr(AccountSession, "call", watched)
    with scene(0, DAY_S, "asked", "nothing", None) as (_key, seen):
        assert run(["check", "--deadline", "1"]) == 3
        assert asked.is_set()
        assert given_up.wait(60)
        ended.set()
    assert seen.nonces == []


@pytest.mark.parametrize("since_1970_s", [2_700, 4 * DAY_S])
def test_a_clock_that_begins_in_1970_makes_no_finer_unit_of_the_times_of_today(
    since_1970_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """A board without a battery: by its clock the milliseconds of its bot's calls would be nanoseconds."""
    behind_s = time.time() - since_1970_s
    with pytest.MonkeyPatch.context() as patched, scene(0, 0.0, "asked", "accepted_ms", None) as (key, seen):
        patched.setattr(
            "kraken_doctor.clock.SystemClock.now_ns", staticmethod(lambda: time.time_ns() - round(behind_s * 1e9))
        )
        assert run(["check"]) == 0
    assert key.accepted == len(seen.nonces) == 2
    assert max(seen.nonces) <= time.time_ns() // 10**6
    assert "nanoseconds" not in capsys.readouterr().out
