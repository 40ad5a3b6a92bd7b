"""What every store promises, held against each of them."""

from __future__ import annotations

import itertools
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraken_doctor.errors import NonceExhaustedError, TurnTimeoutError
from kraken_doctor.model import call
from kraken_doctor.model.call import BOT, DOCTOR, CallRecord, from_line
from kraken_doctor.model.unit import MAX_NONCE, NonceUnit
from kraken_doctor.nonce.history import KeyHistory, key_histories
from kraken_doctor.nonce.stores import NonceStore, open_store
from tests.nonce import burst
from tests.redisserver import RedisServer, needs_redis
from tests.wine import skip_under_wine

Open = Callable[[], NonceStore]
STORES = ["memory", "sqlite", pytest.param("redis", marks=[pytest.mark.redis, needs_redis])]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store is; a Redis is emptied first."""
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        with server.client() as client:
            client.flushall()
        return server.url
    return f"sqlite:///{tmp_path / 'nonce.db'}" if request.param == "sqlite" else "memory://"


@pytest.fixture
def open_it(url: str) -> Iterator[Open]:
    """Opens the same store each time it is called."""
    shared = open_store(url)
    opened = [shared]

    def again() -> NonceStore:
        if url == "memory://":
            return shared
        opened.append(open_store(url))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(open_it: Open) -> NonceStore:
    return open_it()


def test_first_nonce_is_the_floor(store: NonceStore) -> None:
    """A key never seen starts where the caller says."""
    assert store.mark("key") is None
    assert store.advance("key", 1000) == 1000
    assert store.mark("key") == 1000


def test_a_floor_at_or_below_the_mark_gives_the_next_one(store: NonceStore) -> None:
    """The mark never stands still and never goes back."""
    store.advance("key", 1000)
    assert [store.advance("key", floor) for floor in (1000, 5, 0, 1003)] == [1001, 1002, 1003, 1004]


def test_keys_do_not_touch_each_other(store: NonceStore) -> None:
    """A mark far ahead on one key is nothing to another."""
    store.advance("ahead", 10**18)
    assert store.advance("other", 7) == 7


@pytest.mark.parametrize("start", [2**31, 2**53 - 2, 2**53 + 1, 2**63 - 2, 2**63, MAX_NONCE - 3])
def test_exact_over_the_whole_range(store: NonceStore, start: int) -> None:
    """Around every limit of other number types the next nonce is the next nonce."""
    assert [store.advance("key", start)] + [store.advance("key", 0) for _ in range(2)] == [start, start + 1, start + 2]


def test_the_end_of_the_range_is_an_error_not_a_wrap(store: NonceStore) -> None:
    """There is no nonce above 2**64 - 1, and the mark stays where it is."""
    assert store.advance("key", MAX_NONCE) == MAX_NONCE
    for floor in (0, MAX_NONCE):
        with pytest.raises(NonceExhaustedError, match=r"2\*\*64 - 1$"):
            store.advance("key", floor)
    with pytest.raises(NonceExhaustedError):
        store.advance("fresh", MAX_NONCE + 1)
    assert store.mark("key") == MAX_NONCE
    assert store.mark("fresh") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(floors=st.lists(st.integers(0, MAX_NONCE - 10**6), min_size=1, max_size=30), key=st.uuids())
def test_strictly_increasing_whatever_the_floors(store: NonceStore, floors: list[int], key: object) -> None:
    """Each nonce is above the one before, and never below its floor."""
    mark = store.mark(str(key))  # Hypothesis may come back with the same key
    last = -1 if mark is None else mark
    for floor in floors:
        nonce = store.advance(str(key), floor)
        assert nonce == max(last + 1, floor)
        last = nonce


def test_a_mark_is_seen_by_the_next_who_opens_the_store(open_it: Open) -> None:
    """Another object on the same store goes on where the first one was."""
    first = open_it().advance("key", 500)
    assert open_it().advance("key", 0) == first + 1


def test_threads_get_different_nonces(store: NonceStore) -> None:
    """Eight threads, none gets what another got."""
    taken: list[int] = []
    begin = threading.Barrier(8)

    def take() -> None:
        begin.wait()
        taken.extend(store.advance("key", 1) for _ in range(50))

    workers = [threading.Thread(target=take) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == list(range(1, 401))


def test_a_turn_excludes_all_others_of_its_key(open_it: Open) -> None:
    """While it is held nobody else gets one; another key is free."""
    first, second = open_it(), open_it()
    with first.turn("key", 5):
        with pytest.raises(TurnTimeoutError, match="another request"), second.turn("key", 0.05):
            pass
        with second.turn("other", 0.05):
            pass
    with second.turn("key", 5):
        pass


def test_a_turn_is_given_back_when_the_call_fails(store: NonceStore) -> None:
    """An exception inside does not keep the key for ever."""
    with pytest.raises(RuntimeError), store.turn("key", 5):
        raise RuntimeError
    with store.turn("key", 0.5):
        pass


def test_no_thread_starves(store: NonceStore) -> None:
    """Whoever asks again at once does not get it again before the others that were waiting."""
    skip_under_wine("a thread that is woken does not run at once")
    threads, rounds = 4, 10
    asked, served = [0] * threads, [0] * threads
    order: list[int] = []

    def work(number: int) -> None:
        for _ in range(rounds):
            asked[number] += 1
            with store.turn("key", 30):
                served[number] += 1
                order.append(number)
                # Held until every other thread that is not done waits for it.
                while any(asked[n] == served[n] < rounds for n in range(threads) if n != number):
                    pass

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # Between "asked" and the place in the queue lie a few instructions: a thread may be passed over once, or twice.
    for number in range(threads):
        places = [place for place, served_one in enumerate(order) if served_one == number]
        assert max(later - earlier for earlier, later in itertools.pairwise(places)) <= 3 * threads, order


def test_notes_are_kept_per_key(open_it: Open) -> None:
    """What was remembered is recalled, also by another object on the same store."""
    open_it().remember("key", "unit", "us")
    open_it().remember("key", "unit", "ns")
    assert open_it().recall("key", "unit") == "ns"
    assert open_it().recall("other", "unit") is None
    assert open_it().recall("key", "else") is None


def record(number: int) -> CallRecord:
    return CallRecord(
        at_ns=number, key_id="key", unit="us", nonce=MAX_NONCE - number, endpoint="Balance",
        outcome="EAPI:Invalid nonce", latency_s=0.25, waited_s=0.0,
    )  # fmt: skip


def test_audit_records_come_back_as_they_went_in(open_it: Open) -> None:
    """In order, exact to 64 bits, from a moment on, for whoever opens the store."""
    store = open_it()
    for number in range(5):
        store.record(record(number))
    store.close()
    assert list(open_it().records()) == [record(number) for number in range(5)]
    assert list(open_it().records(since_ns=3)) == [record(3), record(4)]


def test_the_newest_records_come_first_and_of_the_keys_that_are_wanted(open_it: Open) -> None:
    """Also those of another process; a key that the reader is done with is passed over from then on."""
    store = open_it()
    for number in range(2_500):  # more than a page of Redis
        store.record(replace(record(number), key_id=("a", "b", "c")[number % 3]))
        if number % 500 == 499:
            store.close()  # Redis has them with the next step, of which there is none here
    wanted: dict[str, tuple[bytes, ...]] = {"a": (), "b": ()}
    found = []
    for one in open_it().newest(wanted):
        found.append((one.at_ns, one.key_id))
        if one.at_ns == 2_496:
            del wanted["b"]
    assert found[:3] == [(2_499, "a"), (2_497, "b"), (2_496, "a")]
    assert [moment for moment, _ in found[3:]] == list(range(2_493, -1, -3))
    assert list(open_it().newest({})) == []


def test_what_was_accepted_is_known_by_key(open_it: Open) -> None:
    """The newest accepted call, and the unit of the newest by a bot or in a declared run."""
    store, at_ns = open_it(), 1_795_392_000 * 10**9

    def at(unit: str, number: int) -> int:
        return NonceUnit(unit).floor(at_ns) + number

    for key_id, unit, number, by, declared, outcome in (
        ("bot", "s", 5, BOT, True, "ok"),
        ("bot", "us", 7, BOT, True, "ok"),
        ("bot", "ms", 8, DOCTOR, False, "ok"),
        ("bot", "ns", 9, BOT, True, "EAPI:Invalid nonce"),
        ("declared", "10ns", 6, DOCTOR, True, "ok"),
        ("old", "us", 4, "", False, "ok"),
        ("altered", "us", 3, BOT, True, "ok"),
        ("altered", "ns", 2**63 - at("ns", 0), BOT, True, "ok"),  # no time at all
        ("altered", "ns", at("ms", 0) - at("ns", 0), BOT, True, "ok"),  # a time in milliseconds
        ("coarser", "ms", at("us", 2) - at("ms", 0), BOT, True, "ok"),  # a mark in microseconds was stepped over
    ):
        store.record(replace(
            record(number), at_ns=at_ns, key_id=key_id, unit=unit, nonce=at(unit, number), by=by, declared=declared,
            outcome=outcome,
        ))  # fmt: skip
    store.close()
    assert key_histories(open_it(), ["bot", "declared", "old", "altered", "coarser", "never"]) == {
        "bot": KeyHistory(at("ms", 8), NonceUnit.US, by_bot=True),
        "declared": KeyHistory(at("10ns", 6), NonceUnit.TEN_NS),
        "old": KeyHistory(at("us", 4), None),
        "altered": KeyHistory(at("us", 3), NonceUnit.US, by_bot=True),
        "coarser": KeyHistory(at("us", 2), NonceUnit.MS, by_bot=True),
        "never": KeyHistory(),
    }


def test_of_a_watch_of_months_two_records_are_read(open_it: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest accepted one, and behind all of its own those of a bot."""
    store, at_ns, parsed = open_it(), 1_795_392_000 * 10**9, list[bytes]()
    for number in range(300):
        nonce, by = NonceUnit.MS.floor(at_ns) + number, DOCTOR if number else BOT
        one = replace(record(number), at_ns=at_ns, unit="ms", nonce=nonce, outcome="ok")
        store.record(replace(one, by=by, declared=not number))
    store.close()

    def counted(line: bytes) -> CallRecord | None:
        parsed.append(line)
        return from_line(line)

    monkeypatch.setattr(call, "from_line", counted)
    found = key_histories(open_it(), ["key"])
    assert found == {"key": KeyHistory(NonceUnit.MS.floor(at_ns) + 299, NonceUnit.MS, by_bot=True)}
    assert len(parsed) in (0, 2)  # in memory there are no lines


def test_a_closed_store_can_be_used_again(store: NonceStore) -> None:
    """Closing gives back what is open; the marks stay."""
    store.advance("key", 10)
    store.close()
    assert store.advance("key", 0) == 11


@pytest.mark.slow
@pytest.mark.parametrize("url", STORES[1:], indirect=True)
def test_processes_get_different_nonces(url: str) -> None:
    """Four processes, eight hundred nonces, no two alike and none left out."""
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[list[int]] = context.Queue()
    processes = [context.Process(target=burst.burst, args=(url, results)) for _ in range(4)]
    for process in processes:
        process.start()
    taken = [nonce for _ in processes for nonce in results.get(timeout=60)]
    for process in processes:
        process.join()
    assert sorted(taken) == list(range(1, 801))
