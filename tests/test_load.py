"""Many accounts in one run: what is common is asked once, and the slow ones hold up nobody."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from kraken_doctor.sandbox.messages import Request, Response
from tests.conftest import Run
from tests.schema import document

pytestmark = pytest.mark.slow

ACCOUNTS = 120


class _Watched(Exchange):
    """Lets the slow keys wait until all the others are done, and counts what of a key is under way at once."""

    def __init__(self, slow: int) -> None:
        pairs = [demo_credentials(f"many {number}") for number in range(ACCOUNTS)]
        super().__init__(
            [Key(name=key[-6:], api_key=key, secret=secret, balances={"ZUSD": "1"}) for key, secret in pairs]
        )
        self.slow = set(list(self.keys)[:slow])
        self.others_done = threading.Event()
        self.waited = 0
        self.most = 0
        self._under_way: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._guard = threading.Lock()

    def handle(self, request: Request) -> Response:
        key = request.headers.get("api-key", "")
        if not key:
            return super().handle(request)
        with self._guard:
            self._under_way[key] += 1
            self.most = max(self.most, self._under_way[key])
        if key in self.slow:
            # The bound is for a run in which they do hold up the others: it is not slept through in another.
            in_time = self.others_done.wait(30)
            with self._guard:
                self.waited += in_time
        response = super().handle(request)
        with self._guard:
            self._under_way[key] -= 1
            self._done[key] += key not in self.slow
            if sum(count == 2 for count in self._done.values()) == ACCOUNTS - len(self.slow):
                self.others_done.set()
        return response


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for number in range(ACCOUNTS):
        key, secret = demo_credentials(f"many {number}")
        monkeypatch.setenv(f"KRAKEN_USER_U{number:03}_API_KEY", key)
        monkeypatch.setenv(f"KRAKEN_USER_U{number:03}_API_SECRET", secret)
    return monkeypatch


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_public_calls_once_each_key_in_order_few_files(doctor: Run, environment: pytest.MonkeyPatch) -> None:
    """With more accounts than workers, and the store that keeps locks in files."""
    open_files: list[int] = []
    before = _open_files()

    def look(_request: Request) -> None:
        open_files.append(_open_files())

    exchange = _Watched(slow=0)
    exchange.interceptors.append(look)
    with SandboxServer(exchange) as server:
        environment.setenv("KRAKEN_SPOT_URL", server.url)
        report = document(doctor("check", "-o", "json", "--jobs", "16").stdout)
    assert report["outcome"] == "pass"
    assert len(report["accounts"]) == ACCOUNTS
    assert sum("public" in line for line in exchange.requests) == 2
    assert sum("private" in line for line in exchange.requests) == 2 * ACCOUNTS
    assert exchange.most == 1
    assert all((key.accepted, key.refused) == (2, 0) for key in exchange.keys.values())
    assert max(open_files) - before < 350, "two a key for the first hundred; beyond that none stays open"


def test_slow_accounts_hold_up_nobody(doctor: Run, environment: pytest.MonkeyPatch) -> None:
    """They get their answers when all others have theirs; if one waited for them, nobody would end."""
    exchange = _Watched(slow=5)
    with SandboxServer(exchange) as server:
        environment.setenv("KRAKEN_SPOT_URL", server.url)
        ended = doctor("check", "-o", "json", "--timeout", "40")
    assert exchange.waited == 2 * 5
    assert ended.status == 0
    assert len(document(ended.stdout)["accounts"]) == ACCOUNTS
