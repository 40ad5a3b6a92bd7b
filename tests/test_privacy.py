"""What is written is this user's alone, in its place, whoever starts first; and nothing is written elsewhere."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run

COMMAND = [sys.executable, "-m", "kraken_doctor"]
_STRANGER = 54321

pytestmark = [pytest.mark.slow, pytest.mark.posix("modes and owners of files")]


def modes(folder: Path) -> dict[str, int]:
    """Of *folder* and of everything in it."""
    found = {".": stat.S_IMODE(folder.stat().st_mode)}
    return found | {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def environ(server: SandboxServer, key: Key, tmp_path: Path) -> dict[str, str]:
    """Of a process for which every place where something could be written is one of ours."""
    for name in ("home", "tmp", "cache", "config"):
        (tmp_path / name).mkdir()
    return {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"),
        "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"), "KRAKEN_SPOT_URL": server.url,
        "KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret, "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def test_nothing_is_written_but_the_state(environ: dict[str, str], tmp_path: Path) -> None:
    """By any command, with a umask that forbids nothing: all of it in one directory, readable by its owner alone."""
    before = tree(tmp_path)
    commands = [
        ["check"], ["check", "--sandbox"], ["check", "--dry-run"], ["balances", "-o", "json"], ["clock"], ["version"],
        ["accounts", "--static"], ["audit"], ["report"], ["report", "--offline"], ["nonce"], ["explain"],
        ["completion", "bash"], ["sandbox", "--", sys.executable, "-c", ""], ["--help"],
    ]  # fmt: skip
    for command in commands:
        ended = subprocess.run(
            [*COMMAND, *command],
            env=environ,
            cwd=tmp_path / "work",
            capture_output=True,
            text=True,
            umask=0,
            check=False,
        )
        assert ended.returncode in (0, 3), (command, ended.stdout, ended.stderr)
    state = tmp_path / "state"
    written = {path for path in tree(tmp_path).keys() - before.keys() if not path.startswith(str(state))}
    assert written == set()
    assert all(tree(tmp_path)[path] == content for path, content in before.items())
    found = modes(state / "kraken-doctor")
    assert found.pop(".") == 0o700
    assert found.keys() >= {"nonce.db", "nonce.db.audit"}
    assert set(found.values()) == {0o600}


_FIRST_START = """
import sys
from kraken_doctor.nonce.stores import open_store
store = open_store()
sys.stdin.readline()
with store.turn("key", 30.0):
    print(store.advance("key", 5))
"""


def test_eight_first_starts_at_once(environ: dict[str, str], tmp_path: Path) -> None:
    """None fails because another makes the directory, the database or the locks in the same moment."""
    for _ in range(3):
        state = tmp_path / "state"
        started = [
            subprocess.Popen(
                [sys.executable, "-c", _FIRST_START], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True,
            )
            for _ in range(8)
        ]  # fmt: skip
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ended = [process.communicate() for process in started]
        assert [stderr for _, stderr in ended] == [""] * 8
        assert sorted(int(stdout) for stdout, _ in ended) == list(range(5, 13))
        assert modes(state / "kraken-doctor")["."] == 0o700
        assert set(list(modes(state / "kraken-doctor").values())[1:]) == {0o600}
        state.rename(tmp_path / f"before {len(list(tmp_path.iterdir()))}")


@pytest.mark.posix("modes and owners of files")
def test_a_directory_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can replace the file chooses the next nonce. No nonce, and nothing written."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + _STRANGER)
    if os.getuid() == 0:  # whose files pass for the system's
        os.chown(folder, 1, -1)
    store = open_store(f"sqlite:///{folder}/nonce.db")
    for action in (lambda: store.advance("key", 1), lambda: store.turn("key", 1.0).__enter__()):
        with pytest.raises(NonceStoreError, match="belongs to another user"):
            action()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("mode", "used"), [(0o777, False), (0o1777, True), (0o755, True), (0o775, True)])
def test_a_directory_that_everybody_may_write_to(tmp_path: Path, mode: int, used: bool) -> None:
    """Not used, unless only the owner of a file may replace it there, as in /tmp."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    store = open_store(f"sqlite:///{folder}/nonce.db")
    if used:
        assert store.advance("key", 7) == 7
    else:
        with pytest.raises(NonceStoreError, match="everyone can write"):
            store.advance("key", 7)
    store.close()


@pytest.mark.posix("symbolic links")
def test_a_link_that_the_user_made_is_followed(tmp_path: Path) -> None:
    """To another disk, say: the mark is there, and the link stays one."""
    (tmp_path / "disk").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to(tmp_path / "disk")
    store = open_store(f"sqlite:///{tmp_path}/state/nonce.db")
    assert store.advance("key", 7) == 7
    store.close()
    assert (tmp_path / "state").is_symlink()
    assert modes(tmp_path / "disk")["nonce.db"] == 0o600


@pytest.mark.posix("modes and owners of files")
def test_a_env_file_of_another_user_is_not_read(
    doctor: Run, server: SandboxServer, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In /tmp anybody may leave one, and with it send this user's keys to a host of their own. By name it is read."""
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", key.secret)
    file = tmp_path / ".env"
    file.write_text(f"KRAKEN_SPOT_URL={server.url}\n")
    if os.getuid() == 0:
        os.chown(file, 1, -1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + _STRANGER)
    monkeypatch.setenv("KRAKEN_NONCE_STORE", "memory://")
    ended = doctor("check")
    assert ended.status == 2
    assert "belongs to another user" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert server.exchange.requests == []
    assert doctor("--env-file", str(file), "check").status == 0


def test_init_and_reports_are_private_under_any_umask(environ: dict[str, str], key: Key, tmp_path: Path) -> None:
    """Whatever else new files of this user are; and through a link the file behind it is written."""
    (tmp_path / "work" / ".env").symlink_to(tmp_path / "home" / "secrets")
    (tmp_path / "home" / "secrets").write_text("X=1\n")
    subprocess.run(
        [*COMMAND, "init", "--master", "--secret-stdin", "--no-check"], input=f"{key.api_key}\n{key.secret}\n",
        env=environ, cwd=tmp_path / "work", text=True, umask=0, check=True, capture_output=True,
    )  # fmt: skip
    assert (tmp_path / "work" / ".env").is_symlink()
    assert (tmp_path / "home" / "secrets").read_text().startswith("X=1\nKRAKEN_MASTER_API_KEY=")
    assert modes(tmp_path / "home")["secrets"] == 0o600
    files = ["--json-file", "r.json", "--junit-file", "r.xml"]
    subprocess.run(
        [*COMMAND, "check", *files], env=environ, cwd=tmp_path / "work", umask=0, check=True, capture_output=True
    )
    assert {modes(tmp_path / "work")[name] for name in ("r.json", "r.xml")} == {0o600}
