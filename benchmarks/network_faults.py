"""
Every fault of the network and the clock, met by the real command line: the cause it names, and how long it takes.

    python -m benchmarks.network_faults [--write | WORD IN A FAULT'S NAME]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.network import namespace
from tests.network.scenes import API_KEY, FAULTS, HANGING, RESOLVER, SECRET, Case, Fault, hanging, staged

TIMEOUT_S, DEADLINE_S = 2.0, 10.0
GRACE_S = 0.5
"""What a run may take beyond its deadline."""

_ANOTHERS = ("PROXY", "CA_BUNDLE", "SSL_CERT", "KRAKEN")


class Run(NamedTuple):
    """One run of the command."""

    status: int
    report: dict[str, Any]
    seconds: float
    stderr: str

    @property
    def cause(self) -> str:
        """What was named first."""
        found = self.report["diagnoses"]
        return next((d["cause"] for d in found if d["primary"]), found[0]["cause"] if found else "")

    @property
    def severity(self) -> str:
        """Of that."""
        return next((d["severity"] for d in self.report["diagnoses"] if d["cause"] == self.cause), "")


def missing(fault: Fault) -> str:
    """What the scene needs and this system does not have."""
    if fault.needs == "faketime" and shutil.which("faketime") is None:
        return "faketime"
    return "namespaces" if fault.needs == "namespace" and not namespace.available() else ""


def run(case: Case, *, timeout_s: float = TIMEOUT_S, deadline_s: float = DEADLINE_S) -> Run:
    """The command in *case*, from its start to its end as a user's watch would have it."""
    line = command(case, timeout_s=timeout_s, deadline_s=deadline_s)
    began = time.monotonic()
    ended = subprocess.run(line, env=environment(case), capture_output=True, text=True, check=False)
    seconds = float(case.took.read_text()) if case.took else time.monotonic() - began
    return Run(ended.returncode, json.loads(ended.stdout), seconds, ended.stderr)


def command(case: Case, *, timeout_s: float, deadline_s: float) -> list[str]:
    """The command line of a run."""
    return [
        *case.prefix, sys.executable, "-m", "kraken_doctor", "--no-env-file", "check", "--output", "json", "--master",
        "--timeout", str(timeout_s), "--deadline", str(deadline_s), "--api-url", case.url, *case.arguments,
    ]  # fmt: skip


def environment(case: Case) -> dict[str, str]:
    """The command's variables: none of the developer's own that would change the way."""
    inherited = {
        name: value for name, value in os.environ.items() if not any(word in name.upper() for word in _ANOTHERS)
    }
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    keys = {"KRAKEN_MASTER_API_KEY": API_KEY, "KRAKEN_MASTER_API_SECRET": SECRET, "KRAKEN_NONCE_STORE": "memory://"}
    keys["KRAKEN_NONCE_UNIT"] = "ms"  # else the note about a unit that is not declared is part of each run
    # The wrapper of a namespace runs from here.
    return {**inherited, "PYTHONPATH": str(Path(__file__).parent.parent), **keys, **case.environ}


def interrupted(name: str, folder: Path) -> tuple[int, float]:
    """Ctrl-C once the exchange hangs: exit status, and seconds from the signal to the end."""
    met = threading.Event()
    with hanging(name, folder, met) as case:
        process = subprocess.Popen(
            command(case, timeout_s=3600, deadline_s=3600), env=environment(case), start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        met.wait()
        time.sleep(0.5)  # until then everything else is done, and it hangs in earnest
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
        return process.returncode, time.monotonic() - began


class Table:
    """Two tables of Markdown, shown line by line as they grow, and kept; counts what is not as expected."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.wrong = 0

    def say(self, line: str = "") -> None:
        """Show and keep *line*."""
        print(line, flush=True)
        self.lines.append(line)

    def row(self, *cells: str, right: bool = True) -> None:
        """Show and keep a row."""
        self.wrong += not right
        self.say(f"| {' | '.join(cells)} |")

    def head(self, *titles: str) -> None:
        """The same for a table's head."""
        self.row(*titles)
        self.say("|---" * len(titles) + "|")


def faults(table: Table, wanted: str = "") -> None:
    """The first table: every fault whose name has *wanted* in it."""
    table.head("fault", "cause named first", "severity", "exit status", "seconds", "")
    longest = 0.0
    for fault in FAULTS:
        if wanted not in fault.name:
            continue
        if lacking := missing(fault):
            table.row(fault.name, "", "", "", "", f"needs {lacking}")
            continue
        with tempfile.TemporaryDirectory() as folder, staged(fault, Path(folder)) as case:
            made = run(case)
        right = (made.cause, made.severity) == (fault.cause, fault.severity) and made.seconds <= DEADLINE_S + GRACE_S
        longest = max(longest, made.seconds)
        verdict = "as expected" if right else f"EXPECTED {fault.cause or 'none'} {fault.severity}"
        cells = (fault.name, made.cause or "none", made.severity, str(made.status), f"{made.seconds:.2f}", verdict)
        table.row(*cells, right=right)
    table.say(f"\n{table.wrong} wrong; the longest run took {longest:.2f} s.")


def limits(table: Table) -> None:
    """The second table: what ends a run that would wait for an hour."""
    table.head("the exchange", "ended by", "exit status", "seconds late", "")
    for name in HANGING:
        if name == RESOLVER and not namespace.available():
            table.row(name, "", "", "", "needs namespaces")
            continue
        with tempfile.TemporaryDirectory() as folder:
            with hanging(name, Path(folder)) as case:
                made = run(case, timeout_s=3600, deadline_s=3)
            status, late = interrupted(name, Path(folder))
        for ended_by, code, expected, over in (
            ("--deadline 3", made.status, 3, made.seconds - 3),
            ("Ctrl-C", status, 130, late),
        ):
            right = code == expected and -GRACE_S <= over <= GRACE_S
            table.row(name, ended_by, str(code), f"{over:.2f}", "as expected" if right else "WRONG", right=right)


PAGE = Path(__file__).parent.parent / "docs" / "network-faults.md"

_INTRODUCTION = f"""\
# Network and clock faults, and the cause that the doctor names

Written by `python -m benchmarks.network_faults --write`, on Python {platform.python_version()}, {platform.system()}
and {os.cpu_count()} processors: do not edit. Each row is a run of `kraken-doctor check` against real servers
on loopback that have the fault; the seconds include the start of Python. "None" is correct if
nothing is wrong, or if no conclusion is possible.

## Which cause, and when

`--timeout {TIMEOUT_S:g} --deadline {DEADLINE_S:g}`
"""

_LIMITS = """
## What ends a run that would wait for an hour

`--timeout 3600`, and an exchange that hangs.
"""


def main() -> int:
    """Show the tables; status 1 when a cause is not the expected one, or a run is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"keep the tables in {PAGE.name}, for all faults")
    parser.add_argument("word", nargs="*", help="of the faults' names; all faults, and the limits, without it")
    options = parser.parse_args()
    wanted, table = " ".join(options.word), Table()
    if options.write and wanted:
        parser.error("--write is for all faults")
    table.say(_INTRODUCTION)
    faults(table, wanted)
    if not wanted:
        table.say(_LIMITS)
        limits(table)
    if options.write:
        PAGE.write_text("\n".join(table.lines) + "\n", encoding="utf-8")
    return 1 if table.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
