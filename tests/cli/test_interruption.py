"""Ctrl-C at the moments at which it would be lost."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.network_faults import command, environment
from kraken_doctor.terminal.interruption import Interruption
from tests.network.scenes import hanging

pytestmark = pytest.mark.slow


def test_it_is_raised_unless_held() -> None:
    """And remembered in both cases."""
    interruption = Interruption()
    with interruption.deferred():
        interruption.handle(signal.SIGINT, None)
        assert interruption.requested()
    with pytest.raises(KeyboardInterrupt):
        interruption.handle(signal.SIGINT, None)


def test_holding_within_holding() -> None:
    """Ends with the outer one."""
    interruption = Interruption()
    with interruption.deferred():
        with interruption.deferred():
            pass
        interruption.handle(signal.SIGINT, None)


def test_the_signal_is_heeded_for_a_while() -> None:
    """Whoever runs the command line in a process of their own gets their handler back."""
    interruption, before = Interruption(), signal.getsignal(signal.SIGTERM)
    with interruption.installed("SIGTERM"), interruption.deferred():
        signal.raise_signal(signal.SIGTERM)
    assert interruption.requested()
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_is_ignored_stays_ignored() -> None:
    """What a shell starts in the background must not end by another's Ctrl-C."""
    interruption, before = Interruption(), signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with interruption.installed("SIGTERM"):
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not interruption.requested()


def test_other_threads_have_no_signals() -> None:
    """The command line may run in one all the same."""
    done = []

    def heed() -> None:
        with Interruption().installed("SIGTERM"):
            done.append(True)

    thread = threading.Thread(target=heed)
    thread.start()
    thread.join()
    assert done


# The moment is found by what the main thread calls, since no timing would hit it. Where Python may not raise, it prints
# the exception and goes on; in the middle of a lock's own code it makes a RuntimeError of it.
AT_A_CALL = """
import os, signal, sys, weakref

class Referred: pass

def press():
    signal.raise_signal(signal.SIGINT)

def in_a_callback():
    referred = Referred()
    reference = weakref.ref(referred, lambda _: press())
    del referred

def watch(frame, event, argument):
    if frame.f_code.co_name == {function!r} and (event == "call") is {in_callback}:
        sys.settrace(None)
        in_a_callback() if {in_callback} else press()
    return watch

# From where the checks have begun; what is before it has nothing to hang in.
import kraken_doctor.doctor.runner
begin = kraken_doctor.doctor.runner.Runner.run

def run(self, meanwhile):
    sys.settrace(watch)
    return begin(self, meanwhile)

kraken_doctor.doctor.runner.Runner.run = run
from kraken_doctor.__main__ import main
main()
"""

AT_AN_IMPORT = """
import os, signal, sys

def watch(event, arguments):
    if event == "import" and arguments[0] == {module!r} and pressed.append(1) is None and len(pressed) == 1:
        signal.raise_signal(signal.SIGINT)

pressed = []
sys.addaudithook(watch)
from kraken_doctor.__main__ import main
main()
"""


def interrupted(program: str, folder: Path) -> tuple[int, str, str]:
    """Status, stdout and stderr of a run on an exchange that is silent; Ctrl-C is pressed by *program*."""
    with hanging("silent", folder) as case:
        line = command(case, timeout_s=3600, deadline_s=3600)
        line[line.index("-m") : line.index("-m") + 2] = ["-c", program]
        ended = subprocess.run(
            line, env=environment(case), capture_output=True, text=True, timeout=90, check=False, start_new_session=True
        )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("function", "in_callback"),
    [
        ("start", True),  # of a thread: callbacks are made for those that have ended
        ("wait", True),
        ("_acquire_restore", False),
    ],
)
def test_it_is_never_lost(function: str, in_callback: bool, tmp_path: Path) -> None:
    """The run ends with what was learned until then, and without a word about our insides."""
    program = AT_A_CALL.format(function=function, in_callback=in_callback)
    status, stdout, stderr = interrupted(program, tmp_path)
    assert (status, json.loads(stdout)["exit_status"]) == (130, 130)
    assert stderr.splitlines()[-1] == "Interrupted: the report has the results so far."
    assert "Traceback" not in stderr
    assert {check["id"] for check in json.loads(stdout)["checks"]} > {"path", "authentication"}


@pytest.mark.parametrize("module", ["click", "kraken_doctor.cli.main"])
def test_before_it_begins(module: str, tmp_path: Path) -> None:
    """Nothing is known, and nothing is said."""
    assert interrupted(AT_AN_IMPORT.format(module=module), tmp_path) == (130, "", "")


@pytest.mark.parametrize("module", ["kraken_doctor.cli.emit", "kraken_doctor.doctor.plan", "requests"])
def test_while_it_loads(module: str, tmp_path: Path) -> None:
    """Status 130, no traceback; one document, if any."""
    status, stdout, stderr = interrupted(AT_AN_IMPORT.format(module=module), tmp_path)
    assert status == 130
    assert stderr.strip() in ("Interrupted.", "Interrupted: the report has the results so far.")
    assert not stdout or json.loads(stdout)["exit_status"] == 130


# Where the locks of Python's imports are taken and given back. A line is not hit by chance: the trace counts them.
IN_AN_IMPORT = """
import os, signal, sys

lines = []

def watch(frame, event, argument):
    code = frame.f_code
    if not code.co_filename.startswith("<frozen importlib"):
        return None
    if event == "line" and code.co_name == {function!r}:
        lines.append(frame.f_lineno)
        if len(lines) == {line}:
            sys.settrace(None)
            signal.raise_signal(signal.{name})
    return watch

def begin(event, arguments):
    if event == "import" and arguments[0] == "kraken_doctor.nonce.stores":
        sys.settrace(watch)

sys.addaudithook(begin)
sys.argv[1:] = ["check", "--sandbox", "-o", "table"]
from kraken_doctor.__main__ import main
main()
"""


@pytest.mark.parametrize("function", ["_get_module_lock", "acquire", "release", "_find_and_load", "cb"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_it_leaves_no_lock_of_an_import_taken(function: str, name: str) -> None:
    """Raised there, it would leave every thread that imports anything waiting, for good: it comes a moment later."""
    for line in range(1, 8):
        program = IN_AN_IMPORT.format(function=function, line=line, name=name)
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=40, check=False)
        assert ended.returncode == 130, (line, ended.stderr)
        assert ended.stderr.strip() in ("Interrupted.", "Interrupted: the report has the results so far.")


@pytest.mark.timeout(600)
@pytest.mark.posix("signals sent to a process")
def test_no_moment_of_the_start_hangs() -> None:
    """SIGTERM at each of 150 moments of a run that takes half a second."""
    for moment in range(150):
        process = subprocess.Popen(
            [sys.executable, "-m", "kraken_doctor", "check", "--sandbox"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment * 0.004)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
        assert process.returncode in (0, 130, -signal.SIGTERM), stderr
        assert b"itself failed" not in stderr


def test_one_that_was_lost_in_a_callback_comes_again() -> None:
    """A callback's exception goes nowhere: what was pressed then is raised a moment later."""
    interruption = Interruption()
    with pytest.raises(KeyboardInterrupt), interruption.installed("SIGINT"):
        interruption.again()
        while True:
            time.sleep(0.01)


def test_one_that_was_put_off_is_not_sent_when_the_command_has_ended() -> None:
    """Whoever runs the command line in a process of their own must not be hit by it afterwards."""
    interruption = Interruption()
    with interruption.installed("SIGTERM"):
        pass
    interruption._resend(signal.SIGTERM)
    assert not interruption.requested()
