"""One file for several clients, processes, names and users: no nonce twice, and no more open than for one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kraken_doctor
from kraken_doctor.errors import NonceStoreError
from kraken_doctor.nonce.stores.sqlite import SQLiteStore
from tests.nonce.agent import Agent

pytestmark = pytest.mark.slow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shared" / "nonce.db"


# Several clients, several processes


def test_a_second_client_keeps_the_locks_of_the_first(path: Path) -> None:
    """A short-lived process must not take itself for the last user, and delete the log that the others write."""
    opened = f"first, second = open_store('sqlite:///{path.as_posix()}'), open_store('sqlite:///{path.as_posix()}')"
    with Agent() as a, Agent() as c:
        a(opened)
        assert [a("first.advance('k', 5000)"), a("second.advance('k', 0)")] == ["5000", "5001"]
        with Agent() as b:
            assert b(f"open_store('sqlite:///{path.as_posix()}').advance('k', 0)") == "5002"
        assert path.with_name("nonce.db-wal").exists(), "deleted, although two processes have it open"
        c(opened)
        said = [
            process(f"{store}.advance('k', 0)") for _ in range(3) for process in (a, c) for store in ("first", "second")
        ]
    assert said == [str(nonce) for nonce in range(5003, 5015)]


def test_a_client_that_closes_keeps_the_locks_of_the_others(path: Path) -> None:
    """Whether it closes its store, or is dropped."""
    with Agent() as a:
        a(f"first, second = open_store('sqlite:///{path.as_posix()}'), open_store('sqlite:///{path.as_posix()}')")
        assert [a("first.advance('k', 10)"), a("second.advance('k', 0)")] == ["10", "11"]
        a("second.close()")
        a("del second")
        assert a("first.advance('k', 0)") == "12"
        with Agent() as b:
            assert b(f"open_store('sqlite:///{path.as_posix()}').advance('k', 0)") == "13"
        assert [a("first.advance('k', 0)"), SQLiteStore(path).advance("k", 0)] == ["14", 15]


@pytest.mark.posix("fork")
def test_a_forked_child_has_locks_of_its_own(path: Path) -> None:
    """It outlives its parent, and is in nobody's way: SQLite's counts of the locks are not for a copy."""
    with Agent() as parent:
        parent(f"store = open_store('sqlite:///{path.as_posix()}')")
        assert parent("store.advance('k', 100)") == "100"
        parent("(to, back), (told, say) = os.pipe(), os.pipe()")
        # The child takes a nonce for each byte that it reads.
        parent(
            "exec('''if not os.fork():\\n  os.close(back)\\n  while os.read(to, 1):\\n"
            '    os.write(say, str(store.advance("k", 0)).encode() + b" ")\\n  os._exit(0)\'\'\')'
        )
        ask = "(os.write(back, b'x'), os.read(told, 99).decode())[1]"
        assert [parent(ask), parent("store.advance('k', 0)"), parent(ask)] == ["101 ", "102", "103 "]
        parent("store.close()")  # as if it had ended: its locks are gone, its child's are not
        with Agent() as b:
            assert b(f"open_store('sqlite:///{path.as_posix()}').advance('k', 0)") == "104"
        with Agent() as c:
            c(f"store = open_store('sqlite:///{path.as_posix()}')")
            said = [nonce for _ in range(3) for nonce in (c("store.advance('k', 0)"), parent(ask).strip())]
        parent("os.close(back)")
    assert said == [str(nonce) for nonce in range(105, 111)]


_MANY = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from kraken_doctor import open_store
from kraken_doctor.model.call import CallRecord
stores = [open_store(sys.argv[1]) for _ in range(250)]
for number, store in enumerate(stores):
    with store.turn("k", 5):
        nonce = store.advance("k", 1)
    store.record(CallRecord(at_ns=number, key_id="k", unit="us", nonce=nonce, endpoint="Balance", outcome="ok",
        latency_s=0.0, waited_s=0.0))
print(nonce, len(list(stores[0].records())))
"""


@pytest.mark.posix("a limit of open files")
def test_two_hundred_clients_need_no_more_files_than_one(path: Path) -> None:
    """All of them alive, 64 files allowed."""
    command = [sys.executable, "-c", _MANY, f"sqlite:///{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("250 250\n", "")


# Several names


@pytest.fixture
def link(path: Path, tmp_path: Path) -> Path:
    """Another way to the folder, and in it another name for the file."""
    (tmp_path / "folder").symlink_to(path.parent, target_is_directory=True)
    path.parent.mkdir()
    (path.parent / "other.db").symlink_to(path.name)
    return tmp_path / "folder" / "other.db"


@pytest.mark.posix("symbolic links")
def test_a_link_is_the_same_file_and_the_same_turn(path: Path, link: Path) -> None:
    """For two processes, and within one."""
    with Agent() as a:
        a(f"store = open_store('sqlite:///{link.as_posix()}')")
        assert a("store.advance('k', 10)") == "10"
        a("turn = store.turn('k', 5)")
        a("entered = turn.__enter__()")
        with pytest.raises(kraken_doctor.TurnTimeoutError), SQLiteStore(path).turn("k", 0.05):
            pass
        a("turn.__exit__(None, None, None)")
        with SQLiteStore(path).turn("k", 5):
            assert SQLiteStore(path).advance("k", 0) == 11
        assert a("store.advance('k', 0)") == "12"
    assert SQLiteStore(path)._shared() is SQLiteStore(link)._shared()
    assert not [
        entry for entry in path.parent.iterdir() if entry.name.startswith("other.db") and not entry.is_symlink()
    ]


@pytest.mark.posix("symbolic links")
def test_a_link_that_leads_elsewhere_is_noticed(path: Path, link: Path) -> None:
    """As a file that was replaced: the next nonce respects what is there."""
    store = SQLiteStore(link)
    store.advance("k", 10)
    SQLiteStore(path.with_name("new.db")).advance("k", 500)
    (path.parent / "other.db").unlink()
    (path.parent / "other.db").symlink_to("new.db")
    assert store.advance("k", 0) == 501


def test_a_hard_link_is_refused(path: Path) -> None:
    """Beside each name there would be another log, and other locks."""
    SQLiteStore(path).advance("k", 10)
    path.with_name("second.db").hardlink_to(path)
    for name in ("nonce.db", "second.db"):
        with pytest.raises(NonceStoreError, match="a second name"):
            SQLiteStore(path.with_name(name)).advance("k", 0)
    path.with_name("second.db").unlink()
    assert SQLiteStore(path).advance("k", 0) == 11


@pytest.mark.posix("modes and owners of files")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(("folder", "files"), [(0o755, 0o600), (0o2770, 0o660)], ids=["private", "shared"])
def test_modes_do_not_depend_on_the_umask(path: Path, umask: int, folder: int, files: int) -> None:
    """Neither that of the file, nor of the locks and logs beside it."""
    path.parent.mkdir()
    path.parent.chmod(folder)
    with Agent(umask=umask) as a:
        a(f"store = open_store('sqlite:///{path.as_posix()}')")
        a("turn = store.turn('k', 5)")
        a("entered = turn.__enter__()")
        assert a("store.advance('k', 1)") == "1"
        a("from tests.render.samples import call")
        a("store.record(call())")
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    expected = {"", "-wal", "-shm", ".k.lock", ".k.next.lock", ".audit"}
    assert modes == {f"nonce.db{suffix}": files for suffix in expected}


# Several users


needs_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may become somebody else")
_GROUP, _USERS = 61_000, (61_001, 61_002)
_AS_USER = """
import os, sys
from pathlib import Path
import kraken_doctor.nonce.stores.sqlite, kraken_doctor.nonce.selftest
from kraken_doctor import open_store
from tests.render.samples import call
os.setgroups([int(sys.argv[2])]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3])); os.umask(0o077)
store = open_store(sys.argv[1])
try:
    for _ in range(3):
        with store.turn("k", 20):
            nonce = store.advance("k", 1)
        store.record(call())
    print(nonce, len(list(store.records())))
except Exception as exc:
    print(type(exc).__name__, exc)
"""


@pytest.fixture
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that everybody may come to: pytest's own are closed to other users."""
    folder = Path("/tmp") / f"kraken-doctor-{os.urandom(8).hex()}"
    folder.mkdir()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_user(user: int, path: Path, group: int = _GROUP) -> str:
    command = [sys.executable, "-c", _AS_USER, f"sqlite:///{path}", str(group), str(user)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@needs_root
def test_users_of_one_group_share_a_file(common: Path) -> None:
    """In a folder made for it, as the documentation says: marks, turns and the log, whatever their umask."""
    state = common / "state"
    state.mkdir()
    os.chown(state, 0, _GROUP)
    state.chmod(0o2770)
    said = [as_user(user, state / "nonce.db") for user in (*_USERS, *_USERS)]
    assert said == ["3 3", "6 6", "9 9", "12 12"]


@needs_root
def test_a_file_of_another_user_is_refused(common: Path) -> None:
    """Where anybody may make files it may be a trap; where not, it is said how to share it."""
    state = common / "state"
    state.mkdir()
    state.chmod(0o1777)
    assert as_user(_USERS[0], state / "nonce.db") == "3 3"
    said = as_user(_USERS[1], state / "nonce.db")
    assert said.startswith("NonceStoreError")
    assert "another user (61001)" in said
    assert "chmod it to 2770" in said


@needs_root
@pytest.mark.parametrize("suffix", ["-wal", "-journal", ".k.lock", ".audit"])
def test_what_another_user_laid_beside_it_is_refused(common: Path, suffix: str) -> None:
    """A log can carry a mark as well, a lock can be held for ever."""
    state = common / "state"
    state.mkdir()
    state.chmod(0o1777)
    trap = state / f"nonce.db{suffix}"
    trap.write_text("")
    trap.chmod(0o666)
    os.chown(trap, _USERS[0], _USERS[0])
    said = as_user(_USERS[1], state / "nonce.db")
    assert said.startswith("NonceStoreError"), said
    assert "another user" in said


# Somebody else's content


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON nonce BEGIN UPDATE nonce SET mark = 9223372036854775000; END",
        "CREATE VIEW v AS SELECT * FROM nonce",
        "ALTER TABLE nonce ADD COLUMN more INTEGER",
        "CREATE INDEX i ON nonce (mark)",
        "CREATE TABLE something (else_ TEXT)",
    ],
)
def test_a_file_with_more_in_it_is_not_used(path: Path, statement: str) -> None:
    """A trigger that came with a cloned repository would choose the next nonce."""
    store = SQLiteStore(path)
    store.advance("k", 10)
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(statement)
    db.close()
    with pytest.raises(NonceStoreError, match="not a file of this library"):
        SQLiteStore(path).advance("k", 11)
    with pytest.raises(NonceStoreError, match="not a file of this library"):
        SQLiteStore(path).mark("k")


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE VIEW nonce AS SELECT 'k' AS key_id, 9223372036854775000 AS mark",
        "CREATE TABLE nonce (key_id TEXT PRIMARY KEY, mark INTEGER NOT NULL)",
        "CREATE TABLE nonce (key_id TEXT PRIMARY KEY COLLATE NOCASE, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE note (key_id TEXT, name TEXT, value TEXT)",
    ],
)
def test_a_file_with_another_schema_is_not_used(path: Path, schema: str) -> None:
    """And it is left as it is."""
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute(schema)
    db.close()
    before = path.read_bytes()
    with pytest.raises(NonceStoreError, match="not a file of this library"):
        SQLiteStore(path).advance("k", 10)
    assert path.read_bytes() == before


@pytest.mark.posix("pipes with a name")
@pytest.mark.parametrize("kind", ["fifo", "directory"])
def test_what_is_no_file_is_refused_at_once(path: Path, kind: str) -> None:
    """A FIFO would be waited for until somebody writes to it."""
    path.parent.mkdir()
    os.mkfifo(path) if kind == "fifo" else path.mkdir()
    with pytest.raises(NonceStoreError, match="not a regular file"):
        SQLiteStore(path).advance("k", 10)
