"""`sandbox -- COMMAND` can't reach a real exchange: nothing leaves, and what could is said beforehand."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from kraken_doctor.sandbox import isolation
from tests.sandbox import escapes

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="Unix sockets, curl, sh")]

needs_namespace = pytest.mark.skipif(not isolation.available(), reason="no network namespaces here")

TIME = "https://api.kraken.com/0/public/Time"
HOOK_ALONE = (
    "import kraken_doctor.sandbox.isolation as isolation; isolation.available = lambda: False;"
    " from kraken_doctor.__main__ import main; main()"
)


def sandbox(*arguments: str, hook_alone: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, in the namespace that it makes where it can."""
    command = [sys.executable, *(["-c", HOOK_ALONE] if hook_alone else ["-m", "kraken_doctor"]), "sandbox"]
    return subprocess.run(
        [*command, *arguments], env=os.environ | variables, capture_output=True, text=True, timeout=110, check=False
    )


@needs_namespace
def test_no_way_leads_out(tmp_path: Path) -> None:
    """Thirty and more: raw sockets, other processes, other languages, IPv6, a proxy, this host's Unix sockets."""
    with escapes.outside(tmp_path) as host:
        proxy = f"http://127.0.0.1:{host.ports['proxy variables']}"
        assert len(host.ports) >= 30
        ended = sandbox("--", sys.executable, "-c", escapes.program(host), http_proxy=proxy, HTTPS_PROXY=proxy)
        assert host.arrived == set()
    assert len(ended.stdout.splitlines()) == len(host.ports), ended.stderr
    assert "no request arrived" in ended.stderr
    assert ended.returncode == 3


def test_without_a_namespace_python_is_confined_and_the_rest_is_named(tmp_path: Path) -> None:
    """What the start-up hook does not stop is said before the command starts."""
    with escapes.outside(tmp_path) as host:
        proxy = f"http://127.0.0.1:{host.ports['proxy variables']}"
        ended = sandbox("--", sys.executable, "-c", escapes.program(host), hook_alone=True, http_proxy=proxy)
        assert host.arrived <= set(escapes.OTHERS)
        assert {"ctypes", "python -I"} <= host.arrived, "the ways are none"
    told = ended.stderr.splitlines()[0]
    assert told.startswith("No network namespace is available here")
    assert all(word in told for word in ("other languages", "-I, -E or -S", "ctypes", "PYTHONPATH", "PyInstaller"))


@pytest.mark.parametrize("hook_alone", [pytest.param(False, marks=needs_namespace), True])
def test_a_bot_with_a_real_key_file(hook_alone: bool) -> None:
    """krakenex's plain constructor, ccxt and python-kraken-sdk, whatever URL they are given: all end in the sandbox."""
    Path("kraken.key").write_text("a-real-key\nQUFB\n")
    bot = """
import ccxt, krakenex
from kraken.spot import Trade, User
api = krakenex.API()
api.load_key("kraken.key")
api.uri = "https://api.kraken.com"
print(api.query_private("Balance"), api.uri)
exchange = ccxt.kraken({"apiKey": "a-real-key", "secret": "QUFB"})
exchange.urls["api"] = {"public": "https://api.kraken.com", "private": "https://api.kraken.com"}
try:
    exchange.fetch_balance()
except ccxt.BaseError as exc:
    print(exc)
print(exchange.fetch_ticker("BTC/EUR")["symbol"])
try:
    User(key="a-real-key", secret="QUFB", url="https://api.kraken.com").get_account_balance()
except Exception as exc:
    print(type(exc).__name__)
print(Trade().truncate(amount=0.123456789, amount_type="volume", pair="XBTUSD"))
"""
    Path("bot.py").write_text(bot)
    ended = sandbox("--", sys.executable, "bot.py", hook_alone=hook_alone)
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("{'error': ['EAPI:Invalid key']} http://127.0.0.1:"), ended.stderr
    assert "EAPI:Invalid key" in lines[1]
    assert lines[2:] == ["BTC/EUR", "KrakenInvalidAPIKeyError", "0.12345678"]
    assert "with a key that is not the sandbox's: 3" in ended.stderr
    assert ended.returncode == 0


OF_ROOT = {
    "another process's network": "assert libc.setns(os.open('/proc/HOST/ns/net', 0), 0) == 0",
    "the same by its handle": "assert libc.setns(os.pidfd_open(HOST), 0x40000000) == 0",
    "another process": "assert libc.ptrace(0x4206, HOST, 0, 0) == 0",
    "the one that started it": "assert libc.ptrace(0x4206, int(open(f'/proc/{os.getppid()}/stat').read().split()[3]),"
    " 0, 0) == 0",
    "a file descriptor of another": "assert libc.syscall(438, os.pidfd_open(HOST), 0, 0) >= 0",
    "the memory of another": "open('/proc/HOST/mem', 'r+b')",
    "a network card to another's network": "import subprocess\n"
    "subprocess.run('ip link add kd0 type veth peer name kd1 netns HOST', shell=True, check=True)",
    "the file system of another": "os.stat('/proc/HOST/root/')",
    "the mounts": "assert libc.umount2(b'/etc/hosts', 2) == 0",
    "the mounts, in a user namespace of its own": "assert libc.unshare(0x10020000) == 0\n"
    "assert libc.umount2(b'/etc/hosts', 2) == 0",
}


@needs_namespace
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root could")
@pytest.mark.parametrize("name", OF_ROOT)
def test_root_has_no_way_back(name: str) -> None:
    """As root a program may do what it likes to itself, and nothing to what would lead it out."""
    code = f"import ctypes, os; libc = ctypes.CDLL(None)\n{OF_ROOT[name].replace('HOST', str(os.getpid()))}"
    ended = sandbox("--", sys.executable, "-c", f"{code}\nprint('done')")
    assert ended.stdout == ""
    assert ended.returncode == 1


@needs_namespace
def test_a_socket_that_nobody_can_find_is_named() -> None:
    """Bound by a relative path, of which the kernel does not say where it is."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("somewhere.sock")
        listening.listen()
        ended = sandbox("--", "true")
    assert "Unix socket somewhere.sock" in next(line for line in ended.stderr.splitlines() if "Not enforced" in line)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may")
def test_a_frame_needs_no_address() -> None:
    """The card is told before, so that nothing else would be refused."""
    code = "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768).bind(('lo', 0))"
    ended = sandbox("--", sys.executable, "-c", code, hook_alone=True)
    assert "blocked by kraken-doctor sandbox: lo:0" in ended.stderr


@needs_namespace
@pytest.mark.parametrize("program", [
    ["curl", "-sS", TIME],
    ["node", "-e", f"require('https').get('{TIME}', answer => answer.on('data', data => console.log(`${{data}}`)))"],
    [sys.executable, "-I", "-c", f"import urllib.request as u; print(u.urlopen('{TIME}').read())"],
    [sys.executable, "-c", f"import requests; print(requests.get('{TIME}').text)"],
], ids=["curl", "node", "python -I", "requests"])  # fmt: skip
def test_programs_that_know_kraken_by_name(program: list[str]) -> None:
    """They arrive in the sandbox over TLS, unmodified, in any language."""
    if not shutil.which(program[0]) or not shutil.which("openssl"):
        pytest.skip(f"needs {program[0]} and openssl")
    ended = sandbox("--", *program)
    assert '"rfc1123"' in ended.stdout, ended.stderr
    assert "requests: 1;" in ended.stderr


@needs_namespace
def test_the_user_stays_the_same_and_this_host_as_it_was(tmp_path: Path) -> None:
    """No privilege is won by it, no file of this host changed."""
    before = Path("/etc/hosts").read_text()
    script = "id -u; grep -c api.kraken.com /etc/hosts; touch mine; grep CapEff /proc/self/status"
    ended = sandbox("--", "sh", "-c", script)
    assert ended.stdout.splitlines()[:2] == [str(os.geteuid()), "1"]
    assert Path("mine").stat().st_uid == os.geteuid()
    assert Path("/etc/hosts").read_text() == before


@needs_namespace
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="to become another user, one must be root")
def test_as_an_ordinary_user() -> None:
    """Without any privilege, in a user namespace of its own."""
    python = "/usr/bin/python3"
    probe = [python, "-c", "import click, sys; assert sys.version_info >= (3, 11)"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    nobody: dict[str, object] = {"env": environ, "cwd": "/", "user": 65534, "group": 65534, "extra_groups": []}
    if subprocess.run(probe, capture_output=True, check=False, **nobody).returncode != 0:  # type: ignore[call-overload]
        pytest.skip("no Python that another user may run")
    script = f"id -u; id -g; grep -c api.kraken.com /etc/hosts; grep CapEff /proc/self/status; curl -s {TIME}"
    ended = subprocess.run(
        [python, "-m", "kraken_doctor", "sandbox", "--", "sh", "-c", script],
        capture_output=True, text=True, timeout=100, check=False, **nobody,  # type: ignore[call-overload]
    )  # fmt: skip
    if "No network namespace" in ended.stderr:
        pytest.skip("user namespaces are forbidden here")
    assert ended.stdout.splitlines()[:4] == ["65534", "65534", "1", "CapEff:\t0000000000000000"]
    assert "requests: 1;" in ended.stderr


@contextlib.contextmanager
def database():  # type: ignore[no-untyped-def]
    """A server of this host, as a bot's own database; it answers what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    with link:
                        link.sendall(link.recv(100))

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("hook_alone", [pytest.param(False, marks=needs_namespace), True])
def test_a_port_that_is_allowed(hook_alone: bool) -> None:
    """The bot's own database is reached, and nothing else of this host."""
    with database() as port, database() as other:
        talk = (
            "import socket, sys\n"
            "for port in map(int, sys.argv[1:]):\n"
            "    try:\n"
            "        link = socket.create_connection(('127.0.0.1', port), 5)\n"
            "        link.sendall(b'hello'); print(link.recv(9))\n"
            "    except OSError as exc: print('refused')\n"
        )
        ended = sandbox(
            "--allow-loopback",
            str(port),
            "--",
            sys.executable,
            "-c",
            talk,
            str(port),
            str(other),
            hook_alone=hook_alone,
        )
    assert ended.stdout == "b'hello'\nrefused\n", ended.stderr


def test_allowing_the_network_says_what_it_means(tmp_path: Path) -> None:
    """Everything is as reachable as ever; known clients still lead to the sandbox."""
    bot = "import krakenex; print(krakenex.API().uri); import socket; socket.create_connection(('127.0.0.1', {}))"
    with database() as port:
        ended = sandbox("--allow-network", "--", sys.executable, "-c", bot.format(port))
    assert ended.stdout.startswith("http://127.0.0.1:")
    assert "can reach the real Kraken with a key from a file" in ended.stderr
    assert ended.returncode == 3
    proxies = "import os; print(*(os.environ.get(name) for name in ('HTTPS_PROXY', 'NO_PROXY')))"
    given: dict[str, Any] = {"HTTPS_PROXY": "http://10.0.0.1:3128", "NO_PROXY": "example.com"}
    kept = "http://10.0.0.1:3128 example.com,127.0.0.1,::1,localhost"
    for option, expected in ((("--allow-network",), kept), ((), "None None")):
        ended = sandbox(*option, "--", sys.executable, "-c", proxies, **given)
        assert ended.stdout == f"{expected}\n"
    refused = sandbox("--allow-network", "--allow-loopback", "5432", "--", "true")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_the_status() -> None:
    """The command's own; else 3 when nothing arrived, which no CI should take for a test."""
    assert sandbox("--", "sh", "-c", "exit 7").returncode == 7
    ended = sandbox("--", "true")
    assert (ended.returncode, "kraken-doctor sandbox: no request arrived.\n" in ended.stderr) == (3, True)


def test_the_store_is_thrown_away() -> None:
    """Nothing of a demo enters this user's state; a store that the command line names is its own affair."""
    bot = "import os; print(os.environ['KRAKEN_NONCE_STORE'])"
    ended = sandbox("--", sys.executable, "-c", bot)
    path = ended.stdout.strip().removeprefix("sqlite:///")
    assert path.endswith("nonce.db")
    assert not Path(path).parent.exists()


def test_run_inside_the_sandbox() -> None:
    """The two hooks work together: the calls are in order, and end in the sandbox."""
    bot = """
import krakenex, os, threading
api = krakenex.API(os.environ["KRAKEN_MASTER_API_KEY"], os.environ["KRAKEN_MASTER_API_SECRET"])
workers = [threading.Thread(target=lambda: [api.query_private("Balance") for _ in range(15)]) for _ in range(8)]
[worker.start() for worker in workers], [worker.join() for worker in workers]
"""
    Path("bot.py").write_text(bot)
    for hook_alone in (False, True):
        ended = sandbox(
            "--", sys.executable, "-m", "kraken_doctor", "run", "--", sys.executable, "bot.py", hook_alone=hook_alone
        )
        assert "private calls accepted: 120, refused: 0." in ended.stderr
        assert "private calls: 120, refused for their nonce: 0." in ended.stderr
