"""Every fault of network and clock, met by the real command line; and limits that hold in each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from benchmarks.network_faults import GRACE_S, command, environment, missing, run
from tests.network import namespace
from tests.network.scenes import FAULTS, HANGING, RESOLVER, Fault, hanging, staged

TIMEOUT_S, DEADLINE_S = 1.0, 5.0
"""Half of what the benchmark allows, since most of it is waited for."""


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_the_cause_is_named_in_time(fault: Fault, tmp_path: Path) -> None:
    """What is wrong comes first; what is not wrong is not named; and nobody waits beyond the deadline."""
    if lacking := missing(fault):
        pytest.skip(f"needs {lacking}")
    with staged(fault, tmp_path) as case:
        made = run(case, timeout_s=TIMEOUT_S, deadline_s=DEADLINE_S)
    assert (made.cause, made.severity) == (fault.cause, fault.severity), made.report["diagnoses"]
    assert made.seconds <= DEADLINE_S + GRACE_S
    assert made.status == {"fail": 1, "warn": 0, "": 0}.get(fault.severity, made.status)
    assert made.stderr == ""
    assert "sesame" not in json.dumps(made.report)


def test_every_cause_of_the_way_has_a_scene() -> None:
    """Those of the catalogue's section, and of the clock."""
    from kraken_doctor.diagnosis.causes import SECTIONS

    way = {cause.id for cause in SECTIONS["The connection to the exchange"]}
    clock = {cause.id for cause in SECTIONS["This host"] if cause.id.startswith("clock-")}
    assert way | clock == {fault.cause for fault in FAULTS} - {""}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in HANGING if name != RESOLVER or namespace.available()])
def test_the_deadline_ends_what_a_call_may_still_wait_for(name: str, tmp_path: Path) -> None:
    """A limit of an hour for a call, of two seconds for the run: no verdict, and what was learned."""
    with hanging(name, tmp_path) as case:
        made = run(case, timeout_s=3600, deadline_s=2)
    assert made.status == 3
    outcomes = {check["id"]: check["outcome"] for check in made.report["checks"]}
    assert (outcomes["path"], outcomes["authentication"]) == ("inconclusive", "inconclusive")
    assert made.seconds < 20, "a bound for a slow machine; the table of the benchmark has the figure"


@pytest.mark.posix("signals")
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in HANGING if name != RESOLVER or namespace.available()])
def test_ctrl_c_ends_what_hangs(name: str, tmp_path: Path) -> None:
    """Status 130, one document with what was learned, and no traceback."""
    met = threading.Event()
    with hanging(name, tmp_path, met) as case:
        process = subprocess.Popen(
            command(case, timeout_s=3600, deadline_s=3600), env=environment(case), start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert met.wait(30)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, json.loads(stdout)["exit_status"]) == (130, 130)
    assert stderr == "Interrupted: the report has the results so far.\n"
    outcomes = {check["id"]: check["outcome"] for check in json.loads(stdout)["checks"]}
    assert outcomes["path"] == outcomes["authentication"] == "inconclusive"
