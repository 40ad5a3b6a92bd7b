"""`run -- COMMAND`: bots as they are, their private calls one at a time; and what it can't reach is said."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import zipapp
from pathlib import Path

import pytest

from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.inject import bots

pytestmark = pytest.mark.slow  # bots as processes of their own


@pytest.fixture
def environ(server: SandboxServer, key: Key) -> dict[str, str]:
    return bots.environ(server, key)


@pytest.mark.parametrize("name", bots.BOTS)
def test_no_call_is_refused(environ: dict[str, str], key: Key, name: str) -> None:
    """Threads, tasks and children, on each client; without it a part of these calls is refused."""
    if name == "fork" and not hasattr(os, "fork"):
        pytest.skip("no fork")
    ended = bots.run(environ, sys.executable, str(bots.write(bots.BOTS[name])))
    calls = 135 if name in ("fork", "spawn") else 120
    assert ended.stdout == f"refused 0 of {calls}\n", ended.stderr
    assert f"private calls: {calls}, refused for their nonce: 0" in ended.stderr
    assert ended.returncode == 0
    assert key.accepted == calls


def test_without_it_calls_are_refused(environ: dict[str, str]) -> None:
    """The bots above would show nothing if theirs were never refused."""
    plain = subprocess.run(
        [sys.executable, str(bots.write(bots.KRAKENEX))], env=environ, capture_output=True, text=True, check=True
    )
    assert not plain.stdout.startswith("refused 0")


@pytest.mark.parametrize(("name", "digits"), [("krakenex", 13), ("subclass", 16), ("ccxt", 13), ("sdk", 18)])
def test_each_client_keeps_its_own_unit(environ: dict[str, str], key: Key, name: str, digits: int) -> None:
    """Whatever the variable says: taken away again, the bot must go on; a finer nonce would lock it out for good."""
    ended = bots.run(environ | {"KRAKEN_NONCE_UNIT": "ns"}, sys.executable, str(bots.write(bots.BOTS[name])))
    assert ended.returncode == 0
    assert len(str(key.mark)) == digits


def test_several_bots_on_one_key(environ: dict[str, str], tmp_path: Path) -> None:
    """They share nothing but the store, which is this user's unless it is named."""
    store = ("--store", f"sqlite:///{tmp_path}/shared.db")
    command = [
        sys.executable,
        "-m",
        "kraken_doctor",
        "run",
        *store,
        "--",
        sys.executable,
        str(bots.write(bots.KRAKENEX)),
    ]
    started = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=100)[0] for process in started] == ["refused 0 of 120\n"] * 3
    assert (tmp_path / "shared.db").exists()


def test_ways_to_start_a_bot(environ: dict[str, str], tmp_path: Path) -> None:
    """As a module, as text, as a zip archive, and from a script that starts it."""
    path = bots.write(bots.KRAKENEX)
    packed = tmp_path / "packed"
    packed.mkdir()
    bots.write(bots.KRAKENEX, packed / "__main__.py")
    zipapp.create_archive(packed, tmp_path / "bot.pyz")
    ways = [["-m", "bot"], ["-c", path.read_text()], [str(tmp_path / "bot.pyz")]]
    for way in ways:
        assert bots.run(environ, sys.executable, *way).stdout == "refused 0 of 120\n", way
    if os.name == "posix":
        assert bots.run(environ, "sh", "-c", f"{sys.executable} bot.py").stdout == "refused 0 of 120\n"


def bare_environment(tmp_path: Path, *absent: str) -> Path:
    """A bot's own environment: this one's packages, but for ours, what we need, and *absent*."""
    import venv  # which an embeddable Python of Windows lacks

    import requests

    packages = Path(requests.__file__).parents[1]
    bare = tmp_path / "packages"
    bare.mkdir()
    gone = {"kraken_doctor", "click", "rich", "platformdirs", "dotenv", "ntplib.py", "prometheus_client", *absent}
    for found in packages.iterdir():
        if found.suffix not in (".pth", ".dist-info") and found.name not in gone and "kraken_doctor" not in found.name:
            (bare / found.name).symlink_to(found)
    venv.create(tmp_path / "venv", symlinks=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "bare.pth").write_text(f"{bare}\n")
    return tmp_path / "venv" / "bin" / "python"


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
@pytest.mark.parametrize(
    ("name", "absent"),
    [("krakenex", ("ccxt", "kraken")), ("ccxt", ("krakenex", "kraken")), ("sdk", ("krakenex", "ccxt"))],
)
def test_an_environment_without_kraken_doctor(
    environ: dict[str, str], tmp_path: Path, name: str, absent: tuple[str, ...]
) -> None:
    """Only its own client is there; and what was absent before stays so, as does the search path."""
    python = bare_environment(tmp_path, *absent)
    look = """
import importlib.util
assert not [entry for entry in sys.path if "inject" in entry], sys.path
assert not any(importlib.util.find_spec(name) for name in ("click", "rich", "platformdirs"))
"""
    ended = bots.run(environ, str(python), str(bots.write(look + bots.BOTS[name])))
    assert ended.stdout == "refused 0 of 120\n", ended.stderr


def test_the_user_s_own_sitecustomize(environ: dict[str, str], tmp_path: Path) -> None:
    """It runs as ever, after ours, so that clients which it imports are reached."""
    (tmp_path / "sitecustomize.py").write_text("import krakenex, sys; sys.customized = __file__")
    path = bots.write(f"import sitecustomize; print(sys.customized, sitecustomize.__file__)\n{bots.KRAKENEX}")
    ended = bots.run(environ | {"PYTHONPATH": str(tmp_path)}, sys.executable, str(path))
    theirs = tmp_path / "sitecustomize.py"
    assert ended.stdout == f"{theirs} {theirs}\nrefused 0 of 120\n"


def test_an_error_in_the_user_s_own_sitecustomize(environ: dict[str, str], tmp_path: Path) -> None:
    """Python says it as it would without us, and the bot runs."""
    (tmp_path / "sitecustomize.py").write_text("raise RuntimeError('theirs')")
    ended = bots.run(environ | {"PYTHONPATH": str(tmp_path)}, sys.executable, "-c", "print(1)")
    assert (ended.stdout, "theirs" in ended.stderr) == ("1\n", True)


BROKEN = """
import krakenex
class Slotted(krakenex.API):
    __class__ = property(lambda self: krakenex.API)
api = {make}
api.key, api.secret, api.uri = KEY, SECRET, URL
together(lambda: api.query_private("Balance"), threads=1, calls=3)
"""


def test_it_never_breaks_a_bot(environ: dict[str, str]) -> None:
    """A store that can't be opened, nonces that are no time: one line on stderr, and the calls are made as ever."""
    body = BROKEN.format(make="krakenex.API()") + "assert not any(refused)\n"
    ended = bots.run(environ | {"KRAKEN_DOCTOR_HOOK_STORE": ""}, sys.executable, str(bots.write(body)))
    assert ended.stdout == "refused 0 of 3\n"
    counting = body.replace("together", "import itertools; api._nonce = itertools.count(5).__next__\ntogether", 1)
    ended = bots.run(environ, sys.executable, str(bots.write(counting)))
    assert "calls of a krakenex client are not serialised: its nonces do not follow the clock" in ended.stderr
    assert "1 of the clients left unchanged" in ended.stderr


def test_a_hook_that_fails_is_one_line(environ: dict[str, str], tmp_path: Path) -> None:
    """Another kraken_doctor in the bot's environment, without the hook: it goes first there, and the bot goes on."""
    (tmp_path / "kraken_doctor").mkdir()
    (tmp_path / "kraken_doctor" / "__init__.py").touch()
    from kraken_doctor.inject.launch import with_hook

    hooked = with_hook(environ | {"PYTHONPATH": str(tmp_path)}, "run", {})
    command = [sys.executable, str(bots.write(BROKEN.format(make="krakenex.API()")))]
    ended = subprocess.run(command, env=hooked, capture_output=True, text=True, check=True)
    assert ended.stdout == "refused 0 of 3\n"
    assert ended.stderr.startswith("kraken-doctor: not active in this process: ")
    assert len(ended.stderr.splitlines()) == 1


def test_without_its_hook_a_process_of_the_sandbox_ends(tmp_path: Path) -> None:
    """Where the hook is all that keeps a program from a real exchange; under `run` it would go on, as above."""
    (tmp_path / "kraken_doctor").mkdir()
    (tmp_path / "kraken_doctor" / "__init__.py").touch()
    from kraken_doctor.inject.launch import with_hook

    hooked = with_hook(os.environ | {"PYTHONPATH": str(tmp_path)}, "sandbox", {"KRAKEN_DOCTOR_HOOK_PORTS": "1"})
    ended = subprocess.run(
        [sys.executable, "-c", "print('on')"], env=hooked, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (126, "")
    assert ended.stderr.startswith("kraken-doctor sandbox: this process can't be confined, so it ends: ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(("options", "told"), [(("-I",), "python -I"), (("-sE",), "python -E"), (("-S",), "python -S")])
def test_options_that_keep_it_out_are_told_beforehand(
    environ: dict[str, str], options: tuple[str, ...], told: str
) -> None:
    ended = bots.run(environ, sys.executable, *options, "-c", "import sys; sys.exit(4)")
    assert ended.returncode == 4
    assert ended.stderr.startswith(f"{told}: the start-up hook is not loaded there")
    assert "no Kraken client was seen" in ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="env")
def test_a_cleaned_environment(environ: dict[str, str]) -> None:
    assert bots.run(environ, "env", "-i", sys.executable, "-c", "").stderr.startswith("env -i: ")


def test_no_client_is_said_loudly(environ: dict[str, str]) -> None:
    """Also with -q: the user believes that the bot's calls are in order."""
    ended = bots.run(environ, sys.executable, "-c", "import krakenex")
    assert "no Kraken client was seen, so no calls were serialised (1 Python process seen" in ended.stderr
    assert "another language" in ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_signals_are_passed_on(environ: dict[str, str], name: str) -> None:
    """What they mean is the bot's to say; the status is its own."""
    number = signal.Signals[name]  # by name: Windows has no SIGUSR1, and must be able to read this module
    heed = f"import signal, sys; signal.signal({int(number)}, lambda *_: sys.exit(9))"
    bot = f"{heed}; print('up', flush=True); signal.pause()"
    command = [sys.executable, "-m", "kraken_doctor", "run", "--", sys.executable, "-c", bot]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(60) == 9


def test_a_command_that_is_not_there(environ: dict[str, str]) -> None:
    ended = bots.run(environ, "no-such-bot")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    # Why is the system's own word, and Windows has another.
    assert ended.stderr.startswith("Error: can't run 'no-such-bot': " + ("No such file" if os.name == "posix" else ""))


@pytest.mark.parametrize("url", ["nonsense", "mysql://user:hunter2hunter2@host/db"])
def test_a_store_that_is_none(environ: dict[str, str], url: str) -> None:
    """Known before the bot is started."""
    ended = bots.run(environ, sys.executable, "-c", "print('started')", options=("--store", url))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "hunter2" not in ended.stderr


def test_metrics(environ: dict[str, str]) -> None:
    """The calls of all processes, for Prometheus, while the bot runs."""
    body = bots.KRAKENEX + "print('done', flush=True); sys.stdin.readline()\n"
    command = [
        sys.executable,
        "-m",
        "kraken_doctor",
        "run",
        "--metrics-port",
        "0",
        "--",
        sys.executable,
        str(bots.write(body)),
    ]
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stderr.readline().removeprefix("Metrics: ").strip()
        process.stdout.readline()
        text = urllib.request.urlopen(url).read().decode()
        process.communicate("\n", timeout=60)
    assert re.search(r'kraken_doctor_nonces_issued_total\{key_id="\w+",unit="ms"\} 1\d\d\.0', text), text


def test_nothing_secret_is_sent_to_the_command(environ: dict[str, str], key: Key, tmp_path: Path) -> None:
    """The channel carries what the audit log holds."""
    from kraken_doctor.inject.collector import Collector
    from kraken_doctor.inject.launch import with_hook

    lines: list[bytes] = []

    class Listening(Collector):
        def take(self, line: bytes) -> None:
            lines.append(line)
            super().take(line)

    with Listening(tmp_path) as collector:
        store = {"KRAKEN_DOCTOR_HOOK_STORE": f"sqlite:///{tmp_path}/nonce.db"}
        hooked = with_hook(environ, "run", collector.variables | store)
        subprocess.run([sys.executable, str(bots.write(bots.KRAKENEX))], env=hooked, check=True, capture_output=True)
    assert collector.calls == 120
    assert {name for line in lines for name in json.loads(line)} == {"pid", "client", "call"}
    assert key.api_key.encode() not in b"".join(lines)
    assert key.secret.encode() not in b"".join(lines)


def test_the_channel_is_for_our_own_processes(tmp_path: Path) -> None:
    """Loopback is open to every user of a host; what is no message does no harm."""
    import socket

    from kraken_doctor.inject.collector import Collector

    with Collector(tmp_path) as collector:
        port, token = collector.variables["KRAKEN_DOCTOR_HOOK_CHANNEL"].split(":")
        for word, lines in (
            ("wrong", b'{"client": "forged"}\n'),
            (token, b'[]\n{"call": 1}\nnoise\n{"observed": {}}\n{"client": "x"}\n'),
        ):
            with socket.create_connection(("127.0.0.1", int(port))) as link:
                link.sendall(word.encode() + b"\n" + lines)
    assert dict(collector.clients) == {"x": 1}


def test_a_stranger_that_says_nothing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """Any user of the host may connect, as often as they like: all together cost one deadline."""
    import socket

    from kraken_doctor.inject.collector import Collector

    with contextlib.ExitStack() as strangers:
        with Collector(tmp_path) as collector:
            port = int(collector.variables["KRAKEN_DOCTOR_HOOK_CHANNEL"].split(":")[0])
            silent = [strangers.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(60)]
            began = time.monotonic()
        assert time.monotonic() - began < 6  # 60 connections took 8 s where each had its own deadline
        for connection in silent:
            connection.settimeout(10)
            assert connection.recv(1) == b""  # each was closed, whoever stays longer
    assert not collector.clients


def test_the_first_client_is_said_at_once(tmp_path: Path) -> None:
    """The line at the end comes after months, where the bot is a service."""
    from kraken_doctor.inject.collector import Collector

    said: list[str] = []
    with Collector(tmp_path, on_first=said.append) as collector:
        for _ in range(2):
            collector.take(b'{"pid": 1, "client": "krakenex"}')
    assert said == ["found a krakenex client"]
