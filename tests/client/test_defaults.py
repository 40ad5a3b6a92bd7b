"""What the library takes from the process's environment, and from nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import krakenex
import pytest

from kraken_doctor import KrakenClient, NonceGenerator, install, key_id, open_store
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.client.kinds import CCXT, KRAKENEX, NOBODY, SDK, SECRET
from tests.conftest import Run

VARIABLE = "KRAKEN_NONCE_STORE"


def test_the_store_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For whoever names none; a URL that is given goes before."""
    path = tmp_path / "shared" / "nonce.db"
    monkeypatch.setenv(VARIABLE, f"sqlite:///{path}")
    NonceGenerator("key").next()
    assert path.exists()
    assert open_store().mark("key") is not None
    assert open_store("memory://").mark("key") is None
    monkeypatch.setenv(VARIABLE, "memory://")
    assert open_store().name == "memory"
    assert open_store(f"sqlite:///{path}").mark("key") is not None


@pytest.mark.parametrize("said", [None, ""])
def test_without_one_it_is_the_user_s_file(said: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Empty is unset."""
    if said is not None:
        monkeypatch.setenv(VARIABLE, said)
    NonceGenerator("key").next()
    assert (tmp_path / "state" / "kraken-doctor" / "nonce.db").exists()


def test_a_url_that_is_empty_is_still_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody gave it."""
    monkeypatch.setenv(VARIABLE, "memory://")
    with pytest.raises(ConfigurationError):
        open_store("")


@pytest.mark.parametrize("client", [KRAKENEX, CCXT, SDK], ids=lambda kind: kind.name)
def test_doctor_and_bots_are_on_one_store(
    client: Any, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, doctor: Run
) -> None:
    """Without a word in the bot's code."""
    monkeypatch.setenv(VARIABLE, f"sqlite:///{tmp_path / 'shared.db'}")
    made = client.make(key.api_key, key.secret, server.url)
    assert install(made)
    client.call(made)
    shown = doctor("audit").stdout
    assert str(key.mark) in shown


@pytest.mark.parametrize(
    "url", ["mysql://me:sesame@host/db", "sqlite://", "redis://host:port-7/sesame", "memory://x", "nonce.db", " "]
)
def test_a_store_that_is_none(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that names the variable, and nothing secret; for every kind of client."""
    monkeypatch.setenv(VARIABLE, url)
    made = [kind.make(NOBODY, SECRET, "http://127.0.0.1:1") for kind in (KRAKENEX, CCXT, SDK)]
    for way in (open_store, lambda: NonceGenerator("key"), lambda: KrakenClient(NOBODY, SECRET), *(
        lambda client=client: install(client) for client in made
    )):  # fmt: skip
        with pytest.raises(ConfigurationError, match=VARIABLE) as caught:
            way()  # type: ignore[operator]
        assert "\n" not in str(caught.value)
        assert "sesame" not in str(caught.value)
        assert caught.value.__cause__ is None
    assert not hasattr(made[0], "_kraken_doctor")


def test_a_unit_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same; but nobody asks for it where one is given, or the client has its own."""
    monkeypatch.setenv("KRAKEN_NONCE_UNIT", "fortnights")
    store = open_store("memory://")
    for way in (lambda: KrakenClient(NOBODY, SECRET, store=store), lambda: install(krakenex.API(), store=store)):
        with pytest.raises(ConfigurationError, match=r"^KRAKEN_NONCE_UNIT is 'fortnights'; use one of s, ms, us"):
            way()
    for kind in (CCXT, SDK):
        assert install(kind.make(NOBODY, SECRET, "http://127.0.0.1:1"), store=store)
    from kraken_doctor import NonceUnit

    assert install(krakenex.API(), store=store, unit=NonceUnit.MS)
    assert len(str(NonceGenerator("key", store=store).next())) == 16


def test_no_dotenv_is_read(tmp_path: Path) -> None:
    """Only the process's variables; the command line is what reads the other."""
    work = tmp_path / "bot"
    work.mkdir()
    (work / ".env").write_text("KRAKEN_NONCE_STORE=memory://\nKRAKEN_NONCE_UNIT=ns\n")
    code = (
        "from kraken_doctor import KrakenClient, open_store; print(open_store().name, KrakenClient()._nonce() < 10**16)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["sqlite", "True"]


def test_the_commands_keep_their_own_choice(
    doctor: Run, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A `.env` names the doctor's store; and the sandbox does not touch the user's file."""
    named = f"sqlite:///{tmp_path / 'named.db'}"
    KRAKENEX.call(KRAKENEX.installed(key.api_key, key.secret, server.url, store=open_store(named)))
    (tmp_path / "work" / ".env").write_text(f"KRAKEN_NONCE_STORE={named}\n")
    assert str(key.mark) in doctor("audit").stdout
    assert str(key.mark) not in doctor("--no-env-file", "audit").stdout
    store = open_store(named)
    for said in ("", named):
        monkeypatch.setenv(VARIABLE, said)
        assert doctor("check", "--sandbox", "-o", "short").status == 0
    assert store.mark(key_id(key.api_key)) == key.mark
    assert not (tmp_path / "state" / "kraken-doctor" / "nonce.db").exists()
