"""`sandbox -- COMMAND`: what ends it takes its command and its folder along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_doctor.cli.commands import sandbox
from kraken_doctor.inject.launch import Command
from tests.test_child import wait_until_gone

pytestmark = [pytest.mark.slow, pytest.mark.posix("signals, groups of processes")]
SIGHUP = getattr(signal, "SIGHUP", signal.SIGTERM)

BOT = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
{handler}
with open("family", "w") as file:
    file.write(f"{{os.getpid()}} {{child.pid}} {{os.environ['KRAKEN_NONCE_STORE'].removeprefix('sqlite:///')}}")
open("ready", "w").close()
signal.pause()
"""
STUBBORN = "for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)"
ASKS = "signal.signal(signal.SIGINT, lambda *_: sys.exit(5))"


def serving(handler: str, **options: object) -> tuple[subprocess.Popen[bytes], int, int, Path]:
    """The command with a bot that has begun; process ids of the bot and of its child; the folder."""
    Path("bot.py").write_text(BOT.format(handler=handler))
    os.mkfifo("ready")
    program = (
        "import kraken_doctor.cli.commands.sandbox as s; s._ENDS_WITHIN_S = 0.5;"
        " from kraken_doctor.__main__ import main; main()"
    )
    command = [sys.executable, "-c", program, "sandbox", "--", sys.executable, "bot.py"]
    process = subprocess.Popen(command, **options)  # type: ignore[call-overload]
    Path("ready").open().close()
    bot, child, store = Path("family").read_text().split()
    return process, int(bot), int(child), Path(store).parent


@pytest.mark.parametrize("number", [signal.SIGTERM, SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("handler", ["", STUBBORN], ids=["plain", "stubborn"])
def test_it_takes_command_and_folder_along(number: signal.Signals, handler: str) -> None:
    """Also one that ignores it, though not Ctrl-C, which a command may answer with a question; and its children."""
    if handler and number == signal.SIGINT:
        pytest.skip("what Ctrl-C means is the command's to say")
    process, bot, child, folder = serving(handler, stdin=subprocess.DEVNULL)
    assert folder.is_dir()
    process.send_signal(number)
    assert process.wait(60) == 128 + (signal.SIGKILL if handler else number)
    wait_until_gone(bot)
    wait_until_gone(child)
    assert not folder.exists()


def test_the_status_is_the_command_s() -> None:
    """One that answers Ctrl-C in its own way."""
    process, _, child, folder = serving(ASKS, stdin=subprocess.DEVNULL)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 5
    wait_until_gone(child)
    assert not folder.exists()


def test_what_a_command_leaves_running_goes_on() -> None:
    """Where nobody has stopped it: as in any shell, what was put into the background is not ended with it."""
    os.mkfifo("go")
    os.mkfifo("told")
    told = os.open("told", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(told, True)
    assert Command(("sh", "-c", "exec 3>told; cat go >&3 &"), ends_within_s=5).run(os.environ) == 0
    with Path("go").open("r+b", buffering=0) as go:  # to open it so waits for no reader
        go.write(b"on")
        assert os.read(told, 2) == b"on", "nothing, once nobody is there to write it"
    os.close(told)


def test_a_terminal_that_is_closed() -> None:
    """The command is in the group of the terminal, so that it may ask there; it ends with it all the same."""
    master, slave = os.openpty()
    process, bot, child, folder = serving("", stdin=slave, start_new_session=True)
    os.close(slave)
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 128 + signal.SIGHUP
    wait_until_gone(bot)
    assert not folder.exists()
    os.close(master)
    os.kill(child, signal.SIGKILL)  # its own affair: where it can be said whose it is, it is ended


def test_the_limit_is_that_of_docker_stop() -> None:
    """Where the command line itself is stopped, it must be done before it is killed."""
    assert sandbox._ENDS_WITHIN_S <= 10


@pytest.mark.parametrize("number", [signal.SIGTERM, SIGHUP])
def test_serving_ends_cleanly(number: signal.Signals) -> None:
    """The handler takes no lock: one that the main thread holds at that moment would be waited for, for good."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kraken_doctor", "sandbox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, b"")


WHILE_IT_LOADS = """
import os, signal, sys
import kraken_doctor.terminal.interruption as interruption

def watch(event, arguments):
    if event == "import" and arguments[0] == "kraken_doctor.doctor.sandbox_env" and not pressed:
        pressed.append(1)
        os.kill(os.getpid(), {number})

interruption._AGAIN_S = 3600  # a machine that is busy: the command has begun by then
pressed = []
sys.addaudithook(watch)
from kraken_doctor.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, SIGHUP])
@pytest.mark.parametrize("command", [["--", sys.executable, "-c", "import time; time.sleep(600)"], []])
def test_a_signal_while_it_loads_is_not_lost(number: signal.Signals, command: list[str]) -> None:
    """In the middle of an import it is put off; what handles signals by then is another one."""
    program = [sys.executable, "-c", WHILE_IT_LOADS.format(number=int(number)), "sandbox", *command]
    ended = subprocess.run(
        program, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, start_new_session=True
    )
    assert ended.returncode == (130 if command else 0)
    assert b"Traceback" not in ended.stderr
