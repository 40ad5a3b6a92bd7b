"""The live view, as it stands on a real terminal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kraken_doctor import __version__
from kraken_doctor.cli.live import LiveView
from kraken_doctor.doctor.plan import Plan
from kraken_doctor.doctor.progress import RunTracker
from kraken_doctor.model.account import Account
from kraken_doctor.model.findings import CheckResult, Outcome
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, refusal
from tests.clocks import ManualClock
from tests.conftest import Run
from tests.terminal import terminal

pytestmark = pytest.mark.slow

ACCOUNTS = tuple(Account(label=f"USER:{n}", key_variable="K", secret_variable="S") for n in "abc")


@pytest.fixture
def environ(server: SandboxServer, key: Key) -> dict[str, str]:
    """A person's shell."""
    return os.environ | {
        "KRAKEN_SPOT_URL": server.url, "KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret,
        "TERM": "xterm-256color", "PYTHONUTF8": "1", "CI": "",
    }  # fmt: skip


@pytest.fixture
def gate(exchange: Exchange) -> Iterator[threading.Event]:
    """Private calls are not answered before it is set."""
    opened = threading.Event()

    def hold(request: Request) -> Response | None:
        if "private" in request.path:
            exchange.lock.release()  # others are answered meanwhile
            opened.wait(60)
            exchange.lock.acquire()
        return None

    exchange.interceptors.append(hold)
    yield opened
    opened.set()


def test_it_shows_what_is_done_and_is_gone_with_the_result(environ: dict[str, str], gate: threading.Event) -> None:
    """For which account and for how long; then the page alone, and the cursor never hidden."""
    with terminal("check", environ=environ, lines=40) as screen:
        shown = screen.until(lambda shown: "authentication 1 s" in shown)
        assert "Checking http://127.0.0.1" in shown
        assert "MASTER  authentication 1 s" in shown
        gate.set()
        assert screen.end() == 0
        assert screen.shown.startswith(f"kraken-doctor {__version__}")
        assert "USD Balance: $100.00" in screen.shown
        assert "Checking" not in screen.shown
        assert b"\x1b[?25l" not in screen.written


def test_ctrl_c_leaves_nothing_of_it(environ: dict[str, str], gate: threading.Event) -> None:
    """What was learned until then stands where the view was."""
    with terminal("check", environ=environ, lines=40) as screen:
        screen.until(lambda shown: "MASTER  authentication" in shown)
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 130
        assert screen.shown.startswith(f"kraken-doctor {__version__}")
        assert "not finished before the interruption" in screen.shown.replace("\n", " ")
        assert screen.shown.endswith("Interrupted: the report has the results so far.")
        assert b"\x1b[?25l" not in screen.written


def test_it_says_why_it_waits_and_when_it_goes_on(environ: dict[str, str], exchange: Exchange) -> None:
    """A retry, with the exchange's word and the seconds left."""
    exchange.interceptors.append(lambda request: refusal("EService:Busy") if "private" in request.path else None)
    with terminal("check", "--retry", "--retry-base", "30", environ=environ) as screen:
        shown = screen.until(lambda shown: "again in" in shown)
        assert "MASTER  authentication" in shown
        assert "EService:Busy, again in" in shown
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 130


def test_with_stdout_in_a_file_the_view_is_still_there(
    environ: dict[str, str], gate: threading.Event, tmp_path: Path
) -> None:
    """And the file has the report alone."""
    with (tmp_path / "out").open("w") as out, terminal(
        "check", "-o", "short", environ=environ, stdout=out.fileno()
    ) as screen:  # fmt: skip
        screen.until(lambda shown: "MASTER  authentication" in shown)
        gate.set()
        assert screen.end() == 0
        assert screen.shown == ""
    assert (tmp_path / "out").read_text().startswith(f"kraken-doctor {__version__} check: pass")
    assert "\x1b" not in (tmp_path / "out").read_text()


@pytest.mark.parametrize("changed", [{"TERM": "dumb"}, {"TERM": ""}, {"CI": "true"}, {"quiet": "1"}])
def test_no_view_where_nobody_looks(environ: dict[str, str], changed: dict[str, str]) -> None:
    """A terminal that can't take anything back, a CI runner's, or one that was asked to be quiet."""
    quiet = ["-q"] if changed.pop("quiet", "") else []
    with terminal(*quiet, "check", "-o", "json", environ=environ | {"FORCE_COLOR": "1"} | changed) as screen:
        assert screen.end() == 0
        assert b"Checking" not in screen.written
        assert b"\x1b" not in screen.written


def test_no_view_in_a_pipe_whatever_is_forced(
    doctor: Run, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORCE_COLOR is about colour: a log must not fill with frames."""
    for name in ("KRAKEN_SPOT_URL", "KRAKEN_MASTER_API_KEY", "KRAKEN_MASTER_API_SECRET", "TERM"):
        monkeypatch.setenv(name, environ[name])
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    assert doctor("check").stderr == ""


def test_a_usage_error_is_folded_between_words(environ: dict[str, str]) -> None:
    """In a pipe it is one line; a person's terminal would break it anywhere."""
    for name in ("KRAKEN_MASTER_API_KEY", "KRAKEN_MASTER_API_SECRET"):
        del environ[name]
    with terminal("balances", environ=environ, columns=120) as screen:
        assert screen.end() == 2
        lines = screen.shown.split("\n")
        assert lines[0].startswith("Error: no account is configured; searched: environment")
        assert len(lines) >= 2
        assert all(line.startswith("  ") for line in lines[1:])
        assert "check --sandbox" in " ".join(screen.shown.split())


# What the view knows, without a terminal.


def watched(plan: Plan) -> tuple[RunTracker, ManualClock]:
    clock = ManualClock()
    watcher = RunTracker(clock)
    watcher.begin(plan, "https://api.kraken.com")
    return watcher, clock


def ended(check: str, account: str | None) -> CheckResult:
    return CheckResult(id=check, account=account, outcome=Outcome.PASS, summary="")


def failed(check: str, account: str | None) -> CheckResult:
    return CheckResult(id=check, account=account, outcome=Outcome.FAIL, summary=f"{check} failed")


def test_a_watcher_knows_what_is_under_way() -> None:
    """In the order of the plan, with what a check waits for; a finished one is counted."""
    watcher, clock = watched(Plan(accounts=ACCOUNTS, jobs=2))
    watcher.observe("authentication", "USER:b", None)
    watcher.observe("path", None, None)
    clock.step(2)
    watcher.observe("authentication", "USER:a", None)
    now = watcher.progress()
    assert [(a.check, a.account, a.since_s, a.waits_for) for a in now.activities] == [
        ("path", None, 0.0, ()), ("authentication", "USER:a", 2.0, ("path",)),
        ("authentication", "USER:b", 0.0, ("path",)),
    ]  # fmt: skip
    assert (now.done, now.planned, now.queued) == (0, 5 + 3 * 5, 1)
    watcher.observe("path", None, ended("path", None))
    now = watcher.progress()
    assert (now.done, now.activities[0].waits_for) == (1, ())


def test_a_watcher_knows_who_has_failed() -> None:
    """With what was seen first, until the next run begins."""
    watcher, _clock = watched(Plan(accounts=ACCOUNTS))
    for check, account in (("authentication", "USER:b"), ("balances", "USER:b"), ("path", None)):
        watcher.observe(check, account, None)
        watcher.observe(check, account, failed(check, account))
    watcher.observe("balances", "USER:a", ended("balances", "USER:a"))
    assert watcher.progress().failed == {"USER:b": "authentication failed", "path": "path failed"}
    watcher.begin(Plan(accounts=ACCOUNTS), "x")
    assert watcher.progress().failed == {}


def test_a_wait_ends_when_it_is_over_or_the_check_is() -> None:
    """A turn that was never given must not be shown for ever."""
    watcher, _clock = watched(Plan(accounts=ACCOUNTS))
    watcher.observe("balances", "USER:a", None)
    watcher.wait("USER:a", "EService:Busy, again in", 5)
    (activity,) = watcher.progress().activities
    assert activity.waiting is not None
    assert activity.waiting.seconds == 5
    watcher.wait("USER:a", "", 0)
    assert watcher.progress().activities[0].waiting is None
    watcher.wait("USER:a", "x", 5)
    watcher.observe("balances", "USER:a", ended("balances", "USER:a"))
    watcher.observe("nonce", "USER:a", None)
    assert watcher.progress().activities[0].waiting is None


def test_a_new_run_begins_anew() -> None:
    """`watch` makes many: what an earlier one left behind is not under way."""
    watcher, _clock = watched(Plan(accounts=ACCOUNTS))
    watcher.observe("balances", "USER:a", None)
    watcher.begin(Plan(accounts=ACCOUNTS), "x")
    assert (watcher.progress().activities, watcher.progress().queued) == ((), 3)


def test_the_wait_for_a_turn_is_told() -> None:
    """Only for as long as another call has it; and the store does what it does."""
    watcher, _clock = watched(Plan(accounts=ACCOUNTS))
    watcher.observe("balances", "USER:a", None)
    seen = []
    real = open_store("memory://")
    store = watcher.turns(real, "USER:a")

    def wait() -> None:
        with store.turn("k", 30):
            seen.append(watcher.progress().activities[0].waiting)

    with real.turn("k", 1):
        waiter = threading.Thread(target=wait)
        waiter.start()
        while watcher.progress().activities[0].waiting is None:
            assert waiter.is_alive()
        waiting = watcher.progress().activities[0].waiting
        assert waiting is not None
        assert waiting.reason.startswith("waits for another call of this key")
        assert waiting.seconds == 30
    waiter.join()
    assert seen == [None]
    assert store.advance("k", 7) == real.mark("k") == 7
    assert store.name == "memory"


def test_each_frame_takes_the_one_before_back() -> None:
    """One write a frame, so that nothing comes between; nothing where there was no frame."""
    written: list[str] = []
    view = LiveView(ManualClock(), written.append, lambda: (80, 24))
    with view:
        view.begin(Plan(accounts=ACCOUNTS), "x")
        view.observe("path", None, None)
        view._draw()
    assert written[0].count("\n") == 2
    assert written[1].startswith("\r\x1b[2A\x1b[JChecking")
    assert written[-1] == "\r\x1b[3A\x1b[J"
    before = list(written)
    view._draw()
    assert written == before, "after its end it draws nothing, whichever thread asks"
    with LiveView(ManualClock(), written.append, lambda: (80, 24)):
        pass
    assert written == before
