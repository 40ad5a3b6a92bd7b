"""The lock among processes: who dies lets go, who vanished keeps out nobody."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_doctor.nonce.stores.fileturn import KernelLock

_HOLDER = """
import os, sys, time
from pathlib import Path
from kraken_doctor.nonce.stores.fileturn import KernelLock
lock = KernelLock(Path(sys.argv[1]))
assert lock.acquire(0)
if sys.argv[2] == "fork" and not os.fork():
    sys.stdin.read()  # lives on, with all that it inherited
    os._exit(0)
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path, manner: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), manner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_one_process_at_a_time_and_the_killed_one_lets_go(tmp_path: Path) -> None:
    """Also where a child that it forked is still alive."""
    for manner in ("alone", "fork") if hasattr(os, "fork") else ("alone",):
        with holder(tmp_path / "lock", manner) as process:
            lock = KernelLock(tmp_path / "lock")
            assert not lock.acquire(0)
            process.kill()
            assert lock.acquire(10)
            lock.close()


def test_who_was_interrupted_while_letting_go_has_it_again_alone(tmp_path: Path) -> None:
    """It may be locked still: on Windows that is in one's own way too."""
    lock, other = (KernelLock(tmp_path / "lock") for _ in range(2))
    assert lock.acquire(0)
    assert lock.acquire(0)
    assert not other.acquire(0)
    lock.release()
    assert other.acquire(0)
    lock.close()
    other.close()


@pytest.mark.posix("the number of a file")
def test_a_daemon_without_a_stdin_lets_go_too(tmp_path: Path) -> None:
    """The first file that it opens has the number 0."""
    lets_go = """
import os, sys
from pathlib import Path
from kraken_doctor.nonce.stores.fileturn import KernelLock
os.close(0)
lock, other = KernelLock(Path(sys.argv[1])), KernelLock(Path(sys.argv[1]))
for let_go in (lock.release, lock.close):
    assert lock.acquire(0) and os.fstat(0)
    let_go()
    assert other.acquire(0), let_go
    other.release()
"""
    subprocess.run([sys.executable, "-c", lets_go, str(tmp_path / "lock")], check=True)


@pytest.mark.posix("deleting a file that is open")
def test_deleted_file_is_made_anew(tmp_path: Path) -> None:
    """A lock on a file that nobody else can open would be held by two."""
    path = tmp_path / "lock"
    lock = KernelLock(path)
    assert lock.acquire(0)
    lock.release()
    path.unlink()
    with holder(path, "alone") as process:
        assert not lock.acquire(0.05)
        process.kill()
    assert lock.acquire(1)


@pytest.mark.posix("deleting a file that is open")
def test_a_file_that_is_gone_and_that_nobody_made_anew(tmp_path: Path) -> None:
    """A lock on it would be no lock: the next who comes would make another."""
    path = tmp_path / "lock"
    lock = KernelLock(path)
    assert lock.acquire(0)
    lock.release()
    path.unlink()
    assert lock.acquire(1)
    assert not KernelLock(path).acquire(0), "whoever opens it now finds it held"
    lock.close()


@pytest.mark.posix("modes and owners of files")
def test_file_is_the_owners_alone(tmp_path: Path) -> None:
    """Whoever may open it may hold up the key."""
    os.umask(0)
    try:
        KernelLock(tmp_path / "lock").acquire(0)
    finally:
        os.umask(0o022)
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
