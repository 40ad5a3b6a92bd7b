"""Bots of one host on one key, on every system: in order over processes and threads, wherever the file lies."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from kraken_doctor import TurnTimeoutError, open_store
from kraken_doctor.nonce.stores import fileturn
from kraken_doctor.nonce.stores.fileturn import KernelLock
from kraken_doctor.nonce.stores.sqlite import SQLiteStore
from kraken_doctor.nonce.turn import HOLD_S, Turn
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.clocks import ManualClock
from tests.render.samples import call

PROCESSES, THREADS, CALLS = 3, 2, 25

_BOT = """
import sys, threading
from kraken_doctor import KrakenClient, RetryPolicy, open_store
url, key, secret, store, threads, calls = sys.argv[1:]
client = KrakenClient(key, secret, url=url, store=open_store(store), retry=RetryPolicy.none())
answers = []
def call():
    answers.extend(client.query_private("Balance")["error"] for _ in range(int(calls)))
started = [threading.Thread(target=call) for _ in range(int(threads))]
for thread in started: thread.start()
for thread in started: thread.join()
print(len(answers), sum(map(bool, answers)))
"""

_HOLDER = """
import sys
from kraken_doctor import TurnTimeoutError, open_store
with open_store(sys.argv[1]).turn("k", 30):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_no_call_of_three_processes_with_two_threads_each_is_refused(
    server: SandboxServer, exchange: Exchange, key: Key, tmp_path: Path
) -> None:
    """The exchange has a nonce window of 0, and the store is a file that all of them open."""
    store = f"sqlite:///{tmp_path / 'nonce.db'}"
    command = [
        sys.executable, "-c", _BOT, server.url, key.api_key, key.secret, store, str(THREADS), str(CALLS)
    ]  # fmt: skip
    bots = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    said = [bot.communicate(timeout=100)[0].split() for bot in bots]
    assert said == [[str(THREADS * CALLS), "0"]] * PROCESSES
    records = list(open_store(store).records())
    nonces = [record.nonce for record in records]
    assert len(set(nonces)) == PROCESSES * THREADS * CALLS, "and each is in the audit log, in a line of its own"


def test_a_killed_process_frees_its_turn_at_once(tmp_path: Path) -> None:
    """TerminateProcess or SIGKILL: nothing of it runs any more, and the kernel frees the lock."""
    url = f"sqlite:///{tmp_path / 'nonce.db'}"
    command = [sys.executable, "-c", _HOLDER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        store = open_store(url)
        with pytest.raises(TurnTimeoutError), store.turn("k", 0.05):
            pass
        holder.kill()
        holder.wait()
        began = time.monotonic()
        with store.turn("k", 30):
            assert time.monotonic() - began < 5, "a lease would take longer"


def test_a_process_passes_the_gate_before_each_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between, it may take a lock that is free again at once; then whoever waits behind the gate comes first."""
    clock = ManualClock()
    monkeypatch.setattr(fileturn, "time", clock)
    locks = fileturn._Locks(tmp_path / "nonce.db", "k", lambda: True)
    locks.take(0, Turn())
    locks.give_back()
    gate = KernelLock(tmp_path / "nonce.db.k.next.lock")
    assert gate.acquire(0), "nobody holds it any more"
    for _ in range(2):
        clock.step(0.4 * HOLD_S)
        locks.take(0, Turn())
        locks.give_back()
    clock.step(0.4 * HOLD_S)
    with pytest.raises(TimeoutError):
        locks.take(0, Turn())
    locks.give_back()
    assert KernelLock(tmp_path / "nonce.db.k.lock").acquire(0), "for who waits"
    gate.close()
    locks.close()


@pytest.mark.linux("/proc")
def test_the_files_of_so_many_keys_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open them for each call would be slower; of more keys than that they are closed after it."""

    def open_locks() -> int:
        return sum(one.resolve().parent == tmp_path for one in Path("/proc/self/fd").iterdir())

    monkeypatch.setattr(fileturn, "_KEYS_KEPT_OPEN", 2)
    turns, seen = fileturn.FileTurns(tmp_path / "nonce.db"), []
    for key in ("a", "b", "c", "d"):
        with turns.turn(key, 5):
            pass
        seen.append(open_locks())
    assert seen == [2, 4, 4, 4]
    turns.close()


@pytest.mark.parametrize(
    "folders",
    [("with blanks", "and letters äß 日本"), ("100 % sure?#".replace("?", "&"),), ("x" * 100, "y" * 100, "z" * 100)],
    ids=["letters", "signs", "long"],
)
def test_the_file_may_lie_anywhere(tmp_path: Path, folders: tuple[str, ...]) -> None:
    """What a path may hold here; above 260 characters Windows must have been told to allow it (LongPathsEnabled)."""
    store = SQLiteStore(tmp_path.joinpath(*folders, "nonce.db"))
    with store.turn("k", 5):
        assert store.advance("k", 7) == 7
    store.close()
    assert SQLiteStore(tmp_path.joinpath(*folders, "nonce.db")).advance("k", 0) == 8


@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere a file that is open can be deleted")
def test_windows_keeps_what_is_open(tmp_path: Path) -> None:
    """Neither the marks nor a lock can be deleted or replaced while a bot runs; after it has ended they can."""
    store = SQLiteStore(tmp_path / "state" / "nonce.db")
    with store.turn("k", 5):
        store.advance("k", 1000)
    other = tmp_path / "other"
    other.write_bytes(b"")
    for name in ("nonce.db", "nonce.db.k.lock", "nonce.db.k.next.lock"):
        with pytest.raises(PermissionError):
            (tmp_path / "state" / name).unlink()
        with pytest.raises(PermissionError):
            other.replace(tmp_path / "state" / name)
    assert store.advance("k", 0) == 1001
    store.close()
    (tmp_path / "state" / "nonce.db").unlink()
    assert store.advance("k", 0) == 1002, "this process knows what it issued"


def test_a_closed_store_holds_no_file_but_that_of_a_turn(tmp_path: Path) -> None:
    """Windows deletes no folder with an open file in it; and closing must not free what a thread has."""
    folder = tmp_path / "state"
    store = SQLiteStore(folder / "nonce.db")
    for key in ("k", "other"):
        with store.turn(key, 5):
            store.advance(key, 1)
    store.record(call())
    with store.turn("k", 5):
        store.close()
        assert not KernelLock(folder / "nonce.db.k.lock").acquire(0)
    store.close()
    folder.rename(tmp_path / "moved")
    assert KernelLock(tmp_path / "moved" / "nonce.db.k.lock").acquire(0)
