"""The soak: its judge finds each kind of violation, and nothing where there is none; and it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS
from benchmarks.hostclock import HostClock, libraries
from benchmarks.soak import Arrival, Ground, Strike, judge
from kraken_doctor import key_id, open_store
from kraken_doctor.model.call import NOT_SENT, CallRecord
from tests.redisserver import needs_redis

ROOT = Path(__file__).parents[1]
CHILDREN = {"bots", "exchanges", "soak_bots"}
"""Started by the others, as processes of their own."""

ALONE = {"mutation"}
"""Changes the code that it is about, so it runs in a clone."""


def arrival(nonce: int, began: float, *, ended: float = 0.0, error: str = "", door: int = 0) -> Arrival:
    return Arrival(began, ended or began + 0.5, "key", nonce, not error, error, door)


HEALTHY = [arrival(1, 1.0), arrival(2, 2.0), arrival(5, 3.0)]
REFUSED = "EAPI:Invalid nonce"


@pytest.mark.parametrize(
    ("log", "not_sent", "found"),
    [
        (HEALTHY, {4}, []),
        ([*HEALTHY, arrival(5, 4.0, error=REFUSED)], set(), ["repeated", "refused"]),
        ([*HEALTHY, arrival(5, 4.0)], set(), ["repeated", "fell"]),
        ([*HEALTHY, arrival(4, 4.0)], set(), ["fell"]),
        ([*HEALTHY, arrival(4, 4.0, error=REFUSED)], set(), ["refused"]),
        ([*HEALTHY, arrival(6, 3.4)], set(), ["two in flight"]),
        ([arrival(1, 1.0, ended=9.0), arrival(2, 2.0), arrival(3, 3.0)], set(), ["two in flight"] * 2),
        (HEALTHY, {2}, ["executed, and called not sent"]),
    ],
)
def test_the_judge_finds_what_is_wrong(log: list[Arrival], not_sent: set[int], found: list[str]) -> None:
    """Each planted violation, and it alone."""
    assert [line.partition(":")[0] for line in judge(log, {"key": not_sent}, []).violations] == found


def test_keys_are_judged_apart() -> None:
    """Two of them may be in flight at once, and count as they like."""
    assert not judge([*HEALTHY, arrival(1, 3.2)._replace(key="other")], {}, []).violations


@pytest.mark.parametrize(("door", "excused"), [(1, 1), (2, 0), (-1, 1)])
def test_what_a_killed_process_had_sent_is_counted_apart(door: int, excused: int) -> None:
    """It alone, and only where it can have to do with the kill."""
    log = [*HEALTHY, arrival(6, 3.4, door=1)]
    verdict = judge(log, {}, [Strike(door, 3.0, 4.0), Strike(1, 0.0, 0.5), Strike(0, 5.0, 6.0)])
    assert (len(verdict.violations), verdict.excused.total()) == (1 - excused, excused)


@pytest.mark.parametrize(("given_up", "excused"), [({"key": {4}}, 2), ({"key": {5}}, 1), ({"other": {4}}, 0)])
def test_what_comes_after_its_client_gave_up_is_counted_apart(given_up: dict[str, set[int]], excused: int) -> None:
    """It alone: it was on its way when the next call had its turn."""
    log = [*HEALTHY, arrival(4, 3.4, error=REFUSED)]
    verdict = judge(log, {}, [], given_up)
    assert (len(verdict.violations), verdict.excused.total()) == (2 - excused, excused)


def test_nothing_excuses_a_nonce_that_falls() -> None:
    """Nor one that comes twice, nor a call that is said not to have been sent."""
    log = [arrival(2, 1.0), arrival(1, 2.0), arrival(1, 3.0)]
    assert len(judge(log, {"key": {2}}, [Strike(-1, 0.0, 9.0)], {"key": {1, 2}}).violations) == 4


@pytest.mark.faketime
@pytest.mark.skipif(not any(libraries()), reason="no libfaketime on this machine")
def test_a_host_s_clock_steps_under_its_processes(tmp_path: Path) -> None:
    """Ahead and back, as they ask; what they wait by goes on, and they can wait."""
    clock = HostClock.found(tmp_path / "clock")
    assert clock, "one that is there works"
    program = """import benchmarks.hostclock, time
while input() == "?":
    time.sleep(1e-6)
    print(time.time(), time.monotonic(), flush=True)"""
    command = [sys.executable, "-c", program]
    environment = os.environ | clock.environment
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as asked:
        assert asked.stdin
        assert asked.stdout
        seen = []
        for offset in (0, 1800, -1800):
            clock.step(offset)
            print("?", file=asked.stdin, flush=True)
            seen.append([float(word) for word in asked.stdout.readline().split()])
        asked.stdin.write("\n")
    assert [round((now - seen[0][0]) / 100) for now, _ in seen] == [0, 18, -18]
    assert [round((now - seen[0][1]) / 100) for _, now in seen] == [0, 0, 0]


def test_what_the_audit_has_forgotten_is_judged(tmp_path: Path) -> None:
    """It keeps the last calls of a long soak; a lie of the first minute counts as well."""
    url = f"sqlite:///{tmp_path}/nonce.db"
    ground = Ground("ground", tmp_path, [url], [], keys=2)
    (key, _), _ = ground.keys
    ground.exchange.log.append(Arrival(1.0, 1.5, key, 7, accepted=True, error="", door=0))
    store = open_store(url)
    store.record(
        CallRecord(
            at_ns=1,
            key_id=key_id(key),
            unit="us",
            nonce=7,
            endpoint="Balance",
            outcome=NOT_SENT,
            latency_s=0,
            waited_s=0,
        )
    )
    ground.read_audit()
    for path in tmp_path.glob("*audit*"):
        path.unlink()
    assert not [*store.records()]
    assert [line.partition(":")[0] for line in ground.verdict().violations] == ["executed, and called not sent"]


def test_one_command_makes_every_table() -> None:
    """A benchmark that nobody starts is not looked at."""
    modules = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if '__main__":' in path.read_text()}
    assert modules - CHILDREN - ALONE - {"__main__"} == set(PARTS)


@needs_redis
@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.posix("SIGSTOP")
@pytest.mark.timeout(300)
def test_some_seconds_of_it() -> None:
    """Each ground has calls, and no violation."""
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.15"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "| Redis, Sentinel | 6 |" in ended.stdout
