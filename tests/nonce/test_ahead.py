"""The nonce of the next thread, asked for when the turn is handed on: used where it is good, and only there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kraken_doctor import KrakenClient, NonceGenerator, RetryPolicy, open_store
from kraken_doctor.errors import TurnLostError
from kraken_doctor.nonce import turn as turn_module
from kraken_doctor.nonce.stores import redisturn
from kraken_doctor.nonce.stores.redis import RedisStore
from kraken_doctor.nonce.stores.redislink import RedisLink
from kraken_doctor.nonce.stores.redisturn import QueueSlot, RedisTurn
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.nonce.test_interruptions import Interruption, at_moment, in_thread, raise_it, take
from tests.redisserver import RedisServer, needs_redis
from tests.render.samples import call

pytestmark = [pytest.mark.redis, needs_redis]


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


class Asked:
    """A turn in this process, handed on: the next nonce has been asked for."""

    def __init__(self, url: str) -> None:
        store = open_store(url)
        assert isinstance(store, RedisStore)
        self.store: RedisStore = store
        self.numbers = NonceGenerator("k", store=self.store)
        take(self.store)  # Redis knows the scripts now
        self.slot: QueueSlot = self.store._process.get().slot("k", self.store)
        self.steps: list[str] = []

    def hand_on(self, turn: Any) -> None:
        """As the lock does it; from now on steps are counted."""
        assert isinstance(turn, RedisTurn)
        self.slot._ask_ahead(turn)
        step = RedisStore.step

        def counted(script: str, *rest: Any) -> int:
            self.steps.append(script)
            return step(self.store, script, *rest)

        self.store.step = counted  # type: ignore[method-assign, assignment]


@pytest.fixture
def asked(redis_server: RedisServer) -> Iterator[Asked]:
    made = Asked(redis_server.url)
    yield made
    made.store.close()


def test_it_costs_no_round_trip_and_takes_the_records_along(asked: Asked, redis_server: RedisServer) -> None:
    with asked.numbers.turn(nonce_follows=True) as turn:
        first = turn.next(asked.numbers)
        asked.store.record(call(nonce=first))
        asked.hand_on(turn)
        second = turn.next(asked.numbers)
        assert second > first
        assert asked.steps == []
        assert asked.store._process.get().last["k"] == second  # should Redis lose its data
        with redis_server.client() as client:
            assert f" {first}," in client.lindex("kraken-doctor:audit", 0)


def taken_without_a_turn(asked: Asked, _server: RedisServer) -> int:
    return asked.numbers.next()


def a_server_that_forgot_its_scripts(_asked: Asked, server: RedisServer) -> int:
    with server.client() as client:
        client.script_flush()
    return 0


@pytest.mark.parametrize("meanwhile", [taken_without_a_turn, a_server_that_forgot_its_scripts])
def test_one_that_is_not_good_is_asked_for_again(
    asked: Asked, redis_server: RedisServer, meanwhile: Callable[[Asked, RedisServer], int]
) -> None:
    with asked.numbers.turn(nonce_follows=True) as turn:
        least = turn.next(asked.numbers)
        forgot = meanwhile is a_server_that_forgot_its_scripts and meanwhile(asked, redis_server)
        asked.hand_on(turn)
        least = max(least, forgot or meanwhile(asked, redis_server))
        assert turn.next(asked.numbers) > least
        assert asked.steps == ["advance"]


def test_it_is_for_one_generator_and_for_a_moment(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another may count in another unit; and who slept meanwhile may have lost the turn."""
    other = NonceGenerator("k", store=asked.store)
    with asked.numbers.turn(nonce_follows=True) as turn:
        asked.hand_on(turn)
        first = turn.next(other)
        assert asked.steps == ["advance"]
        asked.slot._ask_ahead(turn)
        monkeypatch.setattr(redisturn, "HOLD_S", -1.0)
        assert turn.next(asked.numbers) > first
        assert asked.steps == ["advance"] * 2


def test_a_turn_that_is_lost_is_noticed(asked: Asked, redis_server: RedisServer) -> None:
    with pytest.raises(TurnLostError), asked.numbers.turn(nonce_follows=True) as turn:
        turn.next(asked.numbers)
        with redis_server.client() as client:
            client.delete("kraken-doctor:{k}:holder")
        asked.hand_on(turn)
        turn.next(asked.numbers)


def test_one_of_an_earlier_turn_is_never_used(asked: Asked, redis_server: RedisServer) -> None:
    """Others have been in between, and sent larger ones."""
    with asked.numbers.turn(nonce_follows=True) as turn:
        turn.next(asked.numbers)
        asked.hand_on(turn)
    other = open_store(redis_server.url)
    between = take(other)
    other.close()
    with asked.numbers.turn() as turn:
        assert turn.next(asked.numbers) > between


def test_a_redis_that_is_gone_is_no_reason_to_keep_the_turn(asked: Asked, redis_server: RedisServer) -> None:
    """The one that hands on has its answer, and gets no error; the next one gets it."""
    with asked.numbers.turn(nonce_follows=True) as turn:
        turn.next(asked.numbers)
        redis_server.kill()
        asked.hand_on(turn)
        redis_server.start()
        with pytest.raises(TurnLostError):
            turn.next(asked.numbers)


@pytest.mark.slow
def test_an_exception_at_any_moment_of_handing_on_leaves_the_next_one_a_turn(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a larger nonce, in time, and what was asked for is nobody else's answer."""
    for module in (redisturn, turn_module):  # however slow this machine is
        monkeypatch.setattr(module, "HOLD_S", 3600.0)
    number, last, more = 0, 0, True
    while more:
        context = asked.numbers.turn(nonce_follows=True)
        turn = context.__enter__()
        nonce, got = turn.next(asked.numbers), list[int]()

        def wait(got: list[int] = got) -> None:
            with asked.numbers.turn(20, nonce_follows=True) as mine:
                got.append(mine.next(asked.numbers))

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        while not asked.slot.lock._waiting:
            pass
        with contextlib.suppress(Interruption):
            more = at_moment(number, raise_it, partial(context.__exit__, None, None, None))
        thread.join(10)
        later = in_thread(lambda: take(asked.store))
        assert [last, nonce, *got, later] == sorted({last, nonce, *got, later}), f"moment {number}"
        assert len(got) == 1, f"moment {number}"
        number, last = number + 1, later
    assert number > 60


def test_threads_of_one_client_use_it(
    redis_server: RedisServer, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none of their calls is refused."""
    begun: list[str] = []
    begin = RedisLink.begin

    def counted(self: RedisLink, *arguments: Any) -> Any:
        begun.append(arguments[0])
        return begin(self, *arguments)

    monkeypatch.setattr(RedisLink, "begin", counted)
    store = open_store(redis_server.url)
    with KrakenClient(key.api_key, key.secret, url=server.url, store=store, retry=RetryPolicy.none()) as client:
        threads = [
            threading.Thread(target=lambda: [client.query_private("Balance") for _ in range(25)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (key.accepted, key.refused) == (100, 0)
    assert begun
    assert len(list(store.records())) == 100
    store.close()
