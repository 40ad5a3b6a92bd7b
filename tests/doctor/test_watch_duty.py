"""Two watches of one key, seen by the store that both use."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from kraken_doctor.cli.watch_loop import WatchLoop
from kraken_doctor.doctor.ticker import Ticker
from kraken_doctor.doctor.verdict import FailOn
from kraken_doctor.doctor.watch_duty import WatchDuty
from kraken_doctor.errors import NonceStoreError
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.doctor.test_history import Watched
from tests.render.samples import account

ACCOUNTS = (account("MASTER"),)


@pytest.fixture
def store() -> NonceStore:
    return open_store("memory://")


def test_only_a_note_that_was_replaced_proves_another_watch(store: NonceStore) -> None:
    """One that was found at the start may be of a watch that has ended."""
    one, other = WatchDuty(store, "a"), WatchDuty(store, "b")
    assert one.others(ACCOUNTS) == {}
    assert other.others(ACCOUNTS) == {}
    assert one.others(ACCOUNTS) == {"MASTER": "b"}
    assert other.others(ACCOUNTS) == {"MASTER": "a"}
    assert one.others(ACCOUNTS) == {"MASTER": "b"}
    assert one.others(ACCOUNTS) == {}, "the other one has ended, or makes longer pauses"


def test_two_on_one_host_are_two(store: NonceStore) -> None:
    """By what each has drawn at its start: in containers even the process's number is the same."""
    one, other = WatchDuty(store, "a"), WatchDuty(store, "a")
    one.others(ACCOUNTS)
    other.others(ACCOUNTS)
    assert one.others(ACCOUNTS) == {"MASTER": "a"}


def test_a_store_that_fails_stops_no_watch(store: NonceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own check says what is wrong with it."""

    def fail(*_arguments: str) -> str:
        raise NonceStoreError("gone")

    monkeypatch.setattr(store, "recall", fail)
    assert WatchDuty(store, "a").others(ACCOUNTS) == {}


def test_it_is_said_once(server: SandboxServer, key: Key, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of a watch with longer pauses, which is not seen in each round; the document has it when it is seen."""
    key.name = "KRAKEN_MASTER"
    two = Watched(server, [key], tmp_path)
    store = two.app.host.store()
    other = WatchDuty(store, "box-2")
    ticker = Ticker(two.clock, 60.0, 1)
    ctx = click.Context(click.Command("watch"), obj=two.app)
    loop = WatchLoop(
        ctx, two._request, two.watch, ticker, FailOn.FAIL, view=None, notify=None, duty=WatchDuty(store, "box-1")
    )
    seen = []
    for number in range(6):
        loop.run()
        newest = loop.newest()
        assert newest is not None
        seen.append(newest.extra["rounds"]["also_watched_by"])
        if number % 2 == 0:
            other.others(newest.accounts)
    assert seen == [{}, {"MASTER": "box-2"}, {}, {"MASTER": "box-2"}, {}, {"MASTER": "box-2"}]
    assert capsys.readouterr().err.count("another kraken-doctor watch on box-2") == 1
