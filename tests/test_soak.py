"""The soak: its judge finds each kind of violation, and nothing where there is none; and it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS
from benchmarks.soak import Arrival, Strike, judge
from tests.redisserver import needs_redis

ROOT = Path(__file__).parents[1]
CHILDREN = {"bots", "exchanges", "soak_bots"}
"""Started by the others, as processes of their own."""


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


def test_nothing_excuses_a_nonce_that_falls() -> None:
    """Nor one that comes twice, nor a call that is said not to have been sent."""
    log = [arrival(2, 1.0), arrival(1, 2.0), arrival(1, 3.0)]
    assert len(judge(log, {"key": {2}}, [Strike(-1, 0.0, 9.0)]).violations) == 4


def test_one_command_makes_every_table() -> None:
    """A benchmark that nobody starts is not looked at."""
    modules = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if '__main__":' in path.read_text()}
    assert modules - CHILDREN - {"__main__"} == set(PARTS)


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
