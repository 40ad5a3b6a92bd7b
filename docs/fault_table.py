"""
Writes docs/fault-table.md: every fault of the lab, and what the doctor says of it in a real run.

    python -m docs.fault_table
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kraken_doctor.sandbox.faults import SECTIONS
from kraken_doctor.sandbox.faults.base import Fault

PAGE = Path(__file__).with_name("fault-table.md")
USER = "USER:daivon_frazier"

_HEAD = """# Faults, and what the doctor says

Each row is a run of `kraken-doctor check --sandbox --fault NAME`: the embedded exchange, or the host that the doctor
believes itself on, has the fault, and the rules judge nothing but the evidence. Made by `python -m docs.fault_table`; a
test makes every run again and compares.

"all well" in the last section is the point of it: what is odd there must raise no alarm.
"""

_COLUMNS = "| fault | what is wrong | the doctor says | exit | what to do |\n|---|---|---|---|---|"


def arguments(fault: Fault) -> list[str]:
    """The command line that shows *fault*."""
    return fault.command.split() if fault.command else ["check", "--sandbox", "--fault", fault.name]


def named_first(fault: Fault, report: dict[str, Any]) -> dict[str, Any] | None:
    """The first diagnosis of the scope in which the fault is; the others are about accounts that are in order."""
    scope = None if fault.of_run or fault.command else USER
    return next((found for found in report["diagnoses"] if found["account"] == scope), None)


def row(fault: Fault, report: dict[str, Any], status: int) -> str:
    """The table's line for one run."""
    found = named_first(fault, report)
    if found is None:
        said, step = "all well", ""
    else:
        said = f"`{found['cause']}` ({found['severity']}, {found['confidence']})"
        step = re.sub(r"^Wait \d+ s,", "Wait (so many seconds),", found["remedy"]["text"])
    return f"| `{fault.name}` | {fault.title} | {said} | {status} | {step} |"


def page() -> str:
    """Run each fault in a process of its own, as a user would, and return the whole page."""
    parts = [_HEAD]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, section in SECTIONS.items():
            parts += [f"\n## {name}\n", _COLUMNS]
            runs = pool.map(_run, map(arguments, section))
            parts += [row(fault, *ended) for fault, ended in zip(section, runs, strict=True)]
    return "\n".join(parts) + "\n"


def _run(arguments: list[str]) -> tuple[dict[str, Any], int]:
    quick = ("--timeout", "0.4") if "check" in arguments else ()  # what does not answer is not waited for
    command = [sys.executable, "-m", "kraken_doctor", "--no-env-file", *arguments, *quick, "-o", "json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return json.loads(ended.stdout), ended.returncode


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
