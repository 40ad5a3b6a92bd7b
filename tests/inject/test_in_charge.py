"""`run`: what a program does around its calls stays in charge, and no nonce is finer than its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kraken_doctor import open_store
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.secret import key_id
from tests.inject import bots

pytestmark = pytest.mark.slow  # bots as processes of their own

DRY_RUN = """
import krakenex
class Safe(krakenex.API):
    def query_private(self, method, data=None, timeout=None):
        print("dry run", method)
        return {"error": [], "result": {}}
api = Safe(KEY, SECRET)
api.uri = URL
for _ in range(3):
    api.query_private("AddOrder", {"pair": "XBTUSD"})
"""
WRAPPED = """
import krakenex
api = krakenex.API(KEY, SECRET)
api.uri = URL
inner, seen = api.query_private, []
def limited(method, data=None, timeout=None):
    seen.append(method)
    return inner(method, data, timeout)
api.query_private = limited
for _ in range(3):
    assert api.query_private("Balance")["error"] == [], "refused"
print(len(seen))
"""
COUNTED = """
import itertools, time, krakenex
api = krakenex.API(KEY, SECRET)
api.uri = URL
counter = itertools.count(int({start}))
api._nonce = lambda: next(counter)
assert api.query_private("Balance")["error"] == []
"""
MULTIPLE = """
import ccxt
class Tuned(ccxt.Exchange):
    def __init__(self, *arguments):
        self.tuned = True
        super().__init__(*arguments)
class Bot(ccxt.kraken, Tuned):
    pass
print(Bot({"apiKey": KEY, "secret": SECRET}).tuned)
"""


_KEY = "import os\nKEY, SECRET, URL = (os.environ[n] for n in ('BOT_ID', 'BOT_SIGNS_WITH', 'BOT_URL'))\n"


def written(text: str) -> str:
    Path("bot.py").write_text(_KEY + text)
    return "bot.py"


FINAL = """
import krakenex
class Final(type):
    def __new__(meta, name, bases, names):
        if any(isinstance(base, Final) for base in bases):
            raise TypeError("final")
        return super().__new__(meta, name, bases, names)
class Mine(krakenex.API, metaclass=Final):
    pass
api = Mine(KEY, SECRET)
api.uri = URL
for _ in range(2):
    api.query_private("Balance")
"""


@pytest.fixture
def environ(server: SandboxServer, key: Key) -> dict[str, str]:
    return bots.environ(server, key)


def test_a_dry_run_sends_nothing(environ: dict[str, str], server: SandboxServer) -> None:
    """A method of the program's own is not ours to stand in for: it may keep orders from being sent."""
    ended = bots.run(environ, sys.executable, written(DRY_RUN))
    assert ended.stdout == "dry run AddOrder\n" * 3
    assert list(server.exchange.requests) == []


def test_a_wrapper_on_the_object_sees_each_call(environ: dict[str, str]) -> None:
    """And it is said that these calls are not put in order."""
    ended = bots.run(environ, sys.executable, written(WRAPPED))
    assert ended.stdout == "3\n", ended.stderr
    assert "it overrides query_private, which stays in charge" in ended.stderr


@pytest.mark.parametrize("start", ["(time.time() - 631152000) * 1000", "(time.time() + 94608000) * 1000"])
def test_nonces_of_another_year_are_left_alone(environ: dict[str, str], key: Key, start: str) -> None:
    """Counted from 1990, or years ahead, they look like milliseconds: ours would be far above, or far below."""
    ended = bots.run(environ, sys.executable, written(COUNTED.format(start=start)))
    assert "its nonces do not follow the clock" in ended.stderr
    assert abs(key.mark - time.time() * 1000) > 10**10


def test_a_finer_mark_that_was_never_accepted_is_not_followed(
    environ: dict[str, str], key: Key, tmp_path: Path
) -> None:
    """A nonce above it would lock the bot itself out of its key for good."""
    url = f"sqlite:///{tmp_path}/finer.db"
    open_store(url).advance(key_id(key.api_key), time.time_ns() // 1000)
    ended = bots.run(environ | {"KRAKEN_NONCE_STORE": url}, sys.executable, str(bots.write(bots.KRAKENEX)))
    assert "the nonce store has a mark in microseconds for its key" in ended.stderr
    assert len(str(key.mark)) == 13


def test_a_class_that_can_t_be_extended_is_counted_as_left(environ: dict[str, str]) -> None:
    """Its calls are not one at a time, and the end must not read as if they were."""
    ended = bots.run(environ, sys.executable, written(FINAL))
    assert ended.returncode == 0, ended.stderr
    assert "a krakenex client is left unchanged" in ended.stderr
    assert "1 of the clients left unchanged" in ended.stderr


def test_a_base_of_the_program_s_own_is_still_made(environ: dict[str, str]) -> None:
    """The constructor that we stand in front of may be one that the client's class only inherits."""
    assert bots.run(environ, sys.executable, written(MULTIPLE)).stdout == "True\n"


def test_the_sandbox_leaves_the_user_s_store_alone(environ: dict[str, str], tmp_path: Path) -> None:
    """What is counted there would be the next nonce of a real bot."""
    store = tmp_path / "mine.db"
    Path("shows.py").write_text("import os\nprint(os.environ['KRAKEN_NONCE_STORE'])")
    ended = subprocess.run(
        [sys.executable, "-m", "kraken_doctor", "sandbox", "--allow-network", "--", sys.executable, "shows.py"],
        env=environ | {"KRAKEN_NONCE_STORE": f"sqlite:///{store}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "nonce.db" in ended.stdout
    assert str(store) not in ended.stdout


def test_an_empty_part_of_the_path_is_the_working_folder(environ: dict[str, str]) -> None:
    """As Python has it."""
    Path("beside.py").write_text("print('found')")
    Path("elsewhere").mkdir()
    Path("elsewhere/bot.py").write_text("import beside\n")
    ended = bots.run(environ | {"PYTHONPATH": f"{os.pathsep}/nowhere"}, sys.executable, "elsewhere/bot.py")
    assert "found" in ended.stdout, ended.stderr


PATCHED = {
    "query_private": "krakenex.API.query_private = lambda *_, **__: print('dry run')",
    "a decorated query_private": """
import functools
inner = krakenex.API.query_private
@functools.wraps(inner)
def asked(self, method, data=None, timeout=None):
    print("dry run")
krakenex.API.query_private = asked
""",
    "_query": "krakenex.API._query = lambda *_, **__: print('dry run')",
    "the session's post": "requests.Session.post = lambda *_, **__: answer",
    "the session's request": "requests.Session.request = lambda *_, **__: answer",
    "a session of its own": """
class Dry(requests.Session):
    def request(self, *arguments, **named):
        return answer
krakenex.api.requests.Session = Dry
""",
    "no session at all": """
class Dry:
    def __init__(self):
        self.headers = {}
    def post(self, *arguments, **named):
        return answer
krakenex.api.requests.Session = Dry
""",
}
PATCHES = """
import krakenex, requests
answer = requests.Response()
answer.status_code, answer._content = 200, b'{"error": ["dry run"]}'
%s
api = krakenex.API(KEY, SECRET)
api.uri = URL
print(api.query_private("AddOrder", {"pair": "XBTUSD"}))
"""


@pytest.mark.parametrize("what", PATCHED)
def test_what_is_put_into_the_library_stays_in_charge(
    environ: dict[str, str], server: SandboxServer, what: str
) -> None:
    """As a test, a tracer or a dry run does it: nothing is sent that would not be sent without us."""
    ended = bots.run(environ, sys.executable, written(PATCHES % PATCHED[what]))
    assert "dry run" in ended.stdout, ended.stderr
    assert list(server.exchange.requests) == []


def test_an_environment_that_is_cleared(environ: dict[str, str]) -> None:
    """By the program itself, before it makes its client."""
    ended = bots.run(environ, sys.executable, written(f"os.environ.clear()\n{CLEARED}"))
    assert ended.stdout == "[]\n"
    assert "clients: 1 krakenex; private calls: 1, refused for their nonce: 0." in ended.stderr


CLEARED = """
import krakenex
api = krakenex.API(KEY, SECRET)
api.uri = URL
print(api.query_private("Balance")["error"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's")
@pytest.mark.parametrize("options", [(), ("--observe",)], ids=["run", "observe"])
def test_a_bot_is_killed_with_its_run(environ: dict[str, str], options: tuple[str, ...]) -> None:
    """As it would be without it: a supervisor that starts another one would have two that trade."""
    bot = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
    command = [sys.executable, "-m", "kraken_doctor", "run", *options, "--", *bot]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"up\n"
        started.kill()
        with ThreadPoolExecutor(1) as reader:  # the end of the bot's output is the bot's
            ended = reader.submit(started.stdout.read)
            try:
                assert ended.result(30) == b""
            finally:
                started.stdin.close()  # type: ignore[union-attr]


def test_children_of_a_bot_are_its_own_affair(environ: dict[str, str]) -> None:
    """Whom it has started goes on when it ends, as ever."""
    child = "import sys; sys.stdin.read(); print('still here')"
    bot = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])"
    command = [sys.executable, "-m", "kraken_doctor", "run", "--", sys.executable, "-c", bot]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        started.wait(60)
        assert started.communicate(b"")[0] == b"still here\n"
