"""`init`: key and secret into a .env, without showing them and without losing what is there."""

from __future__ import annotations

import contextlib
import fnmatch
import io
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from kraken_doctor.accounts import dotenv
from kraken_doctor.accounts.families import FAMILIES
from kraken_doctor.cli.main import cli
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run
from tests.terminal import terminal

KEY, SECRET = "KRAKEN_USER_DAIVON_FRAZIER_API_KEY", "KRAKEN_USER_DAIVON_FRAZIER_API_SECRET"
UNIT = "KRAKEN_USER_DAIVON_FRAZIER_NONCE_UNIT"
STOP = "Stop the bot on this key before a test, or give the doctor a key of its own."


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nobody at a keyboard."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    return monkeypatch


def give(stdin: pytest.MonkeyPatch, text: str) -> None:
    stdin.setattr("sys.stdin", io.StringIO(text))


def mode(path: Path) -> int:
    if os.name != "posix":
        return 0o600  # there are none
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.posix("modes and owners of files")
def test_without_a_terminal(doctor: Run, stdin: pytest.MonkeyPatch, key: Key) -> None:
    """Key and secret as two lines of stdin; the file is the owner's alone; what comes next is said."""
    os.umask(0o022)
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor("init", "--user", "Daivon Frazier", "--secret-stdin")
    assert (ended.status, ended.stdout) == (0, "")
    assert "To test them: kraken-doctor check --user daivon_frazier" in ended.stderr
    path = Path.cwd() / ".env"
    assert path.read_text() == f"{KEY}={key.api_key}\n{SECRET}={key.secret}\n"
    assert mode(path) == 0o600
    assert key.secret not in ended.stderr
    assert key.api_key not in ended.stderr


def test_the_key_as_an_option_the_secret_never(doctor: Run, stdin: pytest.MonkeyPatch, key: Key) -> None:
    """An option's value can be read by every user of the host."""
    give(stdin, key.secret)
    assert doctor("init", "--master", "--key", key.api_key, "--secret-stdin").status == 0
    assert dotenv.read(Path(".env")).values == {
        "KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret,
    }  # fmt: skip
    assert doctor("init", "--master", "--secret", key.secret).status == 2
    assert "--secret " not in doctor("init", "--help").stdout


def test_what_is_there_stays(doctor: Run, stdin: pytest.MonkeyPatch, key: Key) -> None:
    """Comments, order, other variables, export, blank lines; a second account beside the first."""
    path = Path(".env")
    before = f"# my bot\n\nFOO='a b' # keep\nexport {KEY}=\"\"   # the key\n\n\n{SECRET}=\nBAR=1"
    path.write_text(before)
    path.chmod(0o644)
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    assert doctor("init", "--user", "daivon_frazier", "--secret-stdin").status == 0
    expected = before.replace('""', key.api_key).replace(f"{SECRET}=", f"{SECRET}={key.secret}")
    assert path.read_text() == expected
    assert mode(path) == 0o600
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    assert doctor("init", "--master", "--secret-stdin").status == 0
    assert path.read_text().startswith(expected + "\nKRAKEN_MASTER_API_KEY=")


def test_a_value_that_is_set_is_replaced_only_when_asked_to(doctor: Run, stdin: pytest.MonkeyPatch, key: Key) -> None:
    """A secret that is overwritten is gone: Kraken shows it once."""
    path = Path(".env")
    path.write_text(f"{KEY}=old\n")
    pair = f"{key.api_key}\n{key.secret}\n"
    give(stdin, pair)
    ended = doctor("init", "--user", "daivon_frazier", "--secret-stdin")
    assert (ended.status, path.read_text()) == (2, f"{KEY}=old\n")
    assert f"sets {KEY} already; nothing was changed (--replace replaces it)" in ended.stderr
    give(stdin, pair)
    assert doctor("init", "--user", "daivon_frazier", "--secret-stdin", "--replace").status == 0
    give(stdin, pair)
    assert doctor("init", "--user", "daivon_frazier", "--secret-stdin").status == 0, "the same values are no change"


def test_the_nearest_file_is_the_one(doctor: Run, stdin: pytest.MonkeyPatch, key: Key, tmp_path: Path) -> None:
    """A new one here would hide the one above, with all its accounts, from `check`."""
    above, named = tmp_path / ".env", tmp_path / "other.env"
    above.write_text("A=1\n")
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    assert doctor("init", "--master", "--secret-stdin").status == 0
    assert not Path(".env").exists()
    assert set(dotenv.read(above).values) == {"A", "KRAKEN_MASTER_API_KEY", "KRAKEN_MASTER_API_SECRET"}
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    assert doctor("--env-file", str(named), "init", "--master", "--secret-stdin").status == 0
    assert mode(named) == 0o600


@pytest.mark.parametrize("name", [".env", "prod.env"])
def test_a_crash_leaves_nothing_that_git_would_take(
    doctor: Run, stdin: pytest.MonkeyPatch, key: Key, tmp_path: Path, name: str
) -> None:
    """What is written beside the file is ignored by `.env*` too, and readable by nobody else from its first moment."""
    seen: dict[str, int] = {}

    def killed(path: Path, _target: Path) -> None:
        seen[path.name] = mode(path)
        raise SystemExit(9)

    give(stdin, f"{key.api_key}\n{key.secret}\n")
    stdin.setattr(Path, "replace", killed)
    stdin.setattr(Path, "unlink", lambda _path: None)
    assert doctor("--env-file", str(tmp_path / name), "init", "--master", "--secret-stdin").status != 0
    (beside,) = (path for path in tmp_path.iterdir() if path.is_file())
    assert {beside.name: mode(beside)} == seen == {beside.name: 0o600}
    assert fnmatch.fnmatch(beside.name, ".env*")
    assert key.secret in beside.read_text()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("changeme\n{secret}", "no API key but a placeholder"),
        ("\n{secret}", "no API key but a placeholder"),
        ("{secret}\n{key}", "has the form of a secret"),
        ("{key}\n{key}", "has the form of an API key"),
        ("{key}\n<your-secret>", "no secret but a placeholder"),
        ("{key}\n", "no secret but a placeholder"),
        ("{key}\naB3dEf7hIj1lMn5p", "not base64 of 64 bytes (16 characters)"),
        ("{head}\u200b{tail}\n{secret}", "an invisible character (U+200B)"),
        ("{key}\nab cd\x00ef", "the secret holds white space"),
    ],
)
def test_what_can_t_work_is_not_written(
    doctor: Run, stdin: pytest.MonkeyPatch, key: Key, lines: str, said: str
) -> None:
    """In one line, which does not repeat it."""
    text = lines.format(key=key.api_key, secret=key.secret, head=key.api_key[:20], tail=key.api_key[20:])
    give(stdin, text)
    ended = doctor("init", "--master", "--secret-stdin")
    assert (ended.status, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not Path(".env").exists()
    assert key.secret not in ended.stderr


@pytest.mark.parametrize("wrapped", ["  {}  ", '"{}"', "'{}'", "\ufeff{}", "{}\r", "`{}`"])
def test_what_a_paste_brings_along_is_left_behind(
    doctor: Run, stdin: pytest.MonkeyPatch, key: Key, wrapped: str
) -> None:
    """Blanks, quotes, a byte order mark, a carriage return."""
    give(stdin, f"{wrapped.format(key.api_key)}\n{wrapped.format(key.secret)}\n")
    assert doctor("init", "--master", "--secret-stdin").status == 0
    assert dotenv.read(Path(".env")).values["KRAKEN_MASTER_API_SECRET"] == key.secret


@pytest.mark.parametrize(
    "arguments",
    [("init",), ("init", "--user", "x"), ("init", "--secret-stdin"),
     ("init", "--user", "x", "--master", "--secret-stdin"),
     ("--no-env-file", "init", "--master", "--secret-stdin"), ("init", "--user", "!!", "--secret-stdin"),
     ("--env-file", "no/such/.env", "init", "--master", "--secret-stdin"),
     ("--env-file", ".", "init", "--master", "--secret-stdin")],
)  # fmt: skip
def test_bad_usage(doctor: Run, stdin: pytest.MonkeyPatch, key: Key, arguments: tuple[str, ...]) -> None:
    """Status 2, and no file."""
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor(*arguments)
    assert (ended.status, ended.stdout) == (2, "")
    assert not list(Path.cwd().iterdir())


def git(*arguments: str) -> None:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], check=True, capture_output=True, env=environ)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_git_is_asked(doctor: Run, stdin: pytest.MonkeyPatch, key: Key) -> None:
    """What would be committed, and what is already; an ignored file is worth no word."""

    def said() -> str:
        give(stdin, f"{key.api_key}\n{key.secret}\n")
        return str(doctor("-q", "init", "--master", "--secret-stdin").stderr)

    assert said() == "", "no repository"
    git("init")
    assert "git would commit" in said()
    Path(".gitignore").write_text(".env\n")
    assert said() == ""
    git("add", "-f", ".env")
    assert "git tracks" in said()


def test_a_variable_that_wins_over_the_file_is_said(doctor: Run, stdin: pytest.MonkeyPatch, key: Key) -> None:
    """Else the new key would seem not to help."""
    stdin.setenv("KRAKEN_MASTER_API_KEY", "old")
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor("init", "--master", "--secret-stdin")
    assert "KRAKEN_MASTER_API_KEY is set in this shell's environment too, and wins" in ended.stderr


def test_it_can_be_tested_at_once(doctor: Run, stdin: pytest.MonkeyPatch, key: Key, server: SandboxServer) -> None:
    """With the file that was just written, and the check's own status."""
    stdin.setenv("KRAKEN_SPOT_URL", server.url)
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor("init", "--user", "daivon_frazier", "--secret-stdin", "--check")
    assert ended.status == 0
    assert "✅ KRAKEN PRO CONNECTED (USER:daivon_frazier)" in ended.stdout
    key.mark = 2 * 10**18
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    assert doctor("init", "--user", "daivon_frazier", "--secret-stdin", "--check").status == 1


INIT = ("init", "--user", "daivon_frazier", "--secret-stdin")


@pytest.mark.parametrize(
    ("trades", "unit"),
    [("hummingbot", "s"), ("krakenex", "ms"), ("ccxt", "ms"), ("freqtrade", "ms"), ("custom-generator", "us"),
     ("kraken_doctor.install", "us"), ("npm kraken-api", "us"), ("python-kraken-sdk", "10ns"), ("Kraken CLI", "ns"),
     ("us", "us"), ("10NS", "10ns"), ("nothing", None), ("Kraken.Net", None)],
)  # fmt: skip
def test_the_unit_of_what_trades_is_written_beside_the_key(
    doctor: Run, stdin: pytest.MonkeyPatch, key: Key, trades: str, unit: str | None
) -> None:
    """For this account alone: the variable for all accounts would change what is sent for the others."""
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor(*INIT, "--trades", trades)
    assert (ended.status, ended.stdout) == (0, "")
    expected = {KEY: key.api_key, SECRET: key.secret} | ({UNIT: unit} if unit else {})
    assert dotenv.read(Path(".env")).values == expected
    written = ended.stderr.splitlines()[0]
    by = (
        "you alone"
        if os.name == "posix"
        else "whoever may read its folder (see icacls: in your profile, you and administrators)"
    )
    assert written == f"Written to {Path.cwd() / '.env'}, readable by {by}: {', '.join(expected)}"
    assert (STOP in ended.stderr) == (trades != "Kraken.Net")


def test_without_a_word_about_it_no_unit_is_written(doctor: Run, stdin: pytest.MonkeyPatch, key: Key) -> None:
    """And one that is set stays."""
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    assert doctor(*INIT).status == 0
    assert UNIT not in Path(".env").read_text()
    Path(".env").write_text(f"{UNIT}=us\n")
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    assert doctor(*INIT).status == 0
    assert dotenv.read(Path(".env")).values == {UNIT: "us", KEY: key.api_key, SECRET: key.secret}


@pytest.mark.parametrize(("trades", "after"), [("ccxt", "ms"), ("nothing", ""), ("kraken-net", "")])
def test_a_unit_that_is_set_is_replaced_as_other_values_are(
    doctor: Run, stdin: pytest.MonkeyPatch, key: Key, trades: str, after: str
) -> None:
    """A finer one that were left behind would be sent on the new key."""
    before = f"{KEY}={key.api_key}\n{UNIT}=us # the old bot's\n{SECRET}={key.secret}\n"
    Path(".env").write_text(before)
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor(*INIT, "--trades", trades)
    assert (ended.status, Path(".env").read_text()) == (2, before)
    assert f"sets {UNIT} already; nothing was changed (--replace replaces it)" in ended.stderr
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    assert doctor(*INIT, "--trades", trades, "--replace").status == 0
    assert Path(".env").read_text() == before.replace("=us ", f"={after} ")


def test_a_client_that_is_not_known_stops_it_before_anything(doctor: Run, stdin: pytest.MonkeyPatch, key: Key) -> None:
    """One line; no file."""
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor(*INIT, "--trades", "Kraken Go")
    assert (ended.status, ended.stderr.count("\n")) == (2, 1)
    assert (
        "'Kraken Go' is no client that is known, and no nonce unit; did you mean kraken-go-api-client?" in ended.stderr
    )
    assert not Path(".env").exists()


def test_a_client_in_no_unit_of_ours_has_no_test(
    doctor: Run, stdin: pytest.MonkeyPatch, key: Key, server: SandboxServer
) -> None:
    """A nonce in our next finer unit would lock Kraken.Net out for good."""
    stdin.setenv("KRAKEN_SPOT_URL", server.url)
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor(*INIT, "--trades", "kraken-net", "--check")
    assert (ended.status, ended.stderr.count("\n")) == (2, 1)
    assert "make a key of its own for the doctor; nothing was written" in ended.stderr
    assert not Path(".env").exists()
    stdin.setenv("KRAKEN_NONCE_UNIT", "ns")
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor(*INIT, "--trades", "kraken-net")
    assert ended.status == 0
    said = " ".join(ended.stderr.split())
    assert "No nonce unit was written: the doctor can't count as this client does, make a key of its own" in said
    assert (
        "run init with that one. KRAKEN_NONCE_UNIT is set all the same: take it away before you check this key" in said
    )
    assert "To test them" not in said
    assert server.exchange.requests == []


@pytest.mark.parametrize(
    ("trades", "environ", "said"),
    [
        (("--trades", "us"), {}, f"coarser than that is locked out of the key for good. A test makes 4 calls at most, "
         f"all read-only. Their nonces are in microseconds ({UNIT})."),
        (("--trades", "gocryptotrader"), {}, "of another program it is refused until it restarts. A test makes"),
        (("--trades", "nothing"), {"KRAKEN_NONCE_UNIT": "us"}, "nonces are in microseconds (KRAKEN_NONCE_UNIT)."),
        (("--trades", "s"), {UNIT: "ms"}, f"nonces are in milliseconds ({UNIT})."),
        ((), {}, "counts seconds is locked out of the key for good. A test makes 4 calls at most, all read-only. Their"
         " nonces are in milliseconds, or in the unit of the last call on this key recorded as accepted"),
    ],
)  # fmt: skip
def test_what_a_test_means_is_said_before_it(
    doctor: Run, stdin: pytest.MonkeyPatch, key: Key, server: SandboxServer,
    trades: tuple[str, ...], environ: dict[str, str], said: str,
) -> None:  # fmt: skip
    """Also with ``-q``, and with the unit that it will really use, from wherever that comes."""
    arrived: list[str] = []
    for name, value in {**environ, "KRAKEN_SPOT_URL": server.url}.items():
        stdin.setenv(name, value)
    stdin.setattr("kraken_doctor.cli.commands.init._check", lambda *_: arrived.append("check"))
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor("-q", *INIT, *trades, "--check")
    assert (ended.status, arrived) == (0, ["check"])
    assert STOP in ended.stderr
    assert said in " ".join(ended.stderr.split())


def test_the_test_counts_in_the_unit_that_was_said(
    doctor: Run, stdin: pytest.MonkeyPatch, key: Key, server: SandboxServer
) -> None:
    """The key of a bot with the custom generator: milliseconds would be refused."""
    stdin.setenv("KRAKEN_SPOT_URL", server.url)
    key.mark = round((server.exchange.now() - 1) * 10**6)
    give(stdin, f"{key.api_key}\n{key.secret}\n")
    ended = doctor(*INIT, "--trades", "custom-generator", "--check")
    assert ended.status == 0, ended.stderr
    assert "✅ KRAKEN PRO CONNECTED (USER:daivon_frazier)" in ended.stdout
    assert len(str(key.mark)) == 16
    assert key.refused == 0


def test_at_a_terminal(server: SandboxServer, key: Key, tmp_path: Path) -> None:
    """It asks, shows no secret, lets a mistake be mended, and offers the test."""
    environ = os.environ | {"KRAKEN_SPOT_URL": server.url, "TERM": "xterm", "PYTHONUTF8": "1", "CI": ""}
    with terminal("init", environ=environ, columns=100, lines=50) as screen:
        screen.until(lambda shown: "User's name (empty: the master account)" in shown)
        screen.type("daivon_frazier\n")
        screen.until(lambda shown: "API key:" in shown)
        screen.type("changeme\n")
        screen.until(lambda shown: shown.count("API key:") == 2)
        assert "no API key but a placeholder" in screen.shown
        screen.type(f"{key.api_key}\n")
        screen.until(lambda shown: "API secret (not shown):" in shown)
        screen.type("aB3dE\n")
        screen.until(lambda shown: shown.count("API secret (not shown):") == 2)
        assert "not base64 of 64 bytes" in screen.shown
        screen.type(f"{key.secret}\n")
        screen.until(lambda shown: "Client, or unit:" in shown)
        assert "us       custom-generator, kraken-doctor-install, npm-kraken-api" in screen.shown
        assert not Path(".env").exists()
        screen.type("php\n")
        screen.until(lambda shown: shown.count("Client, or unit:") == 2)
        assert "did you mean kraken-php?" in screen.shown
        screen.type("kraken-php\n")
        screen.until(lambda shown: "Test them now?" in shown)
        before = " ".join(screen.shown.partition("Test them now?")[0].split())
        assert STOP in before
        assert f"Their nonces are in microseconds ({UNIT})." in before
        assert dotenv.read(Path(".env")).values == {KEY: key.api_key, SECRET: key.secret, UNIT: "us"}
        assert "[y/N]" in screen.shown, "a bot may be running: not by a mere Enter"
        assert (key.mark, server.exchange.requests) == (0, [])
        screen.type("y\n")
        assert screen.end() == 0
        assert "KRAKEN PRO CONNECTED (USER:daivon_frazier)" in screen.shown
        assert key.secret.encode() not in screen.written
        assert b"short" not in screen.written


def test_at_a_terminal_a_client_in_no_unit_of_ours_is_not_tested(server: SandboxServer, key: Key) -> None:
    """The question is not even asked."""
    environ = os.environ | {"KRAKEN_SPOT_URL": server.url, "TERM": "xterm", "PYTHONUTF8": "1", "CI": ""}
    with terminal("init", "--master", "--key", key.api_key, environ=environ, columns=100, lines=50) as screen:
        screen.until(lambda shown: "API secret (not shown):" in shown)
        screen.type(f"{key.secret}\n")
        screen.until(lambda shown: "Client, or unit:" in shown)
        screen.type("Kraken.Net\n")
        assert screen.end() == 0
        assert "make a key of its own for the doctor" in " ".join(screen.shown.split())
        assert "Test them" not in screen.shown
        assert server.exchange.requests == []


@pytest.mark.posix("signals sent to a process")
def test_ctrl_c_at_a_question_writes_nothing(tmp_path: Path) -> None:
    """And ends as an interruption does."""
    environ = os.environ | {"TERM": "xterm", "PYTHONUTF8": "1"}
    with terminal("init", "--master", environ=environ) as screen:
        screen.until(lambda shown: "API key:" in shown)
        while screen.process.poll() is None:
            # One that comes between the question and the reading of its answer is seen by the next.
            screen.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                screen.process.wait(1)
        assert screen.end() == 130
    assert not Path(".env").exists()


def test_completion_knows_the_clients() -> None:
    """With the unit that each would set."""
    offers = ShellComplete(cli, {}, "kraken-doctor", "_X").get_completions(["init", "--trades"], "")
    offered = {offer.value: offer.help for offer in offers}
    assert (offered["krakenex"], offered["python-kraken-sdk"]) == ("milliseconds", "10-nanosecond ticks")
    assert offered["kraken-net"] == "100-ns ticks since year 1: 18 digits, begins 63 or 64"
    assert offered.keys() == {"nothing", *(family.id for family in FAMILIES)}
