"""No secret is seen: every command and form, servers that repeat what they hear, crashes, files, children."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from kraken_doctor.checks import catalogue
from kraken_doctor.client.kraken import KrakenClient
from kraken_doctor.client.retry import RetryPolicy
from kraken_doctor.errors import KrakenError, TransportError
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.redact import Redactor
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.faults import SECTIONS
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import demo_credentials
from kraken_doctor.sandbox.messages import Request
from tests import canaries
from tests.canaries import API_KEY, FAULTS, OTP, SECRET
from tests.conftest import Finished, Run
from tests.network import wild
from tests.schema import OUTPUTS

pytestmark = pytest.mark.slow

_FAULTS_OF_THE_LAB = sorted(fault.name for section in SECTIONS.values() for fault in section if not fault.command)
_DEMO = (
    "KRAKEN_MASTER", "KRAKEN_USER_DAIVON_FRAZIER", "KRAKEN_USER_GRID_BOT", "KRAKEN_USER_NEW_ACCOUNT",
)  # fmt: skip
COMMAND = [sys.executable, "-m", "kraken_doctor"]


@pytest.fixture
def exchange() -> Exchange:
    return Exchange([canaries.key()])


@pytest.fixture
def real(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    """An environment full of canaries, and the exchange that they open."""
    for name, value in canaries.environ(server.url).items():
        monkeypatch.setenv(name, value)
    return server


def break_with(exchange: Exchange, fault: str, where: str = "/0/") -> None:
    exchange.interceptors[:] = [lambda request: FAULTS[fault](request) if where in request.path else None]


def seen(ended: Finished, folder: Path, *inputs: Path) -> dict[str, set[str]]:
    """Where which canaries were seen; nothing, if all is well."""
    sinks = {"stdout": ended.stdout, "stderr": ended.stderr}
    sinks |= {str(path): text for path, text in canaries.written_under(folder, *inputs).items()}
    sinks |= {"names of files": "\n".join(map(str, folder.rglob("*")))}
    return {sink: found for sink, text in sinks.items() if (found := canaries.found(text))}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("form", OUTPUTS)
def test_a_server_that_repeats_what_it_hears(
    doctor: Run, real: SandboxServer, tmp_path: Path, form: str, fault: str
) -> None:
    """In every form, in the files beside it, in the job summary, in the audit log; with -vv."""
    for where in ("private", "/0/"):
        break_with(real.exchange, fault, where)
        ended = doctor(
            "-vv", "check", "-o", form, "--json-file", f"{tmp_path}/r.json", "--junit-file", f"{tmp_path}/r.xml"
        )
        assert ended.status in (0, 1, 3), ended.stderr
        assert ended.stdout
        assert seen(ended, tmp_path) == {}, fault


@pytest.mark.parametrize("form", OUTPUTS)
@pytest.mark.parametrize(
    "command",
    [("balances",), ("clock",), ("version",), ("accounts",), ("audit",), ("report",), ("report", "--offline")],
)
def test_every_command_in_every_form(
    doctor: Run,
    real: SandboxServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    form: str,
) -> None:
    """Healthy, and with a server that repeats what it hears."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    for fault in ("", "echo", "result"):
        if fault:
            break_with(real.exchange, fault)
        ended = doctor("-vv", *command, "-o", form)
        assert ended.status in (0, 1, 3), ended.stderr
        assert ended.stdout
        assert seen(ended, tmp_path) == {}, fault


def test_reports_as_files(doctor: Run, real: SandboxServer, tmp_path: Path) -> None:
    """The page, the text and the document; and a saved one into which somebody wrote a secret is cleaned again."""
    break_with(real.exchange, "echo", "private")
    for name in ("report.html", "report.md", "report.json"):
        ended = doctor("-vv", "report", "--file", f"{tmp_path}/{name}")
        assert ended.status == 1
        assert (tmp_path / name).stat().st_size > 1000
        assert seen(ended, tmp_path) == {}
    saved = tmp_path / "report.json"
    saved.write_text(saved.read_text().replace("EAPI:Invalid key", f"EAPI:Invalid key {API_KEY} {SECRET}"))
    ended = doctor("-vv", "report", "--from", str(saved))
    assert ended.stdout
    assert seen(ended, tmp_path, saved) == {}


def test_every_check_crashes_once(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all it knows in its message and its locals: the report goes on without it, and says nothing of that."""

    def crash(_context: Any) -> Any:
        api_key, secret = API_KEY, base64.b64encode(f"x{SECRET}".encode())
        raise RuntimeError(f"broke with {api_key} {secret!r} {OTP} {canaries.PROXY_PASSWORD}")

    healthy = catalogue.CATALOGUE
    for broken in healthy:
        crashing = tuple(replace(check, run=crash) if check is broken else check for check in healthy)
        monkeypatch.setattr(catalogue, "CATALOGUE", crashing)
        for form in OUTPUTS:
            ended = doctor("-vv", "check", "-o", form)
            assert ended.status in (1, 3), ended.stderr
            said = "itself broke" in ended.stdout or "itself failed" in ended.stdout
            assert said or form == "short", "and it does say that it crashed"
            assert seen(ended, tmp_path) == {}, broken.id


@pytest.mark.parametrize(
    "place",
    ["doctor.examine.diagnose", "doctor.runner.Runner.run", "doctor.examine.find_accounts",
     "render.formats.json.render", "cli.emit.emit", "cli.emit.exit_status"],
)  # fmt: skip
def test_a_crash_elsewhere(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """With -vv the traceback shows where; its lines go through the same gate."""

    def crash(*_arguments: Any, **_named: Any) -> Any:
        raise RuntimeError(f"broke with {API_KEY}\n{SECRET}\x1b[31m")

    monkeypatch.setattr(f"kraken_doctor.{place}", crash)
    if place == "cli.emit.emit":
        monkeypatch.setattr("kraken_doctor.cli.emit.write_files", crash)
    ended = doctor("-vv", "check", "-o", "json")
    assert ended.status == 3
    assert "RuntimeError" in ended.stderr
    assert "Traceback" in ended.stderr
    assert "\x1b" not in ended.stderr
    assert seen(ended, tmp_path) == {}


@pytest.mark.parametrize("value", [API_KEY, SECRET, OTP, canaries.PROXY_PASSWORD])
@pytest.mark.parametrize(
    "arguments",
    [("{}",), ("--{}",), ("check", "{}"), ("check", "--user", "{}"), ("check", "--api-url", "https://u:{}@host"),
     ("check", "--api-url", "{}"), ("check", "--ntp-server", "{}:x"), ("check", "-o", "{}"), ("check", "--only", "{}"),
     ("--env-file", "{}", "check"), ("check", "--json-file", "/no/{}"), ("nonce", "--target", "{}:x"),
     ("report", "--from", "{}"), ("sandbox", "--host", "{}"), ("sandbox", "--", "{}"), ("audit", "--since", "{}"),
     ("completion", "{}"), ("init", "--user", "x", "--key", "{}")],
)  # fmt: skip
def test_what_stands_where_it_does_not_belong(
    doctor: Run, real: SandboxServer, tmp_path: Path, arguments: tuple[str, ...], value: str
) -> None:
    """A value pasted into the wrong place comes back in no message."""
    ended = doctor("-vv", *(argument.format(value) for argument in arguments))
    assert ended.status in (0, 1, 2, 3)
    assert ended.stdout + ended.stderr
    assert seen(ended, tmp_path) == {}


def test_a_store_with_a_password(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis does not answer, or the URL can't be read: in each form that it has, and in some that it has not."""
    monkeypatch.delenv("DATABASE_URL")
    quoted = urllib.parse.quote(canaries.REDIS_PASSWORD, safe="")
    for url in (
        f"redis://:{quoted}@127.0.0.1:1/0", f"redis://:{canaries.REDIS_PASSWORD}@127.0.0.1:x/0",
        f"redis://127.0.0.1:1/0?username=someone&password={quoted}", f"unix://:{quoted}@{tmp_path}/no.sock",
        f"unix://{tmp_path}/no.sock?password={quoted}", f"REDIS://someone:{quoted}@127.0.0.1:1",
        f"someone:{canaries.REDIS_PASSWORD}@127.0.0.1:1", f"redis://{quoted}@127.0.0.1:1",
        f"rediss://127.0.0.1:1/?ssl_password={quoted}&db=x",
    ):  # fmt: skip
        monkeypatch.setenv("KRAKEN_NONCE_STORE", url)
        for form in OUTPUTS:
            ended = doctor("-vv", "check", "-o", form)
            assert ended.status in (1, 2, 3)
            assert seen(ended, tmp_path) == {}


def test_a_proxy_with_a_password(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is blamed by its address alone, in whichever form it is set."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", "https://exchange.test")
    quoted = urllib.parse.quote(canaries.PROXY_PASSWORD, safe="")
    for number, url in enumerate((
        f"http://someone:{quoted}@127.0.0.1:9", f"someone:{quoted}@127.0.0.1:9", f"HTTP://:{quoted}@127.0.0.1:9",
        f"http://someone:{canaries.PROXY_PASSWORD}@127.0.0.1:9", f"http://{quoted}@127.0.0.1:9",
        f"socks5h://someone:{quoted}@127.0.0.1:9",
    )):  # fmt: skip
        monkeypatch.setenv("HTTPS_PROXY", url)
        for form in OUTPUTS if number == 0 else ("table", "json"):
            ended = doctor("-vv", "check", "--no-ntp", "-o", form)
            assert ended.status == 1
            assert "proxy-failed" in ended.stdout
            assert seen(ended, tmp_path) == {}, url


def test_from_a_env_file(doctor: Run, server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, where nothing is in the process's variables."""
    file = tmp_path / "work" / ".env"
    file.write_text("".join(f"{name}='{value}'\n" for name, value in canaries.environ(server.url).items()))
    break_with(server.exchange, "echo", "private")
    for form in OUTPUTS:
        ended = doctor("-vv", "check", "-o", form)
        assert ended.status == 1
        assert seen(ended, tmp_path, file) == {}


def test_init_shows_nothing_of_what_it_writes(
    doctor: Run, tmp_path: Path, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither as it writes, nor when it tests what it wrote; and the file is the owner's alone."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    break_with(server.exchange, "echo", "private")
    for given in (f"{API_KEY}\n{SECRET}\n", f"{SECRET}\n{API_KEY}\n", f"{API_KEY}\n{SECRET[:-3]}\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        ended = doctor("-vv", "init", "--user", "canary", "--secret-stdin", "--check")
        assert ended.stderr
        sinks = seen(ended, tmp_path, tmp_path / "work" / ".env").values()
        assert not set().union(*sinks) & {"key", "secret", "iiban"}, "the others are unknown to this process"
    assert stat.S_IMODE((tmp_path / "work" / ".env").stat().st_mode) == 0o600


def test_a_bot_s_log_and_errors(server: SandboxServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The library by itself: exceptions, log lines and audit records of a server that repeats what it hears."""
    known = {"key", "secret", "otp", "iiban"}
    caplog.set_level("DEBUG")
    for fault in FAULTS:
        break_with(server.exchange, fault, "private")
        store = open_store(f"sqlite:///{tmp_path}/bot.db")
        retry = RetryPolicy(0.01)
        client = KrakenClient(API_KEY, SECRET, url=server.url, store=store, otp=OTP, retry=retry)
        text = repr(client) + str(client._kraken_doctor.options)
        try:
            client.call("Balance")
        except (KrakenError, TransportError) as exc:
            text += f"{exc!r} {exc} {vars(exc)}"
        assert not canaries.found(text) & known, fault
        client.close()
        store.close()
    assert "retrying" in caplog.text
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("kraken_doctor"))
    assert not canaries.found(ours) & known
    written = canaries.written_under(tmp_path)
    assert any("Balance" in text for text in written.values())
    assert {path: names for path, text in written.items() if (names := canaries.found(text) & known)} == {}


def test_metrics_have_no_words_of_a_server(server: SandboxServer) -> None:
    """Labels live for ever in another system."""
    import prometheus_client

    for fault in FAULTS:
        break_with(server.exchange, fault, "private")
        retry = RetryPolicy.none()
        client = KrakenClient(API_KEY, SECRET, url=server.url, store=open_store("memory://"), otp=OTP, retry=retry)
        with contextlib.suppress(KrakenError, TransportError):
            client.call("Balance")
    scraped = prometheus_client.generate_latest().decode()
    assert "kraken_doctor_private_calls" in scraped
    assert not canaries.found(scraped)
    assert len(max(scraped.splitlines(), key=len)) < 300


_TELL = "import os, sys; open(sys.argv[1], 'w').write(repr(dict(os.environ)))"


def test_children_get_no_credentials(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of `sandbox --`, of `nonce --target`, of `nonce` itself, and git."""
    monkeypatch.setenv("KRAKEN_NONCE_STORE", canaries.environ("")["DATABASE_URL"])
    told = tmp_path / "told"
    ended = doctor("sandbox", "--", sys.executable, "-c", _TELL, str(told))
    assert ended.status == 3
    assert "'KRAKEN_USER_DAIVON_FRAZIER_API_KEY': 'SANDBOX" in told.read_text()
    for name in ("CANARY", "HTTPS_PROXY", "ON_CHANGE"):
        assert name not in told.read_text()
    assert f"'KRAKEN_NONCE_STORE': 'sqlite:///{tempfile.gettempdir()}" in told.read_text()
    assert canaries.found(told.read_text()) == set()
    (tmp_path / "work" / "bot.py").write_text(
        f"import os\nopen({str(told)!r}, 'w').write(repr(dict(os.environ)))\n"
        "import krakenex\napi = krakenex.API(os.environ['KRAKEN_USER_CANARY_API_KEY'], '')\n"
    )
    ended = doctor("nonce", "--target", "bot:api")
    assert ended.status in (0, 1), ended.stderr
    assert "'KRAKEN_USER_CANARY_API_KEY': 'SANDBOX" in told.read_text()
    assert canaries.found(told.read_text()) == set()
    _fake(tmp_path / "bin" / "git", f'{sys.executable} -c "{_TELL}" {told}', monkeypatch)
    (tmp_path / "work" / ".env").write_text("X=1\n")
    told.unlink()
    doctor("accounts", "--static")
    assert canaries.found(told.read_text()) == set()


_NAMED = {
    "BOT_API_SECRET": API_KEY, "TELEGRAM_TOKEN": API_KEY, "PGPASSWORD": API_KEY, "FREQTRADE__EXCHANGE__KEY": API_KEY,
    "APIKEY": API_KEY, "wallet_passphrase": API_KEY, "ACCESS_TOKENS": API_KEY, "KEY_2": API_KEY, "smtp_passwd": API_KEY,
}  # fmt: skip


def test_what_is_named_like_a_secret_is_a_dummy(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a command in the sandbox; a demo's, with which a bot that has names of its own does its work there."""
    told = tmp_path / "told"
    for name, value in {**_NAMED, "KEYBOARD": "de", "TOKENIZERS_PARALLELISM": "0", "MODE": "live"}.items():
        monkeypatch.setenv(name, value)
    ended = doctor("sandbox", "--", sys.executable, "-c", _TELL, str(told))
    assert (ended.status, canaries.found(told.read_text())) == (3, set())
    given = ast.literal_eval(told.read_text())
    key, secret = demo_credentials("KRAKEN_MASTER")
    assert {given[name] for name in ("FREQTRADE__EXCHANGE__KEY", "APIKEY", "KEY_2")} == {key}
    assert {given[name] for name in ("BOT_API_SECRET", "TELEGRAM_TOKEN", "PGPASSWORD", "wallet_passphrase")} == {secret}
    assert (given["KEYBOARD"], given["TOKENIZERS_PARALLELISM"], given["MODE"]) == ("de", "0", "live")
    bot = "import os, krakenex; a = krakenex.API(os.environ['APIKEY'], os.environ['BOT_API_SECRET'])\n"
    bot += "a.uri = os.environ['KRAKEN_SPOT_URL']; assert a.query_private('Balance')['result']"
    assert doctor("sandbox", "--", sys.executable, "-c", bot).status == 0


def test_what_is_passed_by_name(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's word; but not for what the doctor itself reads, which no command is to have."""
    told = tmp_path / "told"
    monkeypatch.setenv("PGPASSWORD", "a-password-of-the-bot")
    passed = ("--pass-env", "PGPASSWORD", "--pass-env", "DATABASE_URL", "--pass-env", "NOT_SET")
    ended = doctor("sandbox", *passed, "--", sys.executable, "-c", _TELL, str(told))
    assert ended.status == 3
    given = ast.literal_eval(told.read_text())
    assert given["PGPASSWORD"] == "a-password-of-the-bot"
    assert given["DATABASE_URL"] == os.environ["DATABASE_URL"]
    assert "NOT_SET" not in given
    told.unlink()
    for name in ("KRAKEN_USER_CANARY_API_KEY", "HTTPS_PROXY", "KRAKEN_NONCE_STORE", "KRAKEN_DOCTOR_WATCH_ON_CHANGE"):
        ended = doctor("sandbox", "--pass-env", name, "--", sys.executable, "-c", _TELL, str(told))
        assert (ended.status, told.exists()) == (2, False)
        assert (
            ended.stderr
            == f"Error: --pass-env {name} is refused: the doctor itself reads it, and passes it to no command\n"
        )


def _fake(path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")


def test_nothing_stands_on_a_command_line(real: SandboxServer, tmp_path: Path) -> None:
    """/proc/PID/cmdline is for every user of the host; looked at while the calls are under way."""
    lines: list[str] = []
    looked = threading.Event()

    def look(_request: Request) -> None:
        lines.append(_command_lines())
        looked.set()

    real.exchange.interceptors.append(look)
    for command in (["check"], ["balances", "-o", "json"], ["report"], ["nonce", "-o", "table"]):
        process = subprocess.Popen([*COMMAND, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        while process.poll() is None:
            lines.append(_command_lines())
        assert process.stdout is not None
        text = process.stdout.read()
        assert process.returncode == 0, text
        process.stdout.close()
        assert canaries.found(text) == set()
    assert looked.is_set()
    assert any("kraken_doctor" in line for line in lines)
    assert canaries.found("\n".join(set(lines))) == set()


def _command_lines() -> str:
    texts = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                texts.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1"))
            except OSError:
                continue
    return "\n".join(texts)


def test_every_fault_of_the_lab(doctor: Run, real: SandboxServer, tmp_path: Path) -> None:
    """Neither this user's secrets nor the demo's."""
    demo = [value for prefix in _DEMO for value in demo_credentials(prefix)]
    parts = [value[at : at + 16] for value in demo for at in range(len(value) - 16)]
    for number, fault in enumerate(_FAULTS_OF_THE_LAB):
        ended = doctor("-vv", "check", "--sandbox", "--fault", fault, "-o", OUTPUTS[number % len(OUTPUTS)])
        assert ended.status in (0, 1, 3)
        assert seen(ended, tmp_path) == {}, fault
        assert not [part for part in parts if part in ended.stdout + ended.stderr], fault
    assert len(_FAULTS_OF_THE_LAB) > 50


@pytest.mark.parametrize("form", OUTPUTS)
def test_a_log_that_has_all_of_them(doctor: Run, real: SandboxServer, tmp_path: Path, form: str) -> None:
    """In the exchange's words, in headers that a bot logged, in a traceback, as JSON, in another encoding."""
    told = list(canaries.VALUES.values())
    lines = [f"2026-11-23 00:00:{n:02} ERROR [t{n}] EAPI:Invalid nonce {value}" for n, value in enumerate(told)]
    lines += [f"2026-11-23 00:01:{n:02} ERROR EFoo:Never heard of {value}" for n, value in enumerate(told)]
    lines += [f"2026-11-23 00:02:00 ERROR API-Key: {API_KEY}, API-Sign: {SECRET}: EAPI:Invalid key:{API_KEY}"]
    lines += [json.dumps({"time": "2026-11-23T00:03:00Z", "error": [f"EAPI:Invalid signature {SECRET}"], "otp": OTP})]
    lines += [f"requests.exceptions.ProxyError: http://someone:{canaries.PROXY_PASSWORD}@127.0.0.1:9 {SECRET}"]
    lines += [f"EGeneral:{base64.b64encode(SECRET.encode()).decode()}", f"krakenex {API_KEY} 2.2.2"]
    log = tmp_path / "bot.log"
    log.write_text("\n".join(lines) + "\n")
    ended = doctor("-vv", "logs", str(log), "-o", form)
    assert ended.status == 1
    assert ended.stdout
    assert seen(ended, tmp_path, log) == {}


@pytest.mark.parametrize("form", OUTPUTS)
def test_watch_and_whom_it_tells(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Its lines, the file of the newest round, the command that is told of a change, and the metrics."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("NOTIFIER_TOKEN", "a-token-that-it-needs")
    told, port = tmp_path / "told", wild.closed_port()
    scraped: list[str] = []

    def repeat(request: Request) -> Any:
        scraped.append(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=9, proxies={"http": ""}).text)
        return FAULTS["echo"](request) if "private" in request.path else None

    real.exchange.interceptors[:] = [repeat]
    listener = f"import os, sys; open({str(told)!r}, 'a').write(sys.stdin.read() + repr(dict(os.environ)))"
    (tmp_path / "listener.py").write_text(listener)
    ended = doctor(
        "-vv", "watch", "--count", "2", "--every", "1", "-o", form, "--json-file", str(tmp_path / "newest.json"),
        "--metrics-port", str(port), "--on-change", f"{sys.executable} {tmp_path}/listener.py",
    )  # fmt: skip
    assert ended.status in (1, 3), ended.stderr
    assert "key-invalid" in told.read_text()
    assert "'NOTIFIER_TOKEN': 'a-token-that-it-needs'" in told.read_text()
    for name in ("CANARY", "HTTPS_PROXY", "DATABASE_URL", "ON_CHANGE"):
        assert f"{name}'" not in told.read_text()
    assert (tmp_path / "newest.json").exists()
    assert 'cause="key-invalid"' in scraped[-1], "the second round is asked for what the first one found"
    assert not canaries.found("".join(scraped))
    assert seen(ended, tmp_path) == {}


@pytest.mark.parametrize("form", OUTPUTS)
def test_a_webhook_is_not_shown(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """By its variable or its option, alone or in a command; where it fails, and where the usage is wrong."""
    break_with(real.exchange, "echo", "private")
    port = wild.closed_port()
    url = f"http://hook-canary-661055321.test:{port}/services/{canaries.WEBHOOK}"
    again = f'{sys.executable} -c \'import sys; sys.exit("x" * 3000 + "{url}" * 2)\''
    for target in (url.replace(f"{canaries.WEBHOOK}.test", "127.0.0.1"), again, f"http://{canaries.WEBHOOK}.test:x/"):
        for more in ((), ("--every", "x"), ("--user", "nobody")):
            ended = doctor("-vv", "watch", "--count", "1", "-o", form, "--on-change", target, *more)
            assert ended.status in (0, 1, 2), ended.stderr
            assert seen(ended, tmp_path) == {}, (target, more)
            assert more or ended.status == 2 or "notification failed" in ended.stderr
    ended = doctor("watch", canaries.environ("")["KRAKEN_DOCTOR_WATCH_ON_CHANGE"])
    assert (ended.status, seen(ended, tmp_path)) == (2, {})


@pytest.mark.parametrize("length", [7, 12, 17, 22, 40, 100])
def test_a_login_of_nobody_s_variable(doctor: Run, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Where a URL is wrong the message has no part of it: it is not known, and may be cut in its middle."""
    word = (API_KEY * 2)[:length].replace("/", "_")
    for url in (
        f"ftp://user:{word}@host",
        f"http://user:{word}@api.kraken.com",
        f"user:{word}@host",
        f"https://{word}@:x",
    ):
        ended = doctor("-vv", "check", "--api-url", url)
        assert ended.status == 2
        assert word[:7] not in ended.stdout + ended.stderr, url
    monkeypatch.setenv("KRAKEN_NONCE_STORE", f":{word}@host")
    ended = doctor("-vv", "check", "--api-url", "http://127.0.0.1:9")
    assert (ended.status, word[:7] in ended.stdout + ended.stderr) == (2, False)


def test_explain_repeats_no_secret(doctor: Run, real: SandboxServer, tmp_path: Path) -> None:
    """Of an error that was pasted with more than was meant."""
    for text in (f"EAPI:Invalid key {API_KEY}", f"API-Sign: {SECRET}", SECRET):
        assert seen(doctor("-vv", "explain", text), tmp_path) == {}


# --- that the tests above can fail ---


@pytest.fixture
def redactor_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redactor, "__call__", lambda self, text: text)


@pytest.mark.usefixtures("redactor_off")
@pytest.mark.parametrize("form", OUTPUTS)
def test_without_the_redactor_stdout_and_files_show_them(
    doctor: Run, real: SandboxServer, tmp_path: Path, form: str
) -> None:
    """In every form, whole or folded; in the file beside it, and in the audit log."""
    break_with(real.exchange, "echo", "private")
    found = seen(doctor("check", "-o", form, "--json-file", f"{tmp_path}/r.json"), tmp_path)
    assert "key" in found["stdout"], form
    assert {"key", "secret", "otp", "iiban", "proxy", "redis"} <= found[f"{tmp_path}/r.json"]
    assert "key" in found[f"{tmp_path}/state/kraken-doctor/nonce.db.audit"]


@pytest.mark.usefixtures("redactor_off")
def test_without_the_redactor_stderr_shows_them(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash, and an argument in the wrong place."""
    monkeypatch.setattr("kraken_doctor.doctor.examine.diagnose", lambda _: int(SECRET))
    assert seen(doctor("-vv", "check"), tmp_path)["stderr"] == {"secret"}
    assert seen(doctor("check", API_KEY), tmp_path)["stderr"] == {"key"}


def _broken(self: Redactor, text: str) -> str:
    raise ValueError(text)


def test_a_redactor_that_breaks_lets_nothing_through(
    doctor: Run, real: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails closed: no text, no file, and a status that says so."""
    break_with(real.exchange, "echo", "private")
    monkeypatch.setattr(Redactor, "__call__", _broken)
    for form in OUTPUTS:
        ended = doctor("-vv", "check", "-o", form, "--json-file", f"{tmp_path}/r.json")
        assert ended.status == 3
        assert ended.stdout == ""
        assert "withheld" in ended.stderr
        assert seen(ended, tmp_path) == {}
        assert not (tmp_path / "r.json").exists()


def _folded(value: str) -> str:
    return "\n│ ".join(value[at : at + 20] for at in range(0, len(value), 20))


_DRESSES: dict[str, Callable[[str], str]] = {
    "bare": str,
    "base64": lambda value: base64.b64encode(f"ab{value}".encode()).decode(),
    "folded": _folded,
    "quoted": lambda value: value.replace("/", "%2f").replace("+", "%2B"),
}


@pytest.mark.parametrize("dress", _DRESSES.values(), ids=list(_DRESSES))
def test_the_finder_finds(dress: Callable[[str], str]) -> None:
    """As it is, encoded, folded into a table, quoted."""
    assert canaries.found(f"said {dress(API_KEY)} |") == {"key"}
    assert canaries.found(f"said {dress(SECRET[9:60])} |") == {"secret"}
    assert canaries.found("nonce 1795392000000000 …4tZA SANDBOX") == set()
