"""A .env that lies around decides nothing for a key of the environment; who names it, or the host, means it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run
from tests.schema import document

COMMANDS = (
    ("check",), ("check", "--dry-run"), ("balances",), ("report", "--file", "report.md"), ("watch", "--count", "1"),
    ("check", "-o", "json"),
)  # fmt: skip


@pytest.fixture
def credentials(key: Key) -> dict[str, str]:
    return {"KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret}


def env_file(**variables: str) -> Path:
    """In the folder above: nobody looks there."""
    path = Path.cwd().parent / ".env"
    path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", ["KRAKEN_SPOT_URL", "KRAKEN_NONCE_STORE"])
@pytest.mark.parametrize("which", [["KRAKEN_MASTER_API_KEY"], ["KRAKEN_MASTER_API_SECRET"], []])
def test_what_was_found_leads_no_key_elsewhere(
    doctor: Run, server: SandboxServer, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...], name: str, which: list[str],
) -> None:  # fmt: skip
    """Key and secret of the environment, or one of them: status 2 names both places, and the ways on."""
    monkeypatch.setenv("KRAKEN_NONCE_STORE" if name == "KRAKEN_SPOT_URL" else "KRAKEN_SPOT_URL",
                       "memory://" if name == "KRAKEN_SPOT_URL" else server.url)  # fmt: skip
    mine = which or list(credentials)
    for own in mine:
        monkeypatch.setenv(own, credentials[own])
    rest = {other: value for other, value in credentials.items() if other not in mine}
    path = env_file(**{name: server.url if name == "KRAKEN_SPOT_URL" else "sqlite:///theirs.db"}, **rest)
    ended = doctor(*command)
    assert (ended.status, ended.stdout) == (2, "")
    flag = "--api-url URL" if name == "KRAKEN_SPOT_URL" else f"{name} in the environment"
    assert ended.stderr == (
        f"Error: {mine[0]} comes from the environment, but {name} from {path}, which was found automatically: use "
        f"--env-file {path} if this is intended, --no-env-file to ignore it, or {flag}\n"
    )
    assert server.exchange.requests == []
    assert not Path("theirs.db").exists()


def test_who_names_it_means_it(
    doctor: Run, server: SandboxServer, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file, the URL; the variable of the process; and the demo, which has keys of its own."""
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    path = env_file(KRAKEN_SPOT_URL=server.url)
    assert doctor("--env-file", str(path), "check").status == 0
    assert doctor("check", "--api-url", server.url).status == 0
    assert doctor("check", "--sandbox").status == 0
    assert doctor("accounts").status == 0, "nothing is sent"
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    assert doctor("check").status == 0
    path.write_text("KRAKEN_NONCE_STORE=memory://\n")
    assert doctor("check", "--api-url", server.url).status == 2, "a URL is no store"


def test_a_key_of_the_file_goes_where_file_or_process_say(
    doctor: Run, server: SandboxServer, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ordinary precedence: the variables of the process are the user's own."""
    env_file(**credentials, KRAKEN_SPOT_URL=server.url, KRAKEN_NONCE_STORE="memory://")
    assert doctor("check").status == 0
    env_file(**credentials, KRAKEN_SPOT_URL="https://elsewhere.test", KRAKEN_NONCE_STORE="memory://")
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_NONCE_STORE", "sqlite:///mine.db")
    assert doctor("check").status == 0
    monkeypatch.setenv("KRAKEN_USER_OTHER_API_KEY", "x")
    assert doctor("check", "--master").status == 0, "whose key is not sent does not matter"


def test_another_host_is_named_wherever_a_run_is_shown(
    doctor: Run, server: SandboxServer, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On each page, in each form, and before anything is sent; Kraken's own needs no word."""
    for name, value in {**credentials, "KRAKEN_SPOT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    host = server.url.removeprefix("http://")
    for command in ("check", "balances"):
        for form in ("table", "short", "json", "junit", "github", "markdown"):
            assert host in doctor(command, "-o", form).stdout, (command, form)
        assert doctor(command, "--dry-run").stdout.startswith(f"to {server.url}:\n")
    assert document(doctor("balances", "-o", "json").stdout)["target"]["api_url"] == server.url
    monkeypatch.delenv("KRAKEN_SPOT_URL")
    assert doctor("check", "--dry-run").stdout.startswith("once: ")
    assert doctor("check", "--sandbox", "--dry-run").stdout.startswith("once: ")
