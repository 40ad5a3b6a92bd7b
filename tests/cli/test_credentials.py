"""Credentials where bots keep them: each place, what is said of it, and what it must not do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from kraken_doctor.accounts import sources
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run
from tests.schema import document


@pytest.fixture
def at(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_NONCE_STORE", "memory://")
    return server


def private(name: str, text: str | bytes) -> Path:
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def configurations(key: str, secret: str) -> dict[str, str]:
    freqtrade = f"""{{ // freqtrade allows comments
        "exchange": {{"name": "kraken", /* and "these" */ "key": "{key}", "secret": "{secret}",}},
        "api_server": {{"jwt_secret_key": "//not a comment"}},
    }}"""
    return {
        "freqtrade.json": freqtrade,
        "keys.json": json.dumps({"binance": {"apiKey": "x"}, "kraken": {"apiKey": key, "secret": secret}}),
        "ccxt.json": json.dumps({"apiKey": key, "secret": secret, "enableRateLimit": True}),
        "config.toml": f'[auth]\napi_key = "{key}"\napi_secret = "{secret}"\n[settings]\noutput = "json"\n',
    }  # fmt: skip


@pytest.mark.parametrize("name", ["freqtrade.json", "keys.json", "ccxt.json", "config.toml"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_bots_configuration_by_its_content(doctor: Run, at: SandboxServer, key: Key, name: str, mark: str) -> None:
    """Whatever it is called; it is the one account, and goes before what the environment has."""
    os.environ["KRAKEN_USER_OTHER_API_KEY"] = "never sent"
    try:
        path = private(f"{name}.txt", mark + configurations(key.api_key, key.secret)[name])
        found = document(doctor("check", "--config", str(path), "-o", "json").stdout)
    finally:
        del os.environ["KRAKEN_USER_OTHER_API_KEY"]
    (account,) = found["accounts"]
    assert (account["account"], account["connected"]) == ("MASTER", True)
    assert account["source"] == f"KRAKEN_API_KEY ({path.name})"
    assert account["nonce"]["unit"] == "ms", "a file declares no unit"


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_key_file_of_krakenex(doctor: Run, at: SandboxServer, key: Key, ends: str) -> None:
    """Through a symbolic link, with any line ends, for a user who is named."""
    private("real.key", f"\ufeff{key.api_key}{ends}{key.secret}{ends}")
    if os.name == "posix":  # elsewhere it may need a privilege
        Path("kraken.key").symlink_to("real.key")
    else:
        Path("real.key").rename("kraken.key")
    found = document(doctor("check", "--key-file", "kraken.key", "--user", "daivon_frazier", "-o", "json").stdout)
    assert [account["account"] for account in found["accounts"]] == ["USER:daivon_frazier"]
    assert found["outcome"] == "pass"


@pytest.mark.posix("modes of files")
def test_a_key_file_that_others_may_read_is_a_warning_with_its_own_name(
    doctor: Run, at: SandboxServer, key: Key
) -> None:
    private("kraken.key", f"{key.api_key}\n{key.secret}\n").chmod(0o644)
    shown = doctor("check", "--key-file", "kraken.key").stdout
    assert "dotenv-readable" in shown
    assert "chmod 600 kraken.key" in shown


@pytest.mark.parametrize("client", sorted(sources.CLIENT_VARIABLES))
def test_a_clients_own_variables(
    doctor: Run, at: SandboxServer, key: Key, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named in the report by their own names; unasked they are only noticed."""
    names = sources.CLIENT_VARIABLES[client]
    for name, value in zip(names, (key.api_key, key.secret), strict=True):
        monkeypatch.setenv(name, value)
    asked = doctor("check", "--from-env", client, "-o", "json").stdout
    assert document(asked)["accounts"][0]["source"] == f"{names[0]} (environment)"
    assert key.secret not in asked
    unasked = doctor("balances")
    assert (unasked.status, f"{names[0]} is set; to use it: --from-env {client}" in unasked.stderr) == (2, True)
    monkeypatch.delenv(names[1])
    lacking = doctor("check", "--from-env", client)
    assert (lacking.status, names[1] in lacking.stderr) == (2, True)


def test_secrets_that_are_mounted(
    doctor: Run, at: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Docker's: a variable names the file. systemd's: a folder has files named like the variables."""
    private("the-key", f"{key.api_key}\r\n")
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "kraken_master_api_secret").write_text(f"{key.secret}\n")
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY_FILE", "the-key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    ended = doctor("check", "-o", "json")
    (account,) = document(ended.stdout)["accounts"]
    assert (account["connected"], account["source"]) == (True, "KRAKEN_MASTER_API_KEY (KRAKEN_MASTER_API_KEY_FILE)")
    assert key.secret not in ended.stdout
    shown = doctor("accounts").stdout
    assert "KRAKEN_MASTER_API_KEY_FILE" in shown
    assert "$CREDENTIALS_DIRECTORY" in shown
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY_FILE", "gone")
    ended = doctor("check")
    assert ended.stderr == "Error: gone: No such file or directory; name another with KRAKEN_MASTER_API_KEY_FILE\n"
    assert ended.status == 2


@pytest.mark.parametrize("place", ["key_file", "config", "from_env", "mounted", "file in .env"])
def test_a_env_file_that_was_found_leads_none_of_them_elsewhere(
    doctor: Run, server: SandboxServer, key: Key, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can put a .env above a folder gets no key of it: status 2 names both, and the flag."""
    private(".env", f"KRAKEN_SPOT_URL={server.url}\n" + (
        "KRAKEN_API_KEY_FILE=theirs\nKRAKEN_API_SECRET_FILE=theirs\n" if place == "file in .env" else ""
    ))  # fmt: skip
    private("theirs", key.secret)
    private("mine.key", f"{key.api_key}\n{key.secret}\n")
    private("mine.toml", configurations(key.api_key, key.secret)["config.toml"])
    arguments = {"key_file": ["--key-file", "mine.key"], "config": ["--config", "mine.toml"],
                 "from_env": ["--from-env", "ccxt"]}.get(place, [])  # fmt: skip
    if place == "from_env":
        monkeypatch.setenv("KRAKEN_APIKEY", key.api_key)
        monkeypatch.setenv("KRAKEN_SECRET", key.secret)
    if place == "mounted":
        for name in ("KEY", "SECRET"):
            monkeypatch.setenv(f"KRAKEN_API_{name}_FILE", "theirs")
    ended = doctor("check", *arguments)
    assert (ended.status, server.exchange.requests) == (2, [])
    assert f"KRAKEN_SPOT_URL from {Path('.env').resolve()}" in ended.stderr
    assert "--env-file" in ended.stderr
    assert "--api-url URL" in ended.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("KRAKEN_SECRET", "KRAKEN_API_SECRET"), ("KRAKEN_PRIVATE_KEY", "KRAKEN_API_SECRET"),
        ("KRAKEN_KEY", "KRAKEN_API_KEY"), ("KRAKEN_APIKEY", "KRAKEN_API_KEY"),
        ("KRAKEN_SECRET_KEY", "KRAKEN_API_SECRET"),
        ("KRAKEN_MASTER_SECRET", "KRAKEN_MASTER_API_SECRET"), ("KRAKEN_DAIVON_API_KEY", "KRAKEN_USER_DAIVON_API_KEY"),
        ("KRAKEN_USER_DAIVON_PRIVATE_KEY", "KRAKEN_USER_DAIVON_API_SECRET"), ("kraken_api_key", "KRAKEN_API_KEY"),
    ],
)  # fmt: skip
def test_a_near_miss_is_named_with_what_is_expected(name: str, expected: str) -> None:
    assert sources.near_misses([name]) == [f"{name} is set, but {expected} is expected"]


def test_what_is_no_near_miss() -> None:
    """The right names, other products, our own options, and one whose right name is set too."""
    fine = ["KRAKEN_API_KEY", "KRAKEN_USER_X_API_SECRET", "KRAKEN_FUTURES_API_KEY", "KRAKEN_DOCTOR_INIT_KEY", "HOME"]
    assert sources.near_misses([*fine, "KRAKEN_KEY"]) == []


def test_half_a_pair_says_what_the_other_half_is_called(
    doctor: Run, at: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_SECRET", key.secret)
    ended = doctor("check")
    words = " ".join(ended.stdout.split())
    assert (ended.status, "KRAKEN_SECRET is set, but KRAKEN_API_SECRET is expected" in words) == (1, True)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--key-file", "only-one-line"), ("--key-file", ""), ("--config", "{"), ("--config", '{"exchange": {"key": "'),
        ("--config", "[" * 100_000), ("--config", '{"a":' * 100_000), ("--config", "hunter2hunter2"),
        ("--config", '{"exchange": {"name": "binance", "key": "hunter2hunter2", "secret": "x"}}'),
        ("--config", '{"exchange": {"name": "kraken", "key": "hunter2hunter2", "secret": ""}}'),
        ("--config", '{"pairs": []}'), ("--config", b"\xff\xfe{\0"), ("--config", b"\xe9"), ("--key-file", b"\0" * 9),
        ("--config", '/*"' * 100_000), ("--config", '{"\\"' * 100_000),
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_them_is_one_line_without_its_content(
    doctor: Run, at: SandboxServer, option: str, text: str | bytes
) -> None:
    ended = doctor("check", option, str(private("file", text)))
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("Error: file: ")
    assert "hunter2" not in ended.stderr
    assert at.exchange.requests == []


@pytest.mark.parametrize("option", ["--key-file", "--config"])
@pytest.mark.parametrize("path", ["missing", ".", pytest.param("/dev/zero", marks=pytest.mark.posix("devices"))])
def test_what_is_no_file_is_said(doctor: Run, option: str, path: str) -> None:
    ended = doctor("accounts", option, path)
    assert (ended.status, path in ended.stderr, option in ended.stderr) == (2, True, True)


def test_one_place_and_one_account(doctor: Run, key: Key) -> None:
    """What contradicts it is refused before anything is read."""
    for arguments in (["--key-file", "a", "--config", "b"], ["--key-file", "a", "--sandbox"]):
        assert "exclude each other" in doctor("check", *arguments).stderr
    private("a", f"{key.api_key}\n{key.secret}\n")
    for arguments in (["--user", "x", "--user", "y"], ["--all"], ["--user", "x", "--master"]):
        ended = doctor("accounts", "--key-file", "a", *arguments)
        assert (ended.status, "one account" in ended.stderr) == (2, True)


def test_what_needs_no_account_is_done_without_any(doctor: Run, at: SandboxServer) -> None:
    """And the exit status is no pass: nothing of an account was tested."""
    for command in (["check"], ["report", "--offline"], ["accounts"]):
        ended = doctor(*command)
        words = " ".join(ended.stdout.split())
        assert (ended.status, "no account is configured" in words, ended.stderr) == (3, True, ""), command
        assert "kraken-doctor init" in words
        assert document(doctor(*command, "-o", "json").stdout)["outcome"] == "inconclusive"
    assert [check["id"] for check in document(doctor("check", "-o", "json").stdout)["checks"]][-2:] == [
        "clock",
        "credentials",
    ]
    assert doctor("version").status == 0
    assert doctor("clock", "--max-offset", "5").status == 0
    planned = doctor("check", "--dry-run")
    assert (planned.status, "no account is configured" in planned.stdout) == (0, True)


def test_what_was_looked_at_is_listed(doctor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names and places, never a value; a key file that is there is named, and not read."""
    private("kraken.key", "hunter2hunter2\nhunter2hunter2\n")
    (tmp_path / ".env").write_text("KRAKEN_USER_DAIVON_API_KEY=hunter2hunter2\n")
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", "hunter2hunter2")
    monkeypatch.setenv("KRAKEN_KEY", "hunter2hunter2")
    ended = doctor("accounts")
    assert "hunter2" not in ended.stdout + ended.stderr
    places = {
        place["place"]: place["found"] for place in document(doctor("accounts", "-o", "json").stdout)["looked_at"]
    }
    assert places == {
        "environment": "KRAKEN_MASTER_API_SECRET, KRAKEN_KEY",
        str(tmp_path / ".env"): "KRAKEN_USER_DAIVON_API_KEY",
        "$CREDENTIALS_DIRECTORY": "not set",
        "kraken.key": "not read: --key-file kraken.key",
    }


def test_an_unreadable_env_file_stops_nothing_that_needs_none(doctor: Run, at: SandboxServer) -> None:
    """The sandbox does without; the clock and the versions say that it was not read; a check of accounts stops."""
    private(".env", b"KRAKEN_MASTER_API_KEY=\xe9\n")
    for command in (["check", "--sandbox"], ["check", "--sandbox", "--dry-run"], ["accounts", "--sandbox"]):
        ended = doctor(*command)
        assert (ended.status, ended.stderr) == (0, ""), command
    for command in (["version"], ["clock", "--max-offset", "5"], ["check", "--only", "path"]):
        ended = doctor(*command)
        assert (ended.status, ended.stderr.startswith("Not read: ")) == (0, True), command
    assert doctor("check").status == 2
    assert doctor("--env-file", ".env", "version").status == 2, "one that is named is meant"


def test_the_sandbox_takes_all_of_them_out() -> None:
    """What leads to a credential is no more given to a command than the credential."""
    from kraken_doctor.secret import without_secrets

    leading = {"KRAKEN_API_KEY_FILE": "f", "KRAKEN_NONCE_STORE_FILE": "f", "CREDENTIALS_DIRECTORY": "d"}
    assert without_secrets({**leading, "KRAKEN_DOCTOR_CHECK_JSON_FILE": "f"}) == {"KRAKEN_DOCTOR_CHECK_JSON_FILE": "f"}


def test_a_key_file_is_read_once_and_never_waited_for(tmp_path: Path) -> None:
    """A pipe by that name is none."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="not a settings file"):
        sources.key_file(tmp_path / "pipe")
