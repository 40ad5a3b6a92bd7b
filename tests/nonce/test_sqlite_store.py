"""What only the file-backed store must stand: lost, damaged and read-only files, and forks."""

from __future__ import annotations

import gc
import os
import re
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kraken_doctor.errors import ConfigurationError, NonceStoreError
from kraken_doctor.nonce.stores import open_store, sqlite
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.nonce.stores.sqlite import SQLiteStore
from kraken_doctor.redact import redactor
from tests.render.samples import call


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "nonce.db"


def in_fork(action: Callable[[], object]) -> str:
    """What *action* gave in a forked child, as text; the exception's name if it raised."""
    if sys.platform == "win32":
        pytest.skip("needs posix: fork")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str(action())
        except Exception as exc:  # noqa: BLE001
            said = type(exc).__name__
        os.write(writer, said.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        return stream.read()


@pytest.mark.posix("modes and owners of files")
def test_files_are_the_users_alone(path: Path) -> None:
    """Marks tell when a bot trades: 0700 for the folder, 0600 for what is in it."""
    store = SQLiteStore(path)
    with store.turn("key", 5):
        store.advance("key", 1)
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}, modes


def test_a_mark_below_is_raised_by_one_statement_without_an_answer(path: Path) -> None:
    """The cheapest there is; another process's mark, and a key that is new, are asked for."""
    store = SQLiteStore(path)

    def statements_of(key: str, floor: int, nonce: int) -> list[str]:
        said: list[str] = []
        database = store._shared()._connection()
        database.set_trace_callback(said.append)
        assert store.advance(key, floor) == nonce
        database.set_trace_callback(None)
        return [statement.split()[0] for statement in said]

    assert statements_of("key", 1000, 1000) == ["UPDATE", "INSERT"]
    assert statements_of("key", 0, 1001) == ["UPDATE"]
    assert statements_of("key", 4000, 4000) == ["UPDATE"]
    assert in_fork(lambda: SQLiteStore(path).advance("key", 5000)) == "5000"
    assert statements_of("key", 4500, 5001) == ["UPDATE", "INSERT"]
    assert statements_of("key", 4500, 5002) == ["UPDATE"]


@pytest.mark.posix("deleting a file that is open")
def test_a_deleted_directory_ends_in_a_correct_nonce(path: Path) -> None:
    """The file is made anew, and this process goes on above what it issued: the mark it lost."""
    store = SQLiteStore(path)
    store.advance("key", 10**6)
    shutil.rmtree(path.parent)
    assert store.advance("key", 5) == 10**6 + 1
    assert SQLiteStore(path).mark("key") == 10**6 + 1


@pytest.mark.posix("replacing a file that is open")
def test_a_replaced_file_is_noticed(path: Path) -> None:
    """A mark that another process wrote to the new file is respected."""
    store = SQLiteStore(path)
    store.advance("key", 10)
    for entry in path.parent.iterdir():
        entry.unlink()
    SQLiteStore(path).advance("key", 500)
    assert store.advance("key", 0) == 501


def test_bots_that_start_at_once_wait_for_each_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's timeout does not hold while a new file is given its log: it fails in under a millisecond there."""
    SQLiteStore(path).advance("key", 10)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    assert other.execute("PRAGMA journal_mode = DELETE").fetchall() == [("delete",)]
    other.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        other.execute("COMMIT")

    monkeypatch.setattr(sqlite, "sleep", wait)
    assert SQLiteStore(path).advance("key", 0) == 11
    assert len(waits) == 1
    other.close()


def test_garbage_is_refused_and_left_alone(path: Path) -> None:
    """No nonce from a file that is no database, and the file is not overwritten."""
    path.parent.mkdir()
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(NonceStoreError, match=r"nonce\.db"):
        SQLiteStore(path).advance("key", 1)
    assert path.read_bytes().startswith(b"this is not")


def test_a_place_that_can_not_be_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be: an error that names the place."""
    (tmp_path / "file").write_text("")
    store = SQLiteStore(tmp_path / "file" / "nonce.db")
    with pytest.raises(NonceStoreError, match=r"nonce\.db"):
        store.advance("key", 1)
    with pytest.raises(NonceStoreError), store.turn("key", 1):
        pass


def test_a_forked_child_goes_on_above_its_parent(path: Path) -> None:
    """Parent and child share the file, not the connection: neither repeats the other."""
    store = SQLiteStore(path)
    store.advance("key", 100)
    assert in_fork(lambda: store.advance("key", 0)) == "101"
    assert store.advance("key", 0) == 102


def test_a_forked_child_does_not_hold_its_parents_turn(path: Path) -> None:
    """The child has to wait like everybody else."""

    def take() -> str:
        with store.turn("key", 0.1):
            return "got it"

    store = SQLiteStore(path)
    with store.turn("key", 5):
        assert in_fork(take) == "TurnTimeoutError"
    assert in_fork(take) == "got it"


def test_memory_refuses_to_go_on_in_a_forked_child() -> None:
    """A copy of the marks would repeat the parent's nonces: the child gets none."""
    store = MemoryStore()
    store.advance("key", 100)
    assert in_fork(lambda: store.advance("key", 0)) == "NonceStoreError"
    assert store.advance("key", 0) == 101


def test_a_key_id_can_not_leave_the_folder(path: Path) -> None:
    """Whatever a caller uses as a key's id, lock files stay beside the database."""
    store = SQLiteStore(path)
    with store.turn("../../etc/passwd", 5), store.turn("x" * 500, 5):
        pass
    assert all(entry.is_file() for entry in path.parent.iterdir())
    assert {entry.name for entry in path.parent.parent.iterdir()} <= {"state", "work"}


@pytest.mark.parametrize(
    "url", ["", "memory", "memory://x", "sqlite://", "sqlite:///", "file:///x", "postgres://u:secret@h/db"]
)
def test_an_unknown_store_is_a_clear_error(url: str) -> None:
    """The message says what to use, and never repeats a password."""
    with pytest.raises(ConfigurationError, match=r"memory://, sqlite:///path or redis://") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_the_default_store_is_in_the_users_state_directory(tmp_path: Path) -> None:
    """Without an URL the file lies where the platform keeps state."""
    store = open_store()
    store.advance("key", 1)
    assert (tmp_path / "state" / "kraken-doctor" / "nonce.db").is_file()
    store.close()


@pytest.mark.linux("/proc")
def test_a_thousand_keys_need_no_thousand_files(tmp_path: Path) -> None:
    """Most systems let a process have 1,024 open, and the turn of each key is two files."""
    store = open_store(f"sqlite:///{tmp_path}/nonce.db")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for round_ in range(2):
        for number in range(300):
            with store.turn(f"key{number}", 5.0):
                assert store.advance(f"key{number}", round_) >= round_
    assert len(list(Path("/proc/self/fd").iterdir())) - before < 2 * 100 + 20
    store.close()


@pytest.mark.linux("/proc")
def test_a_store_that_was_left_open_keeps_no_files(tmp_path: Path) -> None:
    """A process that makes one now and then, and forgets to close it, does not run out of them."""

    def use() -> None:
        store = open_store(f"sqlite:///{tmp_path}/nonce.db")
        with store.turn("key", 5.0):
            store.advance("key", 1)
        store.record(call())

    use()
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        use()
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_one_that_was_interrupted_as_it_was_made_is_dropped_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has none of what it would close; a bot's last lines must not be about that."""
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    sqlite._Shared.__new__(sqlite._Shared)
    gc.collect()
    assert said == []


def test_redis_without_its_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with the command that brings it; and a URL that can't be read, with the form that can."""
    with pytest.raises(ConfigurationError) as unreadable:
        open_store("redis://host:notaport/0")
    said = str(unreadable.value)
    assert said.startswith("the Redis URL can't be read: use redis://host:port/db, with user:password@")
    assert redactor()(said) == said
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError) as missing:
        open_store("redis://127.0.0.1/0")
    assert str(missing.value) == "redis:// needs an extra: pip install 'kraken-doctor[redis]'"


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_redis_is_reached_with_and_without_tls(scheme: str) -> None:
    """By its scheme; nothing is opened before the first nonce."""
    store = open_store(f"{scheme}://user:sesame@127.0.0.1:1/0")
    assert store.name == "redis"
    with pytest.raises(NonceStoreError) as caught:
        store.advance("key", 1)
    assert "sesame" not in str(caught.value)


def test_no_statement_numbers_its_values() -> None:
    """At ``?1`` Python 3.12.0 to 3.12.3, Ubuntu's, warns of 3.14, with each nonce."""
    said = [text for value in sqlite._STATEMENTS.values() for text in ([value] if isinstance(value, str) else value)]
    assert len(said) >= 4
    assert not [text for text in said if re.search(r"\?\d", text)]
