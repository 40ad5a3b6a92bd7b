"""Processes that the doctor starts: they end with all that they have started, and import nothing from where it runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from kraken_doctor import child
from tests.conftest import Run
from tests.wine import skip_under_wine

pytestmark = pytest.mark.slow

SCRIPT = Path(sysconfig.get_path("scripts")) / "kraken-doctor"
SHADOWS = ("json", "random", "socket", "threading", "sqlite3", "requests", "krakenex", "kraken_doctor", "re", "click")


def is_running(process_id: int) -> bool:
    """Whether it is there, and no zombie."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(process_id: int) -> None:
    """Killed processes are gone when the kernel has got round to it; pytest-timeout ends what never comes."""
    assert sys.platform != "win32"
    while is_running(process_id):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)


# Modules of the working folder.


@pytest.fixture
def shadows() -> Path:
    """A folder with modules of well-known names; each leaves a file when it is imported. It is the working folder."""
    for name in SHADOWS:
        Path(f"{name}.py").write_text(f"open('imported-{name}', 'w').close()\nraise SystemExit('{name}')\n")
    Path("my_bot.py").write_text(
        "import json, random, socket, threading, time\n"
        "def nonce(last=[0], lock=threading.Lock()):\n"
        "    with lock:\n"
        "        last[0] = max(last[0] + 1, int(time.time() * 1e6))\n"
        "        return last[0]\n"
    )
    return Path.cwd()


def imported(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix("imported-") for path in folder.glob("imported-*"))


@pytest.mark.skipif(not SCRIPT.exists(), reason="the command is not installed beside this Python")
@pytest.mark.parametrize(
    "arguments", [["nonce", "-o", "json"], ["check", "--sandbox", "-o", "json"], ["version"], ["explain"], ["--help"]]
)
def test_the_command_imports_nothing_from_the_working_folder(shadows: Path, arguments: list[str]) -> None:
    """Nor does any process that it starts: whoever made the folder would have the keys."""
    ended = subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert (ended.returncode, imported(shadows)) == (0, []), ended.stderr


@pytest.mark.skipif(not SCRIPT.exists(), reason="the command is not installed beside this Python")
def test_a_target_is_imported_from_there_and_nothing_of_python_s_own(shadows: Path) -> None:
    """What the user named is theirs to run; a random.py beside it was not meant."""
    for name in ("requests", "krakenex", "kraken_doctor", "click"):
        Path(f"{name}.py").unlink()  # what a bot has of these comes first for it too, as where it is started
    ended = subprocess.run(
        [str(SCRIPT), "nonce", "--target", "my_bot:nonce", "-o", "json"], capture_output=True, text=True, check=False
    )
    assert imported(shadows) == []
    assert json.loads(ended.stdout)["generator"]["by"] == "my_bot.nonce"


def test_a_module_of_the_bot_s_wins_over_an_installed_one(doctor: Run) -> None:
    """The bot that runs is the one that is tested, also where an older one is installed."""
    Path("click.py").write_text("count = [0]\ndef nonce():\n    count[0] += 1\n    return count[0]\n")
    report = json.loads(doctor("nonce", "--target", "click:nonce", "-o", "json").stdout)
    assert report["generator"]["by"] == "click.nonce"


# Groups of processes.

FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
forked = os.fork()
if forked == 0:
    time.sleep(600)
with open("family", "w") as file:
    file.write(f"{child.pid} {forked}")
"""


def family() -> list[int]:
    return [int(number) for number in Path("family").read_text().split()]


@pytest.mark.posix("groups of processes")
@pytest.mark.parametrize("goes_on", [True, False], ids=["to its limit", "answered"])
def test_what_a_target_has_started_ends_with_it(doctor: Run, goes_on: bool) -> None:
    """A child, and one that was forked and so holds all that its parent had open."""
    end = "time.sleep(600)" if goes_on else "nonce = lambda: time.time_ns()"
    Path("starter.py").write_text(FAMILY + end)
    ended = doctor("nonce", "--target", "starter:nonce", "--timeout", "4" if goes_on else "60")
    assert ended.status == (3 if goes_on else 1)
    for process_id in family():
        wait_until_gone(process_id)


@pytest.mark.posix("groups of processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)])
def test_what_ends_the_doctor_ends_them_too(number: signal.Signals) -> None:
    """Ctrl-C, `timeout`, a terminal that is closed."""
    os.mkfifo("ready")
    Path("starter.py").write_text(FAMILY + "open('ready', 'w').close()\ntime.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-m", "kraken_doctor", "nonce", "--target", "starter:nonce", "--timeout", "600"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    Path("ready").open().close()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr.strip()) == (130, "Interrupted.")
    for process_id in family():
        wait_until_gone(process_id)


@pytest.mark.posix("groups of processes")
def test_a_notifier_may_leave_something_running_but_not_at_its_limit(tmp_path: Path) -> None:
    """`--on-change`: what a command that has ended has put into the background is its own affair."""
    code = "import os, sys, time\nif os.fork() == 0: time.sleep(600)\nprint(1, flush=True)\n"
    options: Any = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with child.started([sys.executable, "-c", code], children_may_stay=True, **options) as process:
        assert process.wait(60) == 0
        assert process.stdout is not None
        process.stdout.close()
    os.killpg(process.pid, signal.SIGKILL)  # still there: else it raises ProcessLookupError
    with (
        pytest.raises(subprocess.TimeoutExpired),
        child.started([sys.executable, "-c", f"{code}time.sleep(600)"], children_may_stay=True, **options) as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        process.wait(0.01)
    assert process.stdout is not None
    with process.stdout as said:
        said.read()  # at its end: nobody holds it any more


def test_a_child_in_python_has_this_package_and_its_arguments() -> None:
    """Also where the package is found by way of the working folder alone."""
    code = "import kraken_doctor; print(kraken_doctor.__file__, sys.argv[1:])"
    said = subprocess.run(child.python(code, "a", "b c"), capture_output=True, text=True, check=True, cwd="/").stdout
    assert said.split()[0] == str(Path(child.__file__).parent / "__init__.py")
    assert said.endswith("['a', 'b c']\n")


# Names of programs, and command lines.


def test_a_program_of_the_working_folder_is_not_taken_for_one_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows would: a git.exe beside a .env is not the user's git."""
    folder = Path("bin").absolute()
    folder.mkdir()
    name = "tool" if os.name == "posix" else "tool.cmd"
    for place in (Path(), folder):
        (place / name).write_text("")
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join(("relative", str(folder))))
    assert Path(child.find_program("tool") or "").samefile(folder / name)
    monkeypatch.setenv("PATH", "")
    assert child.find_program("tool") is None


def test_a_command_line_is_split_as_its_system_writes_it() -> None:
    """A path of Windows keeps its backslashes."""
    line = r"C:\bots\tell.exe 'two words' --to=me"
    path = r"C:\bots\tell.exe" if sys.platform == "win32" else "C:botstell.exe"
    assert child.split_command(line) == [path, "two words", "--to=me"]
    with pytest.raises(ValueError, match="quotation"):
        child.split_command("tell 'me")


def test_a_child_that_is_ended_takes_its_own_along(tmp_path: Path) -> None:
    """By the group, or on Windows by who started whom; it says so by the pipe that both hold."""
    skip_under_wine("its taskkill has no /T")
    code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    code += "print(1, flush=True); time.sleep(600)"
    command = [sys.executable, "-c", code]
    with child.started(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
    with process.stdout as said:
        assert said.read() == b"", "at its end: nobody holds it any more"
