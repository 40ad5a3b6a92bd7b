"""`kraken_doctor.examine`: what ``check`` does, for a bot's start-up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import kraken_doctor
from kraken_doctor.model.findings import Outcome
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key


def environ_of(server: SandboxServer, key: Key, tmp_path: Path, secret: str | None = None) -> dict[str, str]:
    return {
        "KRAKEN_SPOT_URL": server.url,
        "KRAKEN_NONCE_STORE": f"sqlite:///{tmp_path / 'nonce.db'}",
        "KRAKEN_USER_DAIVON_FRAZIER_API_KEY": key.api_key,
        "KRAKEN_USER_DAIVON_FRAZIER_API_SECRET": secret or key.secret,
    }


def test_a_bot_learns_whether_it_may_start(server: SandboxServer, key: Key, tmp_path: Path) -> None:
    """Without a command line: typed, frozen, and the published document."""
    report = kraken_doctor.examine(users=["daivon_frazier"], environ=environ_of(server, key, tmp_path))
    assert (report.outcome, report.exit_status, report.primary) == (Outcome.PASS, 0, None)
    assert [account.connected for account in report.accounts] == [True]
    assert json.loads(report.to_json())["accounts"][0]["account"] == "USER:daivon_frazier"
    assert key.secret not in repr(report) + report.to_json()


def test_a_bot_learns_why_it_may_not(server: SandboxServer, key: Key, tmp_path: Path) -> None:
    """With the cause that ``check`` names."""
    wrong = environ_of(server, key, tmp_path, secret=key.secret.swapcase())
    report = kraken_doctor.examine(environ=wrong)
    assert report.primary is not None
    assert report.primary.cause == "signature-invalid"
    assert report.exit_status == 1


def test_an_account_that_is_not_there_is_a_typed_error(server: SandboxServer, key: Key, tmp_path: Path) -> None:
    """And no .env that happens to lie around is read."""
    (Path.cwd() / ".env").write_text("KRAKEN_USER_ALICE_API_KEY=a\nKRAKEN_USER_ALICE_API_SECRET=b\n")
    with pytest.raises(kraken_doctor.ConfigurationError, match="alice"):
        kraken_doctor.examine(users=["alice"], environ=environ_of(server, key, tmp_path))


def test_credentials_where_the_bot_keeps_them(server: SandboxServer, key: Key, tmp_path: Path) -> None:
    """By the names of `check`'s options, and no secret of such a file is in the report."""
    (tmp_path / "kraken.key").write_text(f"{key.api_key}\n{key.secret}\n", encoding="utf-8")
    environ = {"KRAKEN_NONCE_STORE": f"sqlite:///{tmp_path / 'nonce.db'}"}
    report = kraken_doctor.examine(environ=environ, api_url=server.url, key_file=tmp_path / "kraken.key")
    assert [(account.label, account.connected) for account in report.accounts] == [("MASTER", True)]
    assert key.secret not in repr(report) + report.to_json()
    with pytest.raises(kraken_doctor.ConfigurationError, match="exclude each other"):
        kraken_doctor.examine(environ=environ, key_file="a", config="b")
