"""Side by side, and never in the way of the process's end."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from kraken_doctor import parallel


def test_results_come_in_the_order_of_the_jobs() -> None:
    """Whichever finishes first."""
    futures = parallel.start([lambda n=n: n * n for n in range(20)], workers=4)  # type: ignore[misc]
    assert [future.result(timeout=5) for future in futures] == [n * n for n in range(20)]


def test_no_more_at_once_than_workers() -> None:
    """The third job waits for one of the first two."""
    inside, most, lock, gate = [0], [0], threading.Lock(), threading.Barrier(2)

    def job() -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        gate.wait(5)
        with lock:
            inside[0] -= 1

    for future in parallel.start([job] * 6, workers=2):
        future.result(timeout=5)
    assert most[0] == 2


def test_an_exception_goes_to_whoever_waits() -> None:
    """And the other jobs go on."""

    def fail() -> int:
        raise LookupError("gone")

    failed, fine = parallel.start([fail, lambda: 1], workers=1)
    with pytest.raises(LookupError):
        failed.result(timeout=5)
    assert fine.result(timeout=5) == 1


def test_a_job_that_hangs_does_not_keep_the_process() -> None:
    """What a ThreadPoolExecutor would wait for at exit."""
    code = "import threading; from kraken_doctor import parallel; parallel.start([threading.Event().wait], workers=1)"
    subprocess.run([sys.executable, "-c", code], timeout=20, check=True)
