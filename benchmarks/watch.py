"""
A day of `watch`, simulated: 1,440 rounds a minute apart, with a failure now and then; what the process holds.

    python -m benchmarks.watch [ROUNDS]

The rounds are real calls over HTTP to an exchange in a process of its own; the minutes between them are not waited.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import SupportsIndex

import click

from kraken_doctor.checks.catalogue import CATALOGUE
from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.watch_loop import WatchLoop
from kraken_doctor.clock import SystemClock
from kraken_doctor.doctor.history import RunHistory
from kraken_doctor.doctor.ticker import Ticker
from kraken_doctor.doctor.verdict import FailOn
from kraken_doctor.render import phrases
from kraken_doctor.terminal.output import Output

DAY = 1_440
STEPS = 8
"""How often what is held is measured."""

WARM_UP = 30
"""Rounds before the first measurement: what start-up loads is no growth."""

_EXCHANGE = """
import json, sys, time
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.messages import refusal
from kraken_doctor.sandbox.scenarios import healthy

made = healthy()

def now_and_then(request):
    made.exchange.requests.clear()
    if "Balance" in request.path and int(time.time() * 2) % 7 == 0:
        return refusal("EService:Busy")

made.exchange.interceptors.append(now_and_then)
with SandboxServer(made.exchange) as server:
    print(json.dumps({"KRAKEN_SPOT_URL": server.url, **made.environ}), flush=True)
    sys.stdin.read()
"""


class WithoutWaiting(SystemClock):
    """The real clock, on which the minutes between the rounds have passed at once."""

    def __init__(self) -> None:
        self._skipped_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped_s

    def sleep(self, seconds: SupportsIndex | float) -> None:
        self._skipped_s += float(seconds)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DAY
    with exchange() as environ, tempfile.TemporaryDirectory() as folder:
        environ |= {"KRAKEN_NONCE_STORE": f"sqlite:///{folder}/nonce.db"}
        clock = WithoutWaiting()
        app = App(environ=environ, output=Output(environ, quiet=True), clock=clock)
        app.adjust(no_env_file=True)
        watch = RunHistory(clock.monotonic(), phrases.verdict)
        ctx = click.Context(click.Command("watch"), obj=app)
        request = params.request("watch", CATALOGUE, {})
        print(f"{'rounds':>8} {'changes':>8} {'RSS, MiB':>9} {'traced, KiB':>12} {'threads':>8} {'files':>6}")
        held: list[float] = []
        for step in range(STEPS + 1):
            ticker = Ticker(clock, 60.0, count // STEPS if step else WARM_UP)
            WatchLoop(ctx, request, watch, ticker, FailOn.FAIL, view=None, notify=None).run()
            if step == 0:
                tracemalloc.start()
            gc.collect()
            held.append(rss_mib())
            files = len(list(Path("/proc/self/fd").iterdir()))
            traced = tracemalloc.get_traced_memory()[0] / 1024
            print(
                f"{watch.made:>8} {watch.changed:>8} {held[-1]:>9.1f} {traced:>12.0f}"
                f" {threading.active_count():>8} {files:>6}",
                flush=True,
            )
    half = len(held) // 2
    print(f"second half of the day: {held[-1] - held[half]:+.1f} MiB, ratio {held[-1] / held[half]:.3f}")


def rss_mib() -> float:
    """What the process holds of the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextlib.contextmanager
def exchange() -> Iterator[dict[str, str]]:
    """The demo's exchange in a process of its own, which refuses a balance now and then."""
    serving = subprocess.Popen(
        [sys.executable, "-c", _EXCHANGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert serving.stdout is not None
    try:
        yield json.loads(serving.stdout.readline())
    finally:
        serving.terminate()
        serving.wait()


if __name__ == "__main__":
    main()
