"""`run`: what a program puts on its client after the first call; and clients that were there before our hook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_doctor.inject.launch import with_hook
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.inject import bots

pytestmark = pytest.mark.slow  # bots as processes of their own

MADE = {
    "krakenex": """
import krakenex, requests
api = krakenex.API(KEY, SECRET)
api.uri = URL
call = lambda: api.query_private("Balance")
""",
    "ccxt": """
import ccxt, requests
api = ccxt.kraken({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
api.urls["api"] = {"public": URL, "private": URL}
call = lambda: api.private_post_balance()
""",
    "sdk": """
import requests
from kraken.spot import User
api = User(key=KEY, secret=SECRET, url=URL)
call = lambda: api.get_account_balance()
""",
}
IN_LOOP = {
    "ccxt": """
import asyncio, ccxt.async_support as ccxt
def made():
    api = ccxt.kraken({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    api.urls["api"] = {"public": URL, "private": URL}
    return api, lambda: api.private_post_balance()
""",
    "sdk": """
import asyncio
from kraken.spot import SpotAsyncClient
def made():
    api = SpotAsyncClient(KEY, SECRET, url=URL)
    return api, lambda: api.request("POST", "/0/private/Balance")
""",
}
WRAPPED = """
seen, inner = [], api.{name}
def wrapped(*arguments, **named):
    seen.append(arguments)
    return inner(*arguments, **named)
api.{name} = wrapped
"""

KEPT = [
    ("krakenex", WRAPPED.format(name="query_private")),
    ("krakenex", WRAPPED.format(name="_query")),
    ("krakenex", WRAPPED.format(name="_sign")),
    ("krakenex", "api._nonce = lambda: 5\n"),
    ("krakenex", "api.session = requests.Session()\n"),
    ("ccxt", WRAPPED.format(name="fetch")),
    ("ccxt", WRAPPED.format(name="request")),
    ("ccxt", WRAPPED.format(name="sign")),
    ("ccxt", "api.nonce = api.incrementing_nonce = lambda: 5\n"),
    ("ccxt", "api.session = requests.Session()\n"),
    ("sdk", WRAPPED.format(name="request")),
    ("sdk", "api.get_nonce = lambda: '5'\n"),
    ("sdk", "api._SpotClient__session = requests.Session()\n"),
]


@pytest.fixture
def environ(server: SandboxServer, key: Key) -> dict[str, str]:
    return bots.environ(server, key)


@pytest.mark.parametrize(("client", "change"), KEPT)
def test_calls_stay_in_order(environ: dict[str, str], client: str, change: str) -> None:
    """A wrapper that goes on with what it replaces, a nonce function, another session: nothing to be told."""
    after = "assert len(globals().get('seen', range(120))) == 120\n"
    bot = bots.write(f"{MADE[client]}call()\n{change}together(call)\n{after}")
    ended = bots.run(environ, sys.executable, str(bot))
    assert ended.stdout == "refused 0 of 120\n", ended.stderr
    assert "private calls: 121, refused for their nonce: 0" in ended.stderr
    assert "not serialised" not in ended.stderr


@pytest.mark.parametrize(
    ("client", "name", "change"),
    [
        ("krakenex", "query_private", "api.query_private = krakenex.API.query_private.__get__(api)\n"),
        ("ccxt", "fetch", "api.fetch = ccxt.kraken.fetch.__get__(api)\n"),
        ("ccxt", "fetch", "inner = api.fetch\napi.fetch = lambda u, m, h, b: inner(u, m, dict(h), b)\n"),
        ("ccxt", "sign", "api.sign = ccxt.kraken.sign.__get__(api)\n"),
        ("sdk", "request", "api.request = User.__mro__[1].request.__get__(api)\n"),
    ],
)
def test_what_goes_around_us_is_told_once(environ: dict[str, str], client: str, name: str, change: str) -> None:
    """And the calls are made, as without us."""
    bot = bots.write(f"{MADE[client]}call()\n{change}together(call, threads=1, calls=3)\n")
    ended = bots.run(environ, sys.executable, str(bot))
    assert ended.stdout == "refused 0 of 3\n", ended.stderr
    told = f"calls of a {MADE_OF[client]} client are not serialised: it overrides {name}, which stays in charge"
    assert ended.stderr.count(told) == 1, ended.stderr
    assert "1 of the clients left unchanged, see above" in ended.stderr


MADE_OF = {"krakenex": "krakenex", "ccxt": "ccxt", "sdk": "python-kraken-sdk"}


@pytest.mark.parametrize(
    ("client", "name", "base", "refused"),
    [("ccxt", "fetch", "", False), ("ccxt", "fetch", "ccxt.kraken", True), ("sdk", "request", "", False),
     ("sdk", "request", "SpotAsyncClient", True)],
)  # fmt: skip
def test_the_same_in_an_event_loop(environ: dict[str, str], client: str, name: str, base: str, refused: bool) -> None:
    body = f"""{IN_LOOP[client]}
async def main():
    api, call = made()
    await call()
    inner = {f"{base}.{name}.__get__(api)" if base else f"api.{name}"}
    async def wrapped(*arguments, **named):
        return await inner(*arguments, **named)
    api.{name} = wrapped
    if {refused}:
        await call()
    else:
        await asyncio.gather(*(call() for _ in range(40)))
    await api.close()
asyncio.run(main())
"""
    ended = bots.run(environ, sys.executable, str(bots.write(body)))
    assert (ended.returncode, ended.stdout) == (0, "refused 0 of 0\n"), ended.stderr
    assert ("not serialised: it overrides" in ended.stderr) is refused
    assert refused or "private calls: 41, refused for their nonce: 0" in ended.stderr


@pytest.mark.parametrize("change", ["krakenex.API.query_private = dry", "api._query = dry", "api.query_private = dry"])
def test_a_dry_run_that_begins_later_sends_nothing(environ: dict[str, str], server: SandboxServer, change: str) -> None:
    """Put into the class, or where krakenex sends."""
    body = f"""{MADE["krakenex"]}call()
def dry(*arguments, **named):
    return {{"error": ["EDry:Run"]}}
{change}
print(api.query_private("AddOrder", {{"pair": "XBTUSD"}}))
"""
    ended = bots.run(environ, sys.executable, str(bots.write(body)))
    assert "EDry:Run" in ended.stdout, ended.stderr
    assert list(server.exchange.requests) == ["POST /0/private/Balance"]


# --- before the hook


@pytest.mark.parametrize(("client", "module"), [("krakenex", "krakenex"), ("ccxt", "ccxt"), ("sdk", "kraken.spot")])
def test_a_client_that_is_there_already(environ: dict[str, str], tmp_path: Path, client: str, module: str) -> None:
    """Imported by whatever Python runs before us."""
    store = {"KRAKEN_DOCTOR_HOOK_STORE": f"sqlite:///{tmp_path}/nonce.db", "KRAKEN_DOCTOR_HOOK_CHANNEL": "9:x"}
    hooked = with_hook(environ, "run", store) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    body = f"import {module}\nfrom kraken_doctor.inject import hook\nhook.start('run')\n{MADE[client]}together(call)\n"
    ended = subprocess.run(
        [sys.executable, str(bots.write(body))], env=hooked, capture_output=True, text=True, check=False
    )
    assert ended.stdout == "refused 0 of 120\n", ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
@pytest.mark.parametrize("options", [(), ("--observe",)], ids=["run", "observe"])
def test_a_pth_file_that_imports_a_client(environ: dict[str, str], tmp_path: Path, options: tuple[str, ...]) -> None:
    """It runs before any sitecustomize."""
    from tests.inject.test_run import bare_environment

    python = bare_environment(tmp_path, "ccxt", "kraken")
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "zz.pth").write_text("import krakenex\n")
    ended = bots.run(environ, str(python), str(bots.write(MADE["krakenex"] + "call()\n")), options=options)
    seen = "observed 1 private calls" if options else "clients: 1 krakenex; private calls: 1,"
    assert seen in ended.stderr, ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_pth_file_under_the_sandbox(environ: dict[str, str], tmp_path: Path) -> None:
    """Its URL is the sandbox's all the same."""
    from tests.inject.test_run import bare_environment

    python = bare_environment(tmp_path, "ccxt", "kraken")
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "zz.pth").write_text("import krakenex\n")
    command = [sys.executable, "-m", "kraken_doctor", "sandbox", "--", str(python), "-c"]
    asked = "import krakenex; print(krakenex.API().uri.partition(':')[2][:11])"
    ended = subprocess.run([*command, asked], env=environ, capture_output=True, text=True, check=False)
    assert ended.stdout == "//127.0.0.1\n", ended.stderr
