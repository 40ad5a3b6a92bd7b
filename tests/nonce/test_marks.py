"""What a store answers is judged before it is a nonce: one that is too large would end the key."""

from __future__ import annotations

import re
import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.errors import NonceExhaustedError, NonceStoreError
from kraken_doctor.model.unit import MAX_NONCE, NonceUnit
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.generator import NonceGenerator
from kraken_doctor.nonce.stores import open_store
from tests.clocks import ManualClock
from tests.nonce.test_interruptions import Interruption, at_moment, raise_it
from tests.wine import skip_under_wine

NOW = ManualClock().wall_ns
DAY_S = 86_400
UNITS = list(NonceUnit)
TRAP = 18446744073709551609


# What is possible


@given(unit=st.sampled_from(UNITS), ahead_s=st.floats(-20 * 365 * DAY_S, 399 * DAY_S))
def test_whatever_a_clock_may_have_shown_is_possible(unit: NonceUnit, ahead_s: float) -> None:
    """Ahead by a year, or behind: a bot goes on from there, the exchange takes nothing else."""
    assert marks.possible(unit.floor(NOW + round(ahead_s * 1e9)), unit, NOW)


@given(
    units=st.tuples(st.sampled_from(UNITS), st.sampled_from(UNITS)),
    ahead_s=st.floats(-30 * DAY_S, 399 * DAY_S),
    seconds=st.integers(0, 10 * 365 * DAY_S),
)
def test_a_finer_unit_leaves_a_mark_that_is_possible(
    units: tuple[NonceUnit, NonceUnit], ahead_s: float, seconds: int
) -> None:
    """A bot that was set to a coarser one goes on by ones, and years later too."""
    coarser, finer = sorted(units, key=lambda unit: -unit.tick_ns)
    assert marks.possible(finer.floor(NOW + round(ahead_s * 1e9)), coarser, NOW + seconds * 10**9)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("counts_in", UNITS)
def test_one_flipped_bit_is_not_possible(unit: NonceUnit, counts_in: NonceUnit) -> None:
    """Wherever it takes a mark further ahead than a clock may be, whoever counts in that unit or in a coarser one."""
    if counts_in.tick_ns < unit.tick_ns:
        return
    mark = unit.floor(NOW)
    flipped = [mark ^ 1 << bit for bit in range(64) if not mark >> bit & 1]
    far = [wrong for wrong in flipped if (wrong - mark) * unit.tick_ns > 401 * DAY_S * 10**9]
    assert len(far) > 3
    assert [wrong for wrong in far if marks.possible(wrong, counts_in, NOW)] == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_clock_that_is_evidently_wrong_does_not_judge(unit: NonceUnit) -> None:
    """A board without a battery begins in 1970: its mark is right. The largest numbers are still no times."""
    for now_ns in (0, 10**9, 1_500_000_000 * 10**9):
        assert marks.possible(unit.floor(NOW), unit, now_ns)
        assert not marks.possible(TRAP, unit, now_ns)
        assert not marks.possible(2**63 + unit.floor(NOW), unit, now_ns)


@pytest.mark.parametrize(
    "answer",
    ["1_000", "١٢٣", "-7", " 7", "7 ", "+7", "", "7.0", "1e3", "٣", "9" * 5000, None, [], [7], True, 7.0, b"7", -7,
     MAX_NONCE + 1, str(MAX_NONCE + 1)],
)  # fmt: skip
def test_what_is_no_number_is_no_nonce(answer: object) -> None:
    """Python's int() would take some of these."""
    with pytest.raises(NonceStoreError, match="not a nonce; get rid"):
        marks.mark(answer, "get rid")
    with pytest.raises(NonceStoreError, match="not a nonce; get rid"):
        marks.judged(answer, 0, None, "get rid")


def test_below_is_refused_and_the_least_is_taken() -> None:
    """Whoever asks knows what is least: nobody needs to say that it is possible."""
    assert marks.judged("1000", 1000, lambda _: False, "") == 1000
    assert marks.judged(1001, 1000, lambda nonce: nonce == 1001, "") == 1001
    with pytest.raises(NonceStoreError, match="gave 999, which is below 1000"):
        marks.judged("999", 1000, None, "")
    with pytest.raises(NonceStoreError, match=r"gave 1001, further ahead than any clock.*get rid"):
        marks.judged(1001, 1000, lambda _: False, "get rid")


# In a file


def damage(path: Path, mark: int) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE nonce SET mark = ?", (mark - 2**63,))


@pytest.mark.parametrize("mark", [TRAP, MAX_NONCE, MAX_NONCE - 1, 2**63, NOW // 1000 | 1 << 57, NOW // 1000 | 1 << 51])
def test_a_damaged_mark_issues_nothing(tmp_path: Path, mark: int) -> None:
    """Nor does it spoil the process: with the mark gone, it goes on from the clock."""
    path, clock = tmp_path / "nonce.db", ManualClock()
    numbers = NonceGenerator("key", store=open_store(f"sqlite:///{path}"), clock=clock)
    last = numbers.next()
    damage(path, mark)
    clock.step(1)
    for _ in range(2):
        with pytest.raises(NonceStoreError, match=f"further ahead than any clock.*delete {re.escape(str(path))}"):
            numbers.next()
    numbers.store.close()  # Windows deletes nothing that is open
    path.unlink()
    assert last < numbers.next() == NonceUnit.US.floor(clock.wall_ns)


def test_the_end_of_the_range_is_still_its_end(tmp_path: Path) -> None:
    """For whoever put it there: who asks without a clock knows better."""
    store = open_store(f"sqlite:///{tmp_path}/nonce.db")
    store.advance("key", MAX_NONCE)
    with pytest.raises(NonceExhaustedError):
        store.advance("key", 0)


def test_a_coarser_unit_goes_on_by_ones(tmp_path: Path) -> None:
    """In another process too, which knows nothing of the first."""
    clock = ManualClock()
    url = f"sqlite:///{tmp_path}/nonce.db"
    first = NonceGenerator("key", store=open_store(url), unit=NonceUnit.NS, clock=clock).next()
    numbers = NonceGenerator("key", store=open_store(url), unit=NonceUnit.MS, clock=clock)
    assert [numbers.next(), numbers.next()] == [first + 1, first + 2]


# From Redis


class FakeRedis(socketserver.ThreadingTCPServer):
    """Answers each script with what it is told, in Redis's own words."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.url = f"redis://127.0.0.1:{self.server_address[1]}/0"
        self.answer: bytes | None = b"+1\r\n"
        """None: the floor; and if it is even, late, with the answer to the next question on that connection."""
        self.connections = 0


class _Answering(socketserver.StreamRequestHandler):
    server: FakeRedis

    def handle(self) -> None:
        self.server.connections += 1
        owed = b""
        while words := self._command():
            answer = self._answer(words)
            if self.server.answer is None and words[0] == b"EVALSHA" and not int(words[-1]) % 2:
                owed = answer
                continue
            try:
                self.wfile.write(owed + answer)
            except OSError:
                return
            owed = b""

    def _answer(self, words: list[bytes]) -> bytes:
        if words[0] == b"HELLO":
            return b"%1\r\n$5\r\nproto\r\n:3\r\n"
        if words[0] not in (b"EVALSHA", b"GET", b"HGET"):
            return b"+OK\r\n"
        return b"+%s\r\n" % words[-1] if self.server.answer is None else self.server.answer

    def _command(self) -> list[bytes]:
        try:
            count = int(self.rfile.readline()[1:] or 0)
            return [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in range(count)]
        except (OSError, ValueError):
            return []


@pytest.fixture
def fake() -> Iterator[FakeRedis]:
    skip_under_wine("no TCP_KEEPIDLE, which redis-py sets")
    with FakeRedis() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def bulk(text: str) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text.encode()), text.encode())


@pytest.mark.parametrize(
    "answer",
    [b":5\r\n", b"+5\r\n", b"+-7\r\n", b":-7\r\n", b"+1_000\r\n", bulk("١٢٣"), bulk(""), b"_\r\n", b"*1\r\n+7\r\n",
     b"#t\r\n", b",7.5\r\n", b"+OK\r\n", b"+%d\r\n" % TRAP, b"+%d\r\n" % (MAX_NONCE + 1)],
)  # fmt: skip
def test_whatever_redis_answers_is_no_nonce_unless_it_can_be(fake: FakeRedis, answer: bytes) -> None:
    """Nor a turn; and the connection is not used again, which may have got the answer to another question."""
    store = open_store(fake.url)
    numbers = NonceGenerator("key", store=store, clock=ManualClock())
    good = NonceUnit.US.floor(NOW)
    fake.answer = b"+%d\r\n" % good
    assert numbers.next() == good
    fake.answer, before = answer, fake.connections
    with pytest.raises(NonceStoreError):
        numbers.next()
    fake.answer = b"+%d\r\n" % (good + 1)
    assert numbers.next() == good + 1
    assert fake.connections == before + 1
    store.close()


@pytest.mark.parametrize("answer", [b"_\r\n", b"+OK\r\n", b"+0\r\n", b":1\r\n", b"*0\r\n", bulk("")])
def test_what_is_no_answer_to_the_question_for_the_turn_is_no_turn(fake: FakeRedis, answer: bytes) -> None:
    """Nothing, and nothing empty either, is the 0 that grants it."""
    store = open_store(fake.url)
    fake.answer = answer
    with pytest.raises(NonceStoreError, match="for the turn of key k"), store.turn("k", 5):
        pass
    store.close()


@pytest.mark.parametrize("answer", [b"*0\r\n", b"#f\r\n", b",7.5\r\n"])
def test_what_is_no_mark_and_no_note_is_not_reported_as_one(fake: FakeRedis, answer: bytes) -> None:
    """The doctor decides by them what it sends."""
    store = open_store(fake.url)
    fake.answer = answer
    with pytest.raises(NonceStoreError):
        store.mark("k")
    with pytest.raises(NonceStoreError):
        store.recall("k", "unit")
    fake.answer = b"+1_000\r\n"
    with pytest.raises(NonceStoreError):
        store.mark("k")
    store.close()


def test_an_exception_inside_an_exchange_costs_the_connection(fake: FakeRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it comes: the answer that is late would be taken for the one to the next question."""
    monkeypatch.setattr("kraken_doctor.nonce.stores.redislink._SOCKET_TIMEOUT_S", 0.5)
    store = open_store(fake.url)
    fake.answer = None
    store.advance("key", 1)
    number = 0
    while True:
        floor = 1000 + 2 * number
        try:
            at_moment(number, raise_it, partial(store.advance, "key", floor))
        except Interruption as exc:
            if isinstance(exc.__context__, TimeoutError):
                break  # what is interrupted is the handling of the timeout: the connection is given up already
            assert store.advance("key", floor + 1) == floor + 1, f"moment {number}"
        number += 1
    assert number > 20
    store.close()
