"""`watch --on-change`: a webhook or a command is told, and neither gets more than the facts."""

from __future__ import annotations

import json
import platform
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kraken_doctor.doctor import notify
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run


@pytest.fixture(autouse=True)
def failing(server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account whose first round has something to tell."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", key.secret)
    key.mark = 2 * 10**18


class Hook(BaseHTTPRequestHandler):
    """Keeps what it is told; answers as its server says."""

    server: Hooks

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silence."""


class Hooks(ThreadingHTTPServer):
    """A webhook on loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.got: list[tuple[str, dict[str, str], dict[str, object]]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/T000/secret-path-of-the-hook"


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with Hooks() as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,))
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def told(doctor: Run, target: str, *more: str) -> str:
    """What stderr said of it; the watch goes its way whatever became of it."""
    ended = doctor("watch", "--count", "1", "--on-change", target, *more)
    assert ended.status in (0, 1), ended.stderr
    return ended.stderr


def test_a_webhook_gets_the_facts(doctor: Run, hooks: Hooks, key: Key) -> None:
    """As JSON; a sentence for a chat among them, and no key."""
    assert told(doctor, hooks.url) == ""
    ((path, headers, body),) = hooks.got
    assert path.endswith("/secret-path-of-the-hook")
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers
    assert (body["before"], body["outcome"]) == (None, "fail")
    assert body["host"] == platform.node()
    text = str(body["text"])
    assert text.startswith(f"kraken-doctor on {platform.node()}: FAILED MASTER nonce-spent-higher. Next: ")
    assert body["new"] == [{"cause": "nonce-spent-higher", "account": "MASTER", "severity": "fail"}]
    assert key.api_key not in json.dumps(body)


def test_no_login_of_the_user_s_files_goes_along(
    doctor: Run, hooks: Hooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests takes one from ~/.netrc where none is given; one in the URL is meant."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    told(doctor, hooks.url)
    told(doctor, hooks.url.replace("http://", "http://bot:token@"))
    assert [headers.get("Authorization") for _, headers, _ in hooks.got] == [None, "Basic Ym90OnRva2Vu"]


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_refusal_is_a_line_and_no_redirect_is_followed(doctor: Run, hooks: Hooks, status: int) -> None:
    """The URL's path is what lets one post there: it is not shown."""
    hooks.status = status
    said = told(doctor, hooks.url)
    assert said == f"--on-change notification failed: the webhook answered {status}\n"
    assert len(hooks.got) == 1


def test_a_hook_that_is_not_there_or_silent_is_a_line(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within its time."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        said = told(doctor, f"http://127.0.0.1:{nobody.getsockname()[1]}/secret-path")
    assert said == "--on-change notification failed: the webhook: ConnectionError\n"
    monkeypatch.setattr(notify, "_WEBHOOK_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = told(doctor, f"http://127.0.0.1:{silent.getsockname()[1]}/secret-path")
    assert said == "--on-change notification failed: the webhook: ReadTimeout\n"


def test_nobody_is_told_that_all_is_well_from_the_start(doctor: Run, hooks: Hooks, key: Key) -> None:
    """A start is no change."""
    key.mark = 0
    assert told(doctor, hooks.url) == ""
    assert hooks.got == []


SCRIPT = """
import json, os, sys
with open(sys.argv[1], "w") as out:
    json.dump({"arguments": sys.argv[2:], "body": json.load(sys.stdin), "environ": dict(os.environ)}, out)
"""


def test_a_command_gets_the_facts_and_no_secret(
    doctor: Run, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stdin and in variables; its arguments reach it as they stand, no shell in between."""
    monkeypatch.setenv("KRAKEN_MASTER_OTP", "hunter2hunter2")
    (tmp_path / "tell.py").write_text(SCRIPT)
    out = tmp_path / "out.json"
    said = told(doctor, f"{sys.executable} '{tmp_path / 'tell.py'}' '{out}' '$HOME' '; touch {tmp_path / 'pwned'}'")
    assert said == ""
    got = json.loads(out.read_text())
    assert got["arguments"] == ["$HOME", f"; touch {tmp_path / 'pwned'}"]
    assert got["body"]["outcome"] == "fail"
    assert got["environ"]["KRAKEN_DOCTOR_OUTCOME"] == "fail"
    assert got["environ"]["KRAKEN_DOCTOR_BEFORE"] == ""
    assert got["environ"]["KRAKEN_DOCTOR_TEXT"] == got["body"]["text"]
    assert got["environ"]["KRAKEN_SPOT_URL"]
    assert not (tmp_path / "pwned").exists()
    for secret in (key.api_key, key.secret, "hunter2hunter2"):
        assert secret not in out.read_text()


def test_a_command_that_fails_is_a_line(doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the last that it said, as data; one that hangs is ended."""
    (tmp_path / "fails.py").write_text(
        "import sys; sys.stderr.write('x' * 100_000 + '\\nno \\x1b[31mroute\\n'); sys.exit(7)"
    )
    said = told(doctor, f"{sys.executable} {tmp_path / 'fails.py'}")
    assert said.endswith("ended with status 7: no \\x1b[31mroute\n")
    assert said.count("\n") == 1
    monkeypatch.setattr(notify, "_COMMAND_S", 0.5)
    (tmp_path / "hangs.py").write_text("import time; time.sleep(600)")
    assert "ended after 0.5 s" in told(doctor, f"{sys.executable} {tmp_path / 'hangs.py'}")


@pytest.mark.parametrize("target", ["nonesuch-command --flag", "'unbalanced", "http://", "https://:99999/x", " "])
def test_a_target_that_is_none_is_one_line(doctor: Run, server: SandboxServer, target: str) -> None:
    """Status 2, before anything is sent."""
    ended = doctor("watch", "--count", "1", "--on-change", target)
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "--on-change" in ended.stderr
    assert server.exchange.requests == []
