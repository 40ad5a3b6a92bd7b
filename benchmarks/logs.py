"""
How fast `kraken-doctor logs` reads, against two that read the same file: `grep -c -i`, and a bare Python loop.

    python -m benchmarks.logs [MEGABYTES]

A bot at work: a tick a tenth of a second, a call every ten seconds, a refused nonce every hundred.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import seconds
from tests.botlog.logs import line, refused, worked

_MEGABYTES = 200
_RUNS = 3


def write(path: Path, megabytes: int) -> int:
    """A log of about that size; its size in bytes."""
    ticks = "".join(
        line(
            n / 10,
            f"INFO [Thread-{n % 4}] tick pair=XBTUSD bid={90_000 + n} ask={90_001 + n} spread ok, position as it was",
        )
        for n in range(1000)
    )
    hundred_seconds = ticks + "".join(worked(10.0 * n) for n in range(10)) + refused(100, who="[Thread-2]")
    with path.open("wb") as stream:
        while stream.tell() < megabytes << 20:
            stream.write(hundred_seconds.encode())
        return stream.tell()


def main() -> int:
    """Print the table."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else _MEGABYTES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bot.log"
        size_mb = write(path, megabytes) / 1e6
        loop = "import sys\nfor line in open(sys.argv[1], 'rb'): pass"
        commands = {
            "kraken-doctor logs": [sys.executable, "-m", "kraken_doctor", "logs", "--fail-on", "never", str(path)],
            "python, a bare loop over the lines": [sys.executable, "-c", loop, str(path)],
            # Through a pipe: with /dev/null as output grep stops at the first match.
            "grep -c -i nonce": ["sh", "-c", 'grep -c -i nonce "$1" | cat', "sh", str(path)],
        }
        for command in commands.values():
            seconds(command, {})  # warm-up: byte code and file cache
        times = {name: [] for name in commands}  # type: dict[str, list[float]]
        for _ in range(_RUNS):
            for name, command in commands.items():
                times[name].append(seconds(command, {}))
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {size_mb:.0f} MB, median of {_RUNS} runs\n")
    print("| what | time | MB/s | ratio |\n|---|---|---|---|")
    ours = statistics.median(times["kraken-doctor logs"])
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(f"| {name} | {middle:.2f} s | {size_mb / middle:.0f} | {ours / middle:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
