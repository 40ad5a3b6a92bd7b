"""Every command in the documentation is run, on the embedded exchange; what can't be is marked, with the reason."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import yaml

from kraken_doctor.cli.main import cli
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from kraken_doctor.sandbox.scenarios import healthy
from tests.conftest import Run
from tests.redisserver import RedisServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
BY_HAND = ("README.md", "first-connection.md", "several-processes.md", "several-hosts.md", "containers.md", "ci.md",
           "gitlab-ci.md", "architecture.md", "windows.md",
           "monitoring.md", "moving-a-bot.md", "nonce.md", "dependencies.md", "mutation.md",
           "live-bots.md",
           *(f"bots/{name}.md" for name in ("README", "script", "freqtrade", "service", "docker")))  # fmt: skip
"""Those that a script writes have tests of their own."""

PAGES = [ROOT / "README.md", *(ROOT / "docs" / name for name in BY_HAND)]
INSTALLS = "python -m pip install"

_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^>]*) -->\n)?```(?P<kind>\w*) ?(?P<name>[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S
)


class Block(NamedTuple):
    """A block of code, and what a comment above it says of how to run it."""

    mark: str
    kind: str
    name: str
    text: str

    @property
    def commands(self) -> list[str]:
        return [line.removeprefix("$ ") for line in self.text.splitlines() if line.startswith("$ ")]


def blocks(page: Path) -> list[Block]:
    return [
        Block(found["mark"] or "", found["kind"], found["name"], found["text"])
        for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A user's shell: the demo's accounts, on an exchange and a time server on loopback."""
    made = healthy()
    with SandboxServer(made.exchange) as server, SandboxNtpServer() as clock:
        servers = {f"KRAKEN_DOCTOR_{name}_NTP_SERVER": clock.address for name in ("CHECK", "CLOCK", "WATCH", "REPORT")}
        api_key, secret = (made.environ[f"KRAKEN_USER_DAIVON_FRAZIER_API_{part}"] for part in ("KEY", "SECRET"))
        others = {name: value for name, value in made.environ.items() if "DAIVON" not in name}
        yield {
            **os.environ, **others, **servers, "KRAKEN_SPOT_URL": server.url, "HOME": str(tmp_path),
            "MY_KEY": api_key, "MY_SECRET": secret, "PYTHONUTF8": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "KRAKEN_USER_DAIVON_API_KEY": api_key, "KRAKEN_USER_DAIVON_API_SECRET": secret,
        }  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name if page.parent != ROOT else "top README.md")
def test_the_commands_of_a_page(page: Path, environ: dict[str, str], tmp_path: Path) -> None:
    """In their order, in one folder, which has the page's own Python files."""
    found = blocks(page)
    if page.name == "first-connection.md":
        # That page is about putting them there.
        environ = {name: value for name, value in environ.items() if "DAIVON" not in name}
    redis = None
    if any(block.mark == "needs redis" for block in found):
        if shutil.which("redis-server") is None:
            pytest.skip("no redis-server on this machine")
        redis = RedisServer(tmp_path)
        redis.start()
        environ |= {"KRAKEN_NONCE_STORE": redis.url}
    try:
        for block in found:
            if block.kind == "python" and block.name:
                Path(block.name).write_text(block.text, encoding="utf-8")
        port = str(redis.port) if redis is not None else ""
        for block in found:
            if block.kind == "console":
                for command in block.commands:
                    run(command.replace(" 6379 ", f" {port} "), block.mark, environ)
    finally:
        if redis is not None:
            redis.kill()


def run(command: str, mark: str, environ: dict[str, str]) -> None:
    if mark.startswith("not run: ") or command.startswith(INSTALLS):
        return  # what it would install is installed
    if mark == "until stopped":
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        shown = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, said = process.communicate(timeout=60)
        well = '"outcome":"pass"' in shown if "ndjson" in command else shown.endswith("Z  PASS: All checks passed.\n")
        assert (process.returncode, well) == (130, True), (command, shown, rest, said)
        return
    assert mark in ("", "needs redis", "status 1"), mark
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == (1 if mark == "status 1" else 0), (command, ended.stdout, ended.stderr)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name if page.parent != ROOT else "top README.md")
def test_what_stands_in_other_blocks_is_right_too(page: Path) -> None:
    """YAML is YAML; a command of ours in a unit file has options that there are."""
    for block in blocks(page):
        if block.kind == "yaml":
            assert isinstance(yaml.safe_load(block.text), dict)
        if block.kind == "python":
            compile(block.text, block.name or page.name, "exec")
        if block.kind not in ("python", "yaml"):
            # A scheduled task is named so, too.
            begin = r"^" if block.kind == "powershell" else r"(?<![\w/.-])(?:/usr/local/bin/)?"
            for line in re.findall(rf"{begin}kraken-doctor [^\n#|]*", block.text, re.MULTILINE):
                parses(line)


def parses(line: str) -> None:
    """By the commands' own parser; nothing is run."""
    words = shlex.split(line)[1:]
    while words and words[0].startswith("-"):
        assert words.pop(0) in ("-q", "-v")
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, line
    context = click.Context(command, info_name=words[0], resilient_parsing=True, **cli.context_settings)
    command.make_parser(context).parse_args(words[1:])


_SENDS = re.compile(
    r"^(?:\$ |ExecStart=\S*/| *run: | +- )(?:kraken-doctor )?(?:-q )?(?:check|balances|watch|report)\b"
    r"(?!.*--(?:sandbox|dry-run|offline|only store|only clock)).*$|uses: OWNER/kraken-doctor",
    re.M,
)
"""A call with a real key: typed, from a service or in a job."""


def sends(text: str) -> re.Match[str] | None:
    """The first command of *text* that does."""
    return _SENDS.search(text.replace("kraken-doctor ", ""))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name if page.parent != ROOT else "top README.md")
def test_stop_the_bot_is_said_before_the_first_command_that_sends(page: Path) -> None:
    """And what the unit is: after the command is too late for the bot."""
    text = page.read_text(encoding="utf-8").replace("kraken-doctor ", "")
    if (first := sends(text)) is not None:
        assert_says_how_not_to_harm(text[: first.start()])


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        (".env.example", "\nKRAKEN_"),
        ("action.yml", "\ninputs:"),
        (".github/workflows/smoke.yml", "\nname:"),
        ("docs/monitoring/kraken-doctor-watch.service", "\n[Unit]"),
        ("docs/monitoring/compose.yaml", "\nservices:"),
    ],
)
def test_so_it_is_at_the_head_of_the_files_to_copy(name: str, begins: str) -> None:
    """Before the first line that does something."""
    assert_says_how_not_to_harm((ROOT / name).read_text(encoding="utf-8").partition(begins)[0])


def assert_says_how_not_to_harm(before: str) -> None:
    words = " ".join(before.replace("#", " ").split()).lower()
    assert "stop the bot" in words
    assert "key of its own" in words or "keys of its own" in words
    assert re.search("declare|what trades", words)
    assert "microseconds" in words or "time.time() * 1000000" in words


def test_which_pages_have_such_a_command() -> None:
    """So that the test above looks at something."""
    assert [page.name for page in PAGES if sends(page.read_text(encoding="utf-8"))] == [
        "README.md", "first-connection.md", "containers.md", "ci.md", "gitlab-ci.md", "monitoring.md",
    ]  # fmt: skip


def test_the_example_gives_the_lines_of_a_bot_in_microseconds(
    doctor: Run, key: Key, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """.env.example, filled in, with its unit: milliseconds would be refused, since the bot has used the key."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    values = {"API_KEY=": key.api_key, "API_SECRET=": key.secret, "NONCE_UNIT=us": ""}
    meant = [line.removeprefix("#") for line in lines if line.removeprefix("#").startswith("KRAKEN_USER_DAIVON_")]
    filled = [f"{line}{values[end]}" for line in meant for end in values if line.endswith(end)]
    assert len(filled) == len(values)
    Path(".env").write_text("\n".join(filled), encoding="utf-8")
    key.mark = round((server.exchange.now() - 1) * 10**6)
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    ended = doctor("check", "--user", "daivon_frazier", "--no-ntp")
    shown = [line.strip() for line in ended.stdout.splitlines()]
    begin = shown.index("✅ Connected to Kraken Pro API (USER:daivon_frazier)")
    assert shown[begin + 1 : begin + 5] == [
        "✅ KRAKEN PRO CONNECTED (USER:daivon_frazier)",
        "USD Balance: $100.00", "USDT Balance: $50.00", "Total: $150.00",
    ]  # fmt: skip
    assert (ended.status, key.refused) == (0, 0)


def test_the_pages_links_lead_somewhere() -> None:
    """Those into the repository, to a heading that is there."""
    for page in (*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"):
        for link, heading in re.findall(r"\]\((?!https?:)([^)#]+)#?([^)]*)\)", page.read_text(encoding="utf-8")):
            target = page.parent / link
            assert target.exists(), (page.name, link)
            assert not heading or heading in headings(target), (page.name, link, heading)


def headings(page: Path) -> set[str]:
    """As GitHub makes anchors of them."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_the_index_has_every_page() -> None:
    """And every one is tested here, by a test of its own, or written by a script."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        if path.name != "README.md":
            stem = path.stem.replace("-", "_")
            others = (path.with_name(f"{stem}.py"), ROOT / "tests" / f"test_{stem}_page.py")
            assert f"]({path.name})" in index, path.name
            assert path.name in BY_HAND or any(other.exists() for other in others), path.name
