"""
How fast `kraken-doctor logs` reads logs as bots write them, with google-re2 and without, against `grep`.

    python -m benchmarks.logs [MEGABYTES]

CPU time of whole processes, starting up included; grep counts the lines with the same needles, case ignored.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from kraken_doctor.botlog.prefilter import needles
from tests.botlog.logs import line, refused, worked

_MEGABYTES = 160
_RUNS = 3


def heartbeat() -> Iterator[str]:
    """freqtrade at rest."""
    said = "- freqtrade.worker - INFO - Bot heartbeat. PID=1, version='2026.9', state='RUNNING'"
    yield from (line(60.0 * n, said) for n in range(1000))


def ticks() -> Iterator[str]:
    """A bot that prints each tick; no two lines are alike."""
    said = "INFO [Thread-{}] tick {} pair=XBTUSD bid={} ask={} spread ok, position as it was"
    yield from (line(n / 10, said.format(n % 4, f"{n * 7919:x}", 90_000 + n, 90_001 + n)) for n in range(1000))


def calls() -> Iterator[str]:
    """A call every ten seconds, a refused nonce every hundred, ticks between."""
    for n, tick in enumerate(ticks()):
        yield tick
        yield worked(n / 10) if n % 100 == 50 else refused(n / 10, who="[Thread-2]") if n == 999 else ""


def refusals() -> Iterator[str]:
    """Nothing but errors, one line each."""
    yield from (refused(5.0 * n) for n in range(1000))


def tracebacks() -> Iterator[str]:
    """Nothing but errors, thirty lines each."""
    frame = (
        '  File "/usr/lib/python3/dist-packages/urllib3/connectionpool.py", line 384, in _make_request\n    raise e\n'
    )
    error = "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='api.kraken.com', port=443): Read timed out.\n"
    for n in range(200):
        yield line(5.0 * n, "ERROR Balance failed") + "Traceback (most recent call last):\n" + frame * 14 + error


LOGS: dict[str, Callable[[], Iterator[str]]] = {
    "heartbeats": heartbeat, "ticks": ticks, "calls": calls, "tracebacks": tracebacks, "refusals": refusals,
}  # fmt: skip
SLOW = ("tracebacks", "refusals")
"""Full of trouble: a tenth of the size is enough."""


def write(path: Path, log: str, megabytes: int) -> float:
    """Write a log of about that size, and return its size in MB."""
    data = "".join(LOGS[log]()).encode()
    with path.open("wb") as stream:
        while stream.tell() < megabytes * 1_000_000:
            stream.write(data)
        return stream.tell() / 1e6


def cpu_s(command: list[str]) -> float:
    """Seconds of CPU time that *command* takes, in user and kernel."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print the table."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else _MEGABYTES
    pure = "import sys; sys.modules['re2'] = None; from kraken_doctor.cli.main import run; sys.exit(run(sys.argv[1:]))"
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, least CPU time of {_RUNS} runs, MB/s\n")
    print("| log | MB | with google-re2 | without | grep, the same needles |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        patterns = Path(folder) / "needles"
        patterns.write_bytes(b"\n".join(needles()))
        for log in LOGS:
            path = Path(folder) / "bot.log"
            size_mb = write(path, log, megabytes // 10 if log in SLOW else megabytes)
            logs = ["logs", "--fail-on", "never", "-o", "short", str(path)]
            commands = (
                [sys.executable, "-m", "kraken_doctor", *logs],
                [sys.executable, "-c", pure, *logs],
                ["sh", "-c", 'grep -ciFf "$1" "$2" | cat', "sh", str(patterns), str(path)],
            )
            speeds = [size_mb / min(cpu_s(command) for _ in range(_RUNS)) for command in commands]
            print(f"| {log} | {size_mb:.0f} | " + " | ".join(f"{speed:.0f}" for speed in speeds) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
