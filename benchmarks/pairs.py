"""Whole commands, timed in turn: A B A B …, so that the machine's moods meet both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

Command = Sequence[str]


def seconds(command: Command, environ: Mapping[str, str]) -> float:
    """Wall-clock seconds of one run, start-up included; a command that fails ends the benchmark."""
    # An installed package has its byte code; a checkout gets it in the warm-up, unless this forbids it.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run(command, env={**inherited, **environ}, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def compare(
    name: str, ours: Command, peer: Command, *, limit: float, runs: int, environ: Mapping[str, str] | None = None
) -> bool:
    """Print one row of the table; whether the median ratio is within *limit*."""
    variables = environ or {}
    for command in (ours, peer):
        seconds(command, variables)  # warm-up: byte code and file cache
    pairs = [(seconds(ours, variables), seconds(peer, variables)) for _ in range(runs)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    within = ratio <= limit
    verdict = "within" if within else "OVER"
    print(f"| {name} | {mine * 1000:.0f} ms | {other * 1000:.0f} ms | {ratio:.2f} | {limit:.2f} | {verdict} |")
    return within


def header(runs: int) -> None:
    """The table's head."""
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, median of {runs} pairs\n")
    print("| what | ours | peer | ratio | limit | |\n|---|---|---|---|---|---|")
