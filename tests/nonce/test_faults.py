"""What goes wrong with clocks, disks and servers ends in a correct nonce, or in a typed error and no nonce."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kraken_doctor import KrakenClient, RetryPolicy, key_id
from kraken_doctor.client.options import CallOptions
from kraken_doctor.client.tracker import CallAttempt, CallTracker
from kraken_doctor.errors import ConfigurationError, NonceStoreError, TurnLostError, TurnTimeoutError
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.stores import NonceStore, open_store, redislink
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.clocks import ManualClock
from tests.redisserver import RedisServer, needs_redis
from tests.render.samples import call

pytestmark = pytest.mark.slow

NEXT = """
import sys
from kraken_doctor import NonceGenerator, open_store
print(NonceGenerator("key", store=open_store(sys.argv[1])).next())
"""


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


def in_process(url: str, *prefix: str) -> int:
    """The next nonce, taken by a process of its own."""
    command = [*prefix, sys.executable, "-c", NEXT, url]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


# Clocks


@pytest.mark.faketime
@pytest.mark.skipif(shutil.which("faketime") is None, reason="no faketime on this machine")
def test_a_clock_set_back_across_a_restart(tmp_path: Path) -> None:
    """An hour back, a day back: the next process goes on above the mark."""
    url = f"sqlite:///{tmp_path / 'nonce.db'}"
    first = in_process(url)
    assert in_process(url, "faketime", "-f", "-1h") == first + 1
    assert in_process(url, "faketime", "-f", "-1d") == first + 2
    assert in_process(url) > first + 2


@pytest.mark.faketime
@pytest.mark.skipif(shutil.which("faketime") is None, reason="no faketime on this machine")
def test_a_clock_that_was_ahead(tmp_path: Path) -> None:
    """After the correction nonces go on from the mark, one by one: no jump, no refusal."""
    url = f"sqlite:///{tmp_path / 'nonce.db'}"
    ahead = in_process(url, "faketime", "-f", "+1h")
    assert in_process(url) == ahead + 1
    generator = NonceGenerator("key", store=open_store(url))
    assert 3500 < (generator.lead_s() or 0) < 3700


# The file


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB, which a test can fill and make read-only."""
    mount = tmp_path / "disk"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(mount)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("mounting a tmpfs needs a privilege that this process does not have")
    yield mount
    subprocess.run(["umount", "--lazy", str(mount)], check=True)


@pytest.mark.linux("a file system of its own")
def test_a_full_disk_issues_nothing(small_disk: Path) -> None:
    """And goes on above the last mark once there is room."""
    store = open_store(f"sqlite:///{small_disk / 'nonce.db'}")
    last = store.advance("key", 1000)
    filler = small_disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space"):
        while True:
            os.write(descriptor, b"x" * 1024)
    os.close(descriptor)
    with pytest.raises(NonceStoreError, match=r"full|disk I/O"):
        for _ in range(10_000):
            last = store.advance("key", 0)
    filler.unlink()
    assert store.advance("key", 0) == last + 1
    store.close()


@pytest.mark.linux("a file system of its own")
def test_a_read_only_disk_issues_nothing(small_disk: Path) -> None:
    """And once it can be written again, goes on above the mark."""
    url = f"sqlite:///{small_disk / 'nonce.db'}"
    store = open_store(url)
    store.advance("key", 1000)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for reached in (store, open_store(url)):
        with pytest.raises(NonceStoreError):
            reached.advance("key", 0)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert open_store(url).advance("key", 0) == 1001
    store.close()


# Redis


@pytest.mark.redis
@needs_redis
def test_a_redis_that_restarts_with_its_data(tmp_path: Path) -> None:
    """While it is away: an error. When it is back: above the mark, also with a clock that went back."""
    with RedisServer(tmp_path, persist=True) as server:
        store = open_store(server.url)
        last = store.advance("key", 1000)
        server.kill()
        with pytest.raises(NonceStoreError, match="redis"):
            store.advance("key", 0)
        with pytest.raises(NonceStoreError), store.turn("key", 1):
            pass
        server.start()
        assert store.advance("key", 0) == last + 1
        assert open_store(server.url).advance("key", 0) == last + 2


@pytest.mark.redis
@needs_redis
def test_a_redis_that_lost_its_data(redis_server: RedisServer) -> None:
    """This process remembers its own nonces, and the clock is the floor for everybody else's."""
    clock = ManualClock()
    generator = NonceGenerator("key", store=open_store(redis_server.url), clock=clock)
    last = generator.next()
    clock.set_back(3600)
    last = generator.next()
    redis_server.kill()
    redis_server.start()
    assert generator.next() == last + 1
    clock.step(7200)
    assert generator.next() == NonceUnit.US.floor(clock.wall_ns)


@pytest.mark.redis
@needs_redis
def test_a_redis_that_loses_a_turn_is_noticed_before_sending(redis_server: RedisServer) -> None:
    """The holder's lease is gone: it gets no nonce, and whoever asks next does."""
    store = open_store(redis_server.url)
    generator = NonceGenerator("key", store=store)
    with pytest.raises(TurnLostError), generator.turn(5) as turn:
        turn.next(generator)
        with redis_server.client() as client:
            client.flushall()
        turn.next(generator)
    with pytest.raises(TurnLostError), generator.turn(5) as turn:
        with redis_server.client() as client:
            client.flushall()
        turn.confirm()
    with generator.turn(1) as turn:
        assert turn.next(generator) > 0


@pytest.mark.redis
@needs_redis
def test_a_client_that_lost_its_turn_sends_nothing(redis_server: RedisServer, server: SandboxServer, key: Key) -> None:
    """The error reaches the caller; the exchange hears nothing; the next call works."""
    store = open_store(redis_server.url)
    # As for a thread that another thread of its process handed the turn: only then is there time to lose it.
    store.gives_nonce_with_turn = False  # type: ignore[attr-defined]
    original = store.step  # type: ignore[attr-defined]

    def lose_first(script: str, *arguments: object) -> int:
        if script == "advance":
            with redis_server.client() as client:
                client.delete(*client.keys("*holder"))
        return int(original(script, *arguments))

    with KrakenClient(key.api_key, key.secret, url=server.url, store=store, retry=RetryPolicy.none()) as client:
        client.query_private("Balance")
        store.step = lose_first  # type: ignore[attr-defined]
        with pytest.raises(TurnLostError):
            client.query_private("Balance")
        store.step = original  # type: ignore[attr-defined]
        client.query_private("Balance")
    assert (key.accepted, key.refused) == (2, 0)


@pytest.mark.redis
@needs_redis
def test_an_order_is_answered_where_no_file_can_be_opened_any_more(
    redis_server: RedisServer, server: SandboxServer, key: Key
) -> None:
    """What gives the turn back must be here already: an error in its place would have the order placed twice."""
    resource = pytest.importorskip("resource")
    with KrakenClient(key.api_key, key.secret, url=server.url, store=open_store("memory://")) as first:
        first.query_private("Balance")  # the server is of this process too: what it imports is here before
    redislink._script.cache_clear()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    arrived: list[object] = []

    def full(request: object) -> None:
        arrived.append(request)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limit[1]))

    server.exchange.interceptors.append(full)
    store = open_store(redis_server.url)
    with KrakenClient(key.api_key, key.secret, url=server.url, store=store, retry=RetryPolicy.none()) as client:
        try:
            assert client.query_private("Balance")["error"] == []
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        server.exchange.interceptors.clear()
        assert len(arrived) == 1
        with store.turn(key_id(key.api_key), 1):
            assert store.advance(key_id(key.api_key), 0) > 0


@pytest.mark.redis
@needs_redis
def test_a_redis_that_does_not_answer_is_an_error_in_time(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen, it takes connections and says nothing."""
    monkeypatch.setattr("kraken_doctor.nonce.stores.redislink._SOCKET_TIMEOUT_S", 0.2)
    store = open_store(redis_server.url)
    last = store.advance("key", 1000)
    redis_server.freeze()
    with pytest.raises(NonceStoreError):
        store.advance("key", 0)
    with pytest.raises(NonceStoreError), store.turn("key", 5):
        pass
    redis_server.thaw()
    assert store.advance("key", 0) > last


@pytest.mark.redis
@needs_redis
def test_a_read_only_replica_issues_nothing(redis_server: RedisServer, tmp_path: Path) -> None:
    """It would answer reads, and its marks would go nowhere."""
    folder = tmp_path / "replica"
    folder.mkdir()
    with RedisServer(folder, options=("--replicaof", "127.0.0.1", str(redis_server.port))) as replica:
        store = open_store(replica.url)
        with pytest.raises(NonceStoreError, match=r"(?i)read.?only|master"):
            store.advance("key", 1000)
        with pytest.raises(NonceStoreError), store.turn("key", 1):
            pass


@pytest.mark.redis
@needs_redis
@pytest.mark.parametrize("slots", [True, False])
def test_a_cluster_is_refused_in_one_line(tmp_path: Path, *, slots: bool) -> None:
    """Whether it is at work or not; and no nonce of a turn is issued."""
    options = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "yes")
    with RedisServer(tmp_path, options=options) as server, server.client() as client:
        if slots:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            while "cluster_state:ok" not in str(client.execute_command("CLUSTER", "INFO")):
                pass
        generator = NonceGenerator("key", store=open_store(server.url))
        with (
            pytest.raises(
                NonceStoreError, match=r"^nonce store redis: this server is a node of a Redis Cluster, [^\n]+$"
            ),
            generator.turn(1, nonce_follows=True) as turn,
        ):
            turn.next(generator)


@pytest.mark.redis
@needs_redis
def test_garbage_in_redis_issues_nothing(redis_server: RedisServer) -> None:
    """Somebody else's value under our name is not overwritten."""
    store = open_store(redis_server.url)
    for garbage in ("abc", "-5", "1.7e+15", ""):
        with redis_server.client() as client:
            client.set("kraken-doctor:{key}:mark", garbage)
            with pytest.raises(NonceStoreError, match="no number"):
                store.advance("key", 1000)
            assert client.get("kraken-doctor:{key}:mark") == garbage


@pytest.mark.redis
@needs_redis
def test_user_and_password(tmp_path: Path) -> None:
    """They open the store, and are in no message."""
    with RedisServer(tmp_path, options=("--requirepass", "hunter2-secret")) as server:
        good = server.url.replace("redis://", "redis://:hunter2-secret@")
        assert open_store(good).advance("key", 5) == 5
        for url in (server.url, server.url.replace("redis://", "redis://:hunter3-wrong@")):
            with pytest.raises(NonceStoreError) as caught:
                open_store(url).advance("key", 5)
            assert "hunter3-wrong" not in str(caught.value)
    with pytest.raises(ConfigurationError) as unreadable:
        open_store("redis://user:hunter4-secret@host:notaport/0")
    assert "hunter4-secret" not in str(unreadable.value)


@pytest.mark.redis
@needs_redis
def test_a_turn_that_its_holder_never_gives_back_ends_with_its_lease(redis_server: RedisServer) -> None:
    """Another process waits that long, and not longer; the holder that comes back is told."""
    first, second = open_store(redis_server.url), open_store(redis_server.url)
    generator = NonceGenerator("key", store=first)
    gone = first.turn("key", 5, lease_s=0.3)
    turn = gone.__enter__()
    with second.turn("key", 10):
        with pytest.raises(TurnLostError):
            turn.next(generator)
        gone.__exit__(None, None, None)
        with pytest.raises(TurnTimeoutError), first.turn("key", 0.05):
            pass


@pytest.mark.redis
@needs_redis
def test_each_nonce_and_each_look_begins_the_lease_anew(redis_server: RedisServer) -> None:
    """A call that comes late in a lease has all of it; a lease that ran on would end in the middle of a call."""
    generator = NonceGenerator("key", store=open_store(redis_server.url))
    with redis_server.client() as client, generator.turn(5, lease_s=20.0) as turn:
        for step in (lambda: turn.next(generator), turn.confirm):
            client.pexpire("kraken-doctor:{key}:holder", 3_000)
            step()
            assert int(str(client.pttl("kraken-doctor:{key}:holder"))) > 10_000


@pytest.mark.redis
@needs_redis
def test_who_waits_is_served_in_order_and_who_died_is_passed_over(redis_server: RedisServer) -> None:
    """Three stores stand for three processes; one of them leaves the queue without a word."""
    stores: list[NonceStore] = [open_store(redis_server.url) for _ in range(3)]
    order: list[int] = []

    def take(number: int) -> None:
        with stores[number].turn("key", 20):
            order.append(number)

    with redis_server.client() as client, open_store(redis_server.url).turn("key", 5):
        client.rpush("kraken-doctor:{key}:queue", "somebody-who-died")
        workers = []
        for number in range(3):
            workers.append(threading.Thread(target=take, args=(number,)))
            workers[-1].start()
            while client.llen("kraken-doctor:{key}:queue") < number + 2:
                pass
    for worker in workers:
        worker.join()
    assert order == [0, 1, 2]


# Forks


@pytest.mark.posix("fork")
@pytest.mark.redis
@needs_redis
def test_a_forked_child_with_redis(redis_server: RedisServer) -> None:
    """It goes on above its parent, and does not hold its parent's turn."""
    store = open_store(redis_server.url)
    with store.turn("key", 5):
        first = store.advance("key", 1000)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                with store.turn("key", 0.1):
                    said = "got the turn"
            except TurnTimeoutError:
                said = str(store.advance("key", 0))
            os.write(writer, said.encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writer)
        with os.fdopen(reader) as stream:
            assert stream.read() == str(first + 1)
    assert store.advance("key", 0) == first + 2


@pytest.mark.redis
@needs_redis
def test_connections_that_were_cut_are_replaced(redis_server: RedisServer) -> None:
    """Within calls, which give back their turns all the same; and between, when each has an answer that nobody read."""
    store, other = open_store(redis_server.url), open_store(redis_server.url)
    keys = ["a", "b", "c"]
    numbers = {key: NonceGenerator(key, store=store) for key in keys}
    with redis_server.client() as admin:
        for _ in range(3):
            with contextlib.ExitStack() as stack:
                for key in keys:
                    stack.enter_context(numbers[key].turn(nonce_follows=True)).next(numbers[key])
                admin.client_kill_filter(_type="normal", skipme=True)
            for key in keys:
                with other.turn(key, 1):
                    pass
            admin.client_kill_filter(_type="normal", skipme=True)
    store.close()
    other.close()


@pytest.mark.redis
@needs_redis
def test_leaving_a_turn_is_not_waited_for(redis_server: RedisServer) -> None:
    """A Redis that is busy by then holds nobody up; the answer is read before the next command, and taken for none."""
    store = open_store(redis_server.url)
    numbers = NonceGenerator("key", store=store)
    began = time.monotonic()
    with numbers.turn(nonce_follows=True) as turn:
        first = turn.next(numbers)
        redis_server.freeze()
    assert time.monotonic() - began < 2
    redis_server.thaw()
    with numbers.turn(nonce_follows=True) as turn:
        assert turn.next(numbers) > first
    assert store.mark("key") is not None
    store.close()


@pytest.mark.redis
@needs_redis
def test_records_that_nobody_could_be_told_are_kept(redis_server: RedisServer) -> None:
    """By whoever asks for the log while Redis is away; the next who asks has them."""
    store = open_store(redis_server.url)
    store.record(call(nonce=5))
    redis_server.kill()
    with pytest.raises(NonceStoreError):
        list(store.records())
    redis_server.start()
    assert [record.nonce for record in store.records()] == [5]
    store.close()


@pytest.mark.redis
@needs_redis
def test_a_call_is_one_round_trip(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn, nonce and the audit record of the call before come with one answer."""
    store, waited = open_store(redis_server.url), list[bool]()
    exchange = redislink.RedisLink._exchange

    def counting(self: Any, command: Any, judge: Any, *, wait: bool) -> Any:
        waited.append(wait)
        return exchange(self, command, judge, wait=wait)

    tracker = CallTracker(CallOptions(store=store, metrics=False), ConnectionError)
    for number in range(3):
        if number == 2:
            monkeypatch.setattr(redislink.RedisLink, "_exchange", counting)
        call = CallAttempt(tracker, "key", "Balance")
        with tracker.turn("key", 10) as turn:
            call.take_nonce(turn)
        call.close()
    assert waited == [True, False]
    assert len(list(store.records())) == 3
    store.close()
