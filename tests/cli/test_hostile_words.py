"""Foreign words that reach the command line by other ways than a server: logs, stores, variables, arguments, files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_doctor.cli.main import COMMANDS
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Finished, Run
from tests.render.samples import call
from tests.runner import commands
from tests.schema import OUTPUTS

WORDS = (
    "[bold]boo[/bold]\x1b[31m\x1b]8;;http://x\x07y\n::error::boo\r##[error]boo\u202egnp\u200b\u2066"
    " </td><script>boo</script> | `x` @user %0A::warning::boo"
)
_FORBIDDEN = ("\x1b", "\x07", "\0", "\u202e", "\u200b", "\u2066", "\r")


def check(ended: Finished, form: str = "") -> None:
    """Nothing of it is obeyed, by a terminal or by a CI runner; and it is no flood."""
    for stream in (ended.stdout, ended.stderr):
        assert [character for character in _FORBIDDEN if character in stream] == []
        assert form == "github" or commands(stream) == []
        assert len(stream) < 100_000


@pytest.mark.parametrize("form", OUTPUTS)
def test_an_audit_log_that_somebody_wrote_to(
    doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Names of endpoints and outcomes are a bot's and a server's; a store is a file."""
    store = open_store(f"sqlite:///{tmp_path}/nonce.db")
    for text in (WORDS, "A" * 100_000, "\ud800\uffff\0"):
        store.record(call(key_id=text[:300], endpoint=text, outcome=text))
    store.close()
    monkeypatch.setenv("KRAKEN_NONCE_STORE", f"sqlite:///{tmp_path}/nonce.db")
    ended = doctor("audit", "-o", form)
    assert ended.status == 0
    check(ended, form)


@pytest.mark.parametrize(
    "name",
    [
        "KRAKEN_SPOT_URL",
        "KRAKEN_NONCE_STORE",
        "KRAKEN_NONCE_UNIT",
        "KRAKEN_DOCTOR_CHECK_TIMEOUT",
        "HTTPS_PROXY",
        "REQUESTS_CA_BUNDLE",
        "KRAKEN_DOCTOR_CHECK_NTP_SERVER",
        "KRAKEN_MASTER_API_KEY",
        "KRAKEN_DOCTOR_CHECK_OUTPUT",
    ],
)
def test_a_variable_of_the_environment(
    doctor: Run, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whatever its use: an error that repeats it, or a finding about it."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", key.secret)
    for value in (
        WORDS,
        WORDS.replace("\n", " ").replace("\r", " "),
        "A" * 30_000,
    ):  # Windows takes no more than 32,767
        monkeypatch.setenv(name, value)
        ended = doctor("check")
        assert ended.status in (0, 1, 2, 3)
        check(ended)


@pytest.mark.parametrize(
    "arguments",
    [("{}",), ("check", "{}"), ("check", "--user", "{}"), ("check", "--api-url", "{}"), ("check", "-o", "{}"),
     ("check", "--json-file", "{}/x"), ("--env-file", "{}", "check"), ("explain", "{}"), ("nonce", "--target", "{}:x"),
     ("report", "--from", "{}"), ("sandbox", "--host", "{}"), ("audit", "--outcome", "{}"), ("completion", "{}")],
)  # fmt: skip
def test_an_argument(doctor: Run, arguments: tuple[str, ...]) -> None:
    """Pasted from somewhere."""
    assert {argument for argument in arguments if argument in COMMANDS} or arguments[0] in ("{}", "--env-file")
    for value in (WORDS, "A" * 50_000):
        ended = doctor(*(argument.format(value) for argument in arguments))
        assert ended.status in (0, 1, 2, 3)
        assert ended.stdout + ended.stderr
        check(ended)


def test_a_env_file(doctor: Run, tmp_path: Path) -> None:
    """Values, and lines that are none."""
    file = tmp_path / "work" / ".env"
    flat = WORDS.replace("\n", " ")
    file.write_text(
        f"KRAKEN_USER_A_API_KEY='{flat}'\nKRAKEN_USER_A_API_SECRET='{flat}'\n{WORDS}\n= =\n{'A' * 50_000}\n",
        encoding="utf-8",
    )
    for form in OUTPUTS:
        ended = doctor("accounts", "-o", form)
        assert ended.status == 1
        check(ended, form)
