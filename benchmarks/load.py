"""
Many accounts: how fast beside a bare krakenex script, and what a thousand cost.

    python -m benchmarks.load [ROUNDS | --quick]

Every process is one of its own, started anew; times are those of the whole process, from its start to its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.exchanges import environ_of

_SCRIPT = """
import os, krakenex
for name in sorted(os.environ):
    if name.endswith("_API_KEY") and name.startswith("KRAKEN_USER_"):
        api = krakenex.API(os.environ[name], os.environ[name[:-3] + "SECRET"])
        api.uri = os.environ["KRAKEN_SPOT_URL"]
        for method in METHODS:
            answer = api.query_private(method)
            assert not answer["error"], answer
        api.close()
"""

ACCOUNTS, LATENCY_S = 100, 0.05


class Took(NamedTuple):
    """One process, from start to end."""

    seconds: float
    cpu_s: float
    peak_mib: float
    files: int
    stdout: str
    seen: dict[str, Any]


@contextlib.contextmanager
def exchange(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The exchange's URL, and its process."""
    command = [sys.executable, "-m", "benchmarks.exchanges", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


def take(command: list[str], accounts: int, *served: str, tls: bool = False) -> Took:
    """Run *command* against an exchange of its own with so many *accounts*."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Path(folder) / "authority.pem"
        options = ["--accounts", str(accounts), *served, *(["--authority", str(authority)] if tls else [])]
        with exchange(*options) as (url, server):
            environ = {name: value for name, value in os.environ.items() if not name.startswith("KRAKEN")}
            environ |= environ_of(accounts) | {"KRAKEN_SPOT_URL": url, "XDG_STATE_HOME": folder}
            environ |= {"REQUESTS_CA_BUNDLE": str(authority)} if tls else {}
            environ.pop("PYTHONDONTWRITEBYTECODE", None)
            began = time.monotonic()
            with tempfile.TemporaryFile("w+") as stdout:
                process = subprocess.Popen(command, env=environ, cwd=folder, stdout=stdout)
                files = _watched(process.pid)
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                seconds = time.monotonic() - began
                stdout.seek(0)
                text = stdout.read()
            assert process.returncode == 0, text[-2000:]
            summary, _ = server.communicate("")
    cpu_s = usage.ru_utime + usage.ru_stime
    return Took(seconds, cpu_s, usage.ru_maxrss / 1024, max(files), text, json.loads(summary))


def _watched(pid: int) -> list[int]:
    """How many files the process has open, looked at as long as it runs."""
    counts = [0]

    def watch() -> None:
        with contextlib.suppress(OSError):
            while True:
                counts.append(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))
                time.sleep(0.005)

    threading.Thread(target=watch, daemon=True).start()
    return counts


def against_a_script(rounds: int) -> None:
    """The same private calls for each account: one after the other, and by the doctor."""
    print(
        f"{ACCOUNTS} accounts, {LATENCY_S * 1000:g} ms for a round trip (TCP, TLS and each answer take one); whole "
        f"processes, medians of {rounds}\n"
    )
    print("private calls each       | who                      |      s | times as fast | CPU s | MiB | files")
    doctor = [sys.executable, "-m", "kraken_doctor"]
    ours = {
        ("Balance",): [*doctor, "balances", "--no-ntp"],
        ("GetApiKeyInfo", "Balance"): [*doctor, "check", "--no-ntp"],
    }
    for methods, command in ours.items():
        script = [sys.executable, "-c", f"METHODS = {methods!r}\n{_SCRIPT}"]
        who = {"bare krakenex": script, f"{command[3]} --jobs 32": [*command, "--jobs", "32", "-o", "short"]}
        who[f"{command[3]} (default, 16 jobs)"] = [*command, "-o", "short"]
        taken: dict[str, list[Took]] = {name: [] for name in who}
        for _ in range(rounds):  # taking turns: what else the machine does meets them all
            for name, line in who.items():
                taken[name].append(take(line, ACCOUNTS, "--latency-s", str(LATENCY_S), tls=True))
        slowest = statistics.median(took.seconds for took in taken["bare krakenex"])
        for name, all_took in taken.items():
            assert all(took.seen["refused"] == 0 for took in all_took)
            assert {took.seen["private"] for took in all_took} == {ACCOUNTS * len(methods)}
            seconds, cpu_s, mib, files = (
                statistics.median(getattr(took, field) for took in all_took)
                for field in ("seconds", "cpu_s", "peak_mib", "files")
            )
            print(
                f"{' + '.join(methods):24} | {name:24} | {seconds:6.2f} | {slowest / seconds:13.1f} | {cpu_s:5.2f} "
                f"| {mib:3.0f} | {files:5.0f}"
            )


def a_thousand(numbers: tuple[int, ...]) -> None:
    """What grows with the accounts, and what does not; and whether the slow ones hold up the rest."""
    print(
        "\ncheck --jobs 64 -o short |      s | CPU s | MiB | files | public calls | private | refused | of a key at "
        "once"
    )
    for accounts in numbers:
        command = [sys.executable, "-m", "kraken_doctor", "check", "--no-ntp", "--jobs", "64", "-o", "short"]
        took = take([*command, "--deadline", "300"], accounts, "--latency-s", str(LATENCY_S))
        assert took.stdout.count(": pass, USD $100.00") == accounts, took.stdout[:500]
        seen = took.seen
        print(
            f"{accounts:5} accounts           | {took.seconds:6.2f} | {took.cpu_s:5.2f} | {took.peak_mib:3.0f} "
            f"| {took.files:5} | {seen['public']:12} | {seen['private']:7} | {seen['refused']:7} "
            f"| {seen['most_of_a_key_at_once']:16}"
        )
    slow = ["--slow", "4", "--slow-s", "3"]
    print("\n100 accounts, 16 jobs, 50 ms; four of them take 3 s for each answer:")
    for name, arguments in {"none slow": [], "four slow": slow}.items():
        command = [sys.executable, "-m", "kraken_doctor", "check", "--no-ntp", "-o", "json"]
        took = take(command, 100, "--latency-s", str(LATENCY_S), *arguments)
        seen = took.seen
        print(f"{name:10} the last fast account after {seen['last_fast_s']:5.2f} s, the last slow one after "
              f"{seen['last_slow_s']:5.2f} s")  # fmt: skip


if __name__ == "__main__":
    quick = "--quick" in sys.argv[1:]
    against_a_script(1 if quick else int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    a_thousand((1, 10) if quick else (1, 10, 100, 1000))
    print(f"\nlimit of open files: {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}")
