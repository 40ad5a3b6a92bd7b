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
from itertools import count
from pathlib import Path

from kraken_doctor.botlog.prefilter import needles
from tests.botlog.logs import line, refused, worked

_MEGABYTES = 160
_RUNS = 3


def heartbeats() -> Iterator[str]:
    """freqtrade at rest."""
    said = "- freqtrade.worker - INFO - Bot heartbeat. PID=1, version='2026.9', state='RUNNING'"
    yield from (line(60.0 * n, said) for n in count())


def ticks() -> Iterator[str]:
    """A bot that prints each tick; no two lines are alike, digits aside or not."""
    said = "INFO [Thread-{}] tick {:x} pair=XBTUSD bid={} ask={} spread ok, position as it was"
    yield from (line(n / 10, said.format(n % 4, n * 2654435761 % 2**32, 90_000 + n, 90_001 + n)) for n in count())


def calls() -> Iterator[str]:
    """A call every ten seconds, a refused nonce every hundred, ticks between."""
    for n, tick in enumerate(ticks()):
        yield tick
        yield worked(n / 10) if n % 100 == 50 else refused(n / 10, who="[Thread-2]") if n % 1000 == 999 else ""


def tenth() -> Iterator[str]:
    """Each tenth line an error, ticks between."""
    for n, tick in enumerate(ticks()):
        yield tick if n % 10 else refused(n / 10, _CALLS[n // 10 % 3])


def refusals() -> Iterator[str]:
    """Nothing but errors, one line each."""
    yield from (refused(5.0 * n) for n in count())


def numbered() -> Iterator[str]:
    """Nothing but errors, one line each: the call, the nonce and the id of an order are others in each."""
    said = "ERROR {} failed: EAPI:Invalid nonce nonce={} order=O{:05X}-{:05X}-{:06X} after {:.3f} s, attempt {}"
    for n in count():
        hashed = n * 2654435761 % 2**32
        numbers = (1_795_392_000_000 + n * 5000, hashed % 0xFFFFF, hashed % 0xFFFF1, hashed % 0xFFFFF3, n % 997 / 300)
        yield line(5.0 * n, said.format(_CALLS[n % 3], *numbers, n % 3 + 1))


def tracebacks() -> Iterator[str]:
    """Nothing but errors, thirty lines each."""
    for n in count():
        error = (
            "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='api.kraken.com', port=443): Read timed out.\n"
        )
        yield line(5.0 * n, "ERROR Balance failed") + _TRACEBACK + _FRAME.format(384) * 14 + error


def other_tracebacks() -> Iterator[str]:
    """The same, each with its own text: the call, the order's id, the address of an object."""
    said = (
        "urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='api.kraken.com', port=443): Max retries exceeded "
    )
    for n in count():
        url, address = (
            f"/0/private/{_CALLS[n % 3]}?order=O{n * 7919 % 0xFFFFF:05X}-ABCDE-FGHIJK",
            n * 2654435761 % 2**40,
        )
        why = (
            f"with url: {url} (Caused by ReadTimeoutError('<urllib3.HTTPSConnection object at 0x7f{address:010x}>'))\n"
        )
        frames = "".join(_FRAME.format(300 + 7 * number + n % 3) for number in range(14))
        yield line(5.0 * n, f"ERROR {_CALLS[n % 3]} failed") + _TRACEBACK + frames + said + why


_CALLS = ("Balance", "OpenOrders", "AddOrder")
_TRACEBACK = "Traceback (most recent call last):\n"
_FRAME = '  File "/usr/lib/python3/dist-packages/urllib3/connectionpool.py", line {}, in _make_request\n    raise e\n'

LOGS: dict[str, Callable[[], Iterator[str]]] = {
    "heartbeats": heartbeats, "ticks": ticks, "calls": calls, "tenth": tenth, "refusals": refusals,
    "numbered": numbered, "tracebacks": tracebacks, "other-tracebacks": other_tracebacks,
}  # fmt: skip


def write(path: Path, log: str, megabytes: float) -> float:
    """Write a log of about that size, and return its size in MB."""
    size = 0
    with path.open("wb") as stream:
        for text in LOGS[log]():
            size += stream.write(text.encode())
            if size >= megabytes * 1_000_000:
                break
    return size / 1e6


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
            size_mb = write(path, log, megabytes)
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
