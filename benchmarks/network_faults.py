"""
Every fault of the network and the clock, met by the real command line: the cause it names, and how long it takes.

    python -m benchmarks.network_faults [WORD IN A FAULT'S NAME]
"""

from __future__ import annotations

import json
import os
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


def limits() -> int:
    """Print the second table: what ends a run that would wait for an hour. How many rows are wrong."""
    print("\n--timeout 3600, and an exchange that hangs\n")
    print("| the exchange | ended by | exit status | seconds late | |\n|---|---|---|---|---|")
    wrong = 0
    for name in HANGING:
        if name == RESOLVER and not namespace.available():
            print(f"| {name} | | | | needs namespaces |")
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
            wrong += not right
            print(f"| {name} | {ended_by} | {code} | {over:.2f} | {'as expected' if right else 'WRONG'} |", flush=True)
    return wrong


def main() -> int:
    """Print the tables; status 1 when a cause is not the expected one, or a run is over its limit."""
    wanted = " ".join(sys.argv[1:])
    print(f"--timeout {TIMEOUT_S:g} --deadline {DEADLINE_S:g}\n")
    print("| fault | cause named first | severity | exit status | seconds | |\n|---|---|---|---|---|---|")
    wrong, longest = 0, 0.0
    for fault in FAULTS:
        if wanted not in fault.name:
            continue
        if lacking := missing(fault):
            print(f"| {fault.name} | | | | | needs {lacking} |")
            continue
        with tempfile.TemporaryDirectory() as folder, staged(fault, Path(folder)) as case:
            made = run(case)
        right = (made.cause, made.severity) == (fault.cause, fault.severity) and made.seconds <= DEADLINE_S + GRACE_S
        wrong, longest = wrong + (not right), max(longest, made.seconds)
        verdict = "as expected" if right else f"EXPECTED {fault.cause or 'none'} {fault.severity}"
        named = made.cause or "none"
        print(
            f"| {fault.name} | {named} | {made.severity} | {made.status} | {made.seconds:.2f} | {verdict} |", flush=True
        )
    print(f"\n{wrong} wrong; the longest run took {longest:.2f} s")
    if not wanted:
        wrong += limits()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
