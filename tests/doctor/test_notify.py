"""`watch --on-change`: a webhook or a command is told, and neither gets more than the facts."""

from __future__ import annotations

import html
import json
import platform
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.doctor import notify
from kraken_doctor.redact import Redactor
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run
from tests.schema import HOOK_FORMATS


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
        kind = self.headers["Content-Type"]
        self.server.got.append(
            (self.path, dict(self.headers), json.loads(body) if "json" in kind else {"text": body.decode()})
        )
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
    """What stderr said of it, but for the warning; the watch goes its way whatever became of it."""
    ended = doctor("watch", "--count", "1", "--on-change", target, *more)
    assert ended.status in (0, 1), ended.stderr
    assert (WARNING in ended.stderr) is ("://" in target)
    assert "secret-path" not in ended.stderr
    return ended.stderr.replace(WARNING, "")


WARNING = (
    "Warning: every user of this host can read the --on-change address in the process list. Put it into"
    " KRAKEN_DOCTOR_WATCH_ON_CHANGE, or into a file: --on-change @FILE\n"
)


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


@pytest.mark.slow
def test_no_login_of_the_user_s_files_goes_along(
    doctor: Run, hooks: Hooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests takes one from ~/.netrc where none is given; one in the URL is meant."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    told(doctor, hooks.url)
    told(doctor, hooks.url.replace("http://", "http://bot:token@"))
    assert [headers.get("Authorization") for _, headers, _ in hooks.got] == [None, "Basic Ym90OnRva2Vu"]


@pytest.mark.slow
@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_refusal_is_a_line_and_no_redirect_is_followed(doctor: Run, hooks: Hooks, status: int) -> None:
    """The URL's path is what lets one post there: it is not shown."""
    hooks.status = status
    said = told(doctor, hooks.url)
    assert said == f"--on-change notification failed: the webhook answered {status}\n"
    assert len(hooks.got) == 1


@pytest.mark.slow
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


def test_the_address_from_a_variable_or_a_file(
    doctor: Run, hooks: Hooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of which other users can read: nothing to warn about, and it is kept secret all the same."""
    hooks.status = 500
    failed = "--on-change notification failed: the webhook answered 500\n"
    monkeypatch.setenv("KRAKEN_DOCTOR_WATCH_ON_CHANGE", hooks.url)
    assert doctor("watch", "--count", "1").stderr == failed
    file = tmp_path / "hook"
    file.write_text(f"{hooks.url}\n")
    monkeypatch.setenv("KRAKEN_DOCTOR_WATCH_ON_CHANGE", f"@{file}")
    assert doctor("watch", "--count", "1").stderr == failed
    monkeypatch.delenv("KRAKEN_DOCTOR_WATCH_ON_CHANGE")
    assert told(doctor, f"@{file}") == failed
    assert len(hooks.got) == 3
    file.write_text("http://[secret-path\n")
    ended = doctor("watch", "--count", "1", "--on-change", f"@{file}")
    assert (ended.status, "secret-path" in ended.stderr) == (2, False)
    for content in (b"", b"\n", b"\xff\n", None):
        file.unlink() if content is None else file.write_bytes(content)
        ended = doctor("watch", "--count", "1", "--on-change", f"@{file}")
        assert (ended.status, ended.stdout) == (2, "")
        assert str(file) in ended.stderr.splitlines()[-1]


UGLY = 'FAILED <!here> @everyone `</pre> & [x](https://evil.example) *b* \\ "q" $text'
"""What a name could hold that a chat would obey."""


def message(form: str, body: dict[str, Any]) -> str:
    """The text that people see: what stands between the marks of literal text, undone as that chat undoes it."""
    if form == "slack":
        text = body["blocks"][0]["text"]
        assert (text["type"], text["verbatim"]) == ("mrkdwn", True)
        framed, frame = text["text"], "```"
        assert "<" not in framed + str(body["text"])
    elif form == "discord":
        framed, frame = str(body["content"]), "```"
        assert body["allowed_mentions"] == {"parse": []}
    elif form == "telegram":
        assert body["parse_mode"] == "HTML"
        framed, frame = str(body["text"]).replace("</pre>", "<pre>"), "<pre>"
    else:
        return str(body["text"])
    before, inside, after = framed.split(frame)
    assert (before, after) == ("", "")
    return html.unescape(inside) if form != "discord" else inside


@pytest.mark.parametrize("form", ["slack", "discord", "telegram", "ntfy"])
def test_a_chat_gets_its_own_form(doctor: Run, hooks: Hooks, form: str) -> None:
    """With host, cause and next step as text; a name that is markup stays text."""
    assert told(doctor, hooks.url, "--hook-format", form) == ""
    ((_, headers, body),) = hooks.got
    said = message(form, body)
    assert said.startswith(f"kraken-doctor on {platform.node()}: FAILED MASTER nonce-spent-higher. Next: ")
    assert headers["Content-Type"] == ("application/json" if form != "ntfy" else "text/plain; charset=utf-8")
    assert notify.notifier(hooks.url, {}, Redactor(), form)({"text": UGLY + "x" * 5_000}) == ""
    said = message(form, hooks.got[1][2])
    assert said.replace("'", "`").startswith(UGLY)
    assert len(json.dumps(hooks.got[1][2])) < 4_000


@given(st.text(max_size=300))
def test_no_name_ends_the_literal_text(text: str) -> None:
    """Whatever stands in it, the body is well-formed and the text is one piece."""
    for form, hook in notify.hooks().items():
        kind, written = notify._written({"text": text}, hook)
        body = json.loads(written) if "json" in kind else {"text": written}
        assert message(form, body).replace("'", "`") == text.replace("'", "`")


def test_the_form_is_known_by_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an address that everybody uses; any other gets all the facts."""
    posted: list[tuple[str, str]] = []

    def post(_url: str, body: str, kind: str) -> int:
        posted.append((body, kind))
        return 204

    monkeypatch.setattr(notify, "_post", post)
    hosts = [(hook["host"], name) for name, hook in notify.hooks().items()]
    for host, _name in [*hosts, ("chat.example", "json")]:
        assert notify.notifier(f"https://{host}/x", {}, Redactor())({"text": "said"}) == ""
    expected = [notify._written({"text": "said"}, notify.hooks()[name])[1] for _host, name in hosts]
    assert [body for body, _kind in posted] == [*expected, '{"text": "said"}']
    assert ("json", *notify.hooks()) == HOOK_FORMATS


def test_a_test_message_is_sent_once_when_asked(doctor: Run, hooks: Hooks, key: Key) -> None:
    """At the start, also where all is well; what comes of it is said."""
    key.mark = 0
    assert told(doctor, hooks.url, "--test-hook") == "Test message sent to --on-change.\n"
    ((_, _, body),) = hooks.got
    assert body["text"] == f"kraken-doctor on {platform.node()}: PASS: this is a test, changes are reported here"
    hooks.status = 404
    assert told(doctor, hooks.url, "--test-hook") == "--on-change notification failed: the webhook answered 404\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--test-hook"], "--test-hook requires --on-change"),
        (["--hook-format", "slack"], "--hook-format requires --on-change"),
        (["--hook-format", "slack", "--on-change", f"{sys.executable} -V"], "--hook-format is for a URL"),
    ],
)
def test_what_goes_with_no_hook_is_refused(doctor: Run, arguments: list[str], said: str) -> None:
    """Instead of being passed over."""
    ended = doctor("watch", "--count", "1", *arguments)
    assert (ended.status, ended.stdout) == (2, "")
    assert said in ended.stderr.splitlines()[-1]


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


@pytest.mark.slow
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
    assert "stopped after 0.5 s" in told(doctor, f"{sys.executable} {tmp_path / 'hangs.py'}")


@pytest.mark.parametrize("target", ["nonesuch-command --flag", "'unbalanced", "http://", "https://:99999/x", " "])
def test_a_target_that_is_none_is_one_line(doctor: Run, server: SandboxServer, target: str) -> None:
    """Status 2, before anything is sent."""
    ended = doctor("watch", "--count", "1", "--on-change", target)
    assert (ended.status, ended.stdout) == (2, "")
    assert ended.stderr.replace(WARNING, "").count("\n") == 1
    assert "--on-change" in ended.stderr
    assert server.exchange.requests == []
