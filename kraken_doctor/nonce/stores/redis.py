"""Marks and turns in Redis: for all processes of all hosts that reach it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from importlib import resources
from typing import Any

from kraken_doctor.errors import ConfigurationError, NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import MAX_NONCE
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores import recordtext
from kraken_doctor.nonce.stores.base import TURN_LEASE_S
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.nonce.stores.redisturn import QueueSlot, RedisTurn, name_of, turn_lost_error
from kraken_doctor.nonce.turn import Turn, hold

_SOCKET_TIMEOUT_S = 5.0
"""A Redis that is slower than that is as good as none: the caller gets an error, and no nonce."""

_UNREADABLE = (
    "the Redis URL can't be read: use redis://host:port/db, with user:password@ before a host that asks for it"
)
"""Not the two together: what looks like a login in a URL is hidden."""

Judge = Callable[[Any], Any]


def _anything(answer: Any) -> Any:
    return answer


def _only(kind: Any) -> Judge:
    def judge(answer: Any) -> Any:
        if not isinstance(answer, kind):
            raise NonceStoreError(f"nonce store redis: gave {repr(answer)[:40]}, which is no answer")
        return answer

    return judge


class RedisStore:
    """
    Reaches every process that names the same Redis.

    Args:
        url: ``redis://``, or ``rediss://`` for TLS, with user and password where the server wants them.

    Raises:
        ConfigurationError: The extra is not installed, or the URL can't be read. It is never repeated: it may
            hold a password.
    """

    name = "redis"

    def __init__(self, url: str) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ConfigurationError("redis:// needs its extra: pip install 'kraken-doctor[redis]'") from None
        make_pool = functools.partial(
            redis.ConnectionPool.from_url,
            url,
            decode_responses=True,
            socket_timeout=_SOCKET_TIMEOUT_S,
            socket_connect_timeout=_SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            make_pool()
        except ValueError:
            raise ConfigurationError(_UNREADABLE) from None
        for step in _STEPS:
            _script(step)  # read now: between order and answer there may be no file to open any more
        self._redis: Any = redis  # the module: loaded by whoever has such a store
        self._process = PerProcess(lambda: _Process(make_pool))
        self._url = url

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._url,)

    def advance(self, key_id: str, floor: int, is_possible: marks.Possible | None = None) -> int:
        return self._advance(key_id, floor, is_possible, [name_of(key_id, "mark")], [])

    def advance_in_turn(self, slot: QueueSlot, lease_ms: str, floor: int, is_possible: marks.Possible) -> int:
        """`advance`, but only while *slot* holds the turn; `TurnLostError` if it does not."""
        unsent = self._process.get().take_unsent()
        keys = [name_of(slot.key_id, "mark"), slot.holder, _AUDIT]
        try:
            arguments = [slot.token, lease_ms, _AUDIT_LINES, *unsent]
            return self._advance(slot.key_id, floor, is_possible, keys, arguments)
        except NonceStoreError:
            self._process.get().unsent.extendleft(reversed(unsent))
            raise

    def _advance(
        self, key_id: str, floor: int, is_possible: marks.Possible | None, keys: list[str], turn: list[str]
    ) -> int:
        last = self._process.get().last
        # Above our own last one too: a Redis that lost its data must not make us go backwards.
        least = max(floor, last.get(key_id, -1) + 1)
        remedy = f"in Redis: DEL {keys[0]}"

        def judge(answer: object) -> int | None:
            return None if answer is None and turn else marks.judged(answer, least, is_possible, remedy)

        try:
            nonce: int | None = self.run("advance", keys, [str(least), *turn], judge)
        except NonceExhaustedError:
            marks.judged(MAX_NONCE, min(least, MAX_NONCE), is_possible, remedy)
            raise
        if nonce is None:
            raise turn_lost_error(key_id)
        last[key_id] = max(nonce, last.get(key_id, -1))
        return nonce

    def mark(self, key_id: str) -> int | None:
        name = name_of(key_id, "mark")
        answer: str | None = self._ask("GET", name, judge=_only(str | None))
        return None if answer is None else marks.mark(answer, f"in Redis: DEL {name}")

    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> AbstractContextManager[Turn]:
        slot = self._process.get().slot(key_id, self)
        lease_ms = round(lease_s * 1000)
        slot.lease_ms = max(slot.lease_ms, lease_ms)
        return hold(slot.lock, key_id, timeout_s, RedisTurn(self, slot, lease_ms))

    def remember(self, key_id: str, name: str, value: str) -> None:
        self._ask("HSET", name_of(key_id, "notes"), name, value)

    def recall(self, key_id: str, name: str) -> str | None:
        note: str | None = self._ask("HGET", name_of(key_id, "notes"), name, judge=_only(str | None))
        return note

    def record(self, record: CallRecord) -> None:
        # Not sent yet: it travels with the next step of this process, and costs no round trip of its own.
        self._process.get().unsent.append(recordtext.dump(record))

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        self._send_records()
        entries = self._ask("LRANGE", _AUDIT, 0, -1, judge=_only(list))
        found = (recordtext.load(line) for line in reversed(entries))
        return [record for record in found if record is not None and record.at_ns >= since_ns]

    def newest(self, wanted: Collection[str]) -> Iterator[CallRecord]:
        self._send_records()
        for start in range(0, int(_AUDIT_LINES), _PAGE_LINES):
            lines = self._ask("LRANGE", _AUDIT, start, start + _PAGE_LINES - 1, judge=_only(list))
            if not (lines and wanted):
                return
            yield from recordtext.of_keys((line.encode() for line in lines), wanted)

    def close(self) -> None:
        with contextlib.suppress(NonceStoreError):
            self._send_records()
        self._process.get().pool.disconnect()

    def _send_records(self) -> None:
        unsent = self._process.get().take_unsent()
        if unsent:
            self.run("audit", [_AUDIT], [_AUDIT_LINES, *unsent])

    def run(self, script: str, keys: list[str], arguments: list[str], judge: Judge = _anything) -> Any:
        """What *judge* makes of the answer to one of the Lua steps; `NonceStoreError` if Redis does not do it."""
        text, sha = _script(script)
        try:
            return self._ask("EVALSHA", sha, len(keys), *keys, *arguments, judge=judge)
        except NonceStoreError as exc:
            if not isinstance(exc.__cause__, self._redis.exceptions.NoScriptError):
                raise
            # A Redis that has just started knows no scripts.
            return self._ask("EVAL", text, len(keys), *keys, *arguments, judge=judge)

    def wait_for_wakeup(self, wakeup: str, timeout_s: float) -> None:
        """Sleep until somebody hands over the turn, or so many seconds."""
        self._ask("BLPOP", wakeup, timeout_s)

    def _ask(self, *command: str | float, judge: Judge = _anything) -> Any:
        """
        What *judge* makes of Redis's answer.

        Raises:
            NonceStoreError: There is none, it is a refusal, or none to this question.
        """
        try:
            try:
                return self._exchange(command, judge)
            except self._redis.ConnectionError:
                # Once more on a connection that had gone; never after a wait that was long enough.
                return self._exchange(command, judge)
        except (self._redis.RedisError, OSError, ValueError) as exc:
            raise _as_ours(exc) from exc

    def _exchange(self, command: tuple[str | float, ...], judge: Judge) -> Any:
        process = self._process.get()
        pool, connection = process.pool, None
        try:
            connection = pool.get_connection()
            connection.send_command(*command)
            answer = judge(connection.read_response())
            pool.release(connection)
        except self._redis.ResponseError:
            pool.release(connection)  # that was the answer
            raise
        except BaseException as exc:
            if connection is not None:
                # Ctrl-C, a timeout: the answer is still to come, and the next command would take it for its own. Or
                # it was no answer to this command, and may be that to another.
                connection.disconnect()
                pool.release(connection)
            elif not isinstance(exc, (self._redis.RedisError, OSError)):
                # It may have got one that we never saw: the pool would count it for ever, and run out.
                process.renew_pool()
            raise
        return answer


class _Process:
    """What one process keeps: its connections, its place in each key's queue, and the last nonce of each key."""

    def __init__(self, make_pool: Callable[[], Any]) -> None:
        self._make_pool = make_pool
        self.renew_pool()
        self.last: dict[str, int] = {}
        self.unsent: deque[str] = deque(maxlen=_MOST_UNSENT)
        """Audit records that wait for the next step to take them along."""
        self._slots: dict[str, QueueSlot] = {}

    def renew_pool(self) -> None:
        """Begin anew; whoever is using a connection of the old pool gives it back to that."""
        self.pool = self._make_pool()

    def take_unsent(self) -> list[str]:
        """The waiting records, each to one taker."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self.unsent.popleft())
        return taken

    def slot(self, key_id: str, store: RedisStore) -> QueueSlot:
        # setdefault is atomic: of two threads that come first, both get the same one.
        return self._slots.get(key_id) or self._slots.setdefault(key_id, QueueSlot(store, key_id))


_STEPS = ("advance", "audit", "confirm", "enter", "leave")


@functools.cache
def _script(name: str) -> tuple[str, str]:
    """The text of a Lua step, and the digest by which Redis knows it."""
    text = resources.files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _as_ours(exc: Exception) -> NonceExhaustedError | NonceStoreError:
    if "EXHAUSTED" in str(exc):
        return NonceExhaustedError("the next nonce would be above 2**64 - 1")
    return NonceStoreError(f"nonce store redis: {exc}")


_AUDIT = "kraken-doctor:audit"
_AUDIT_LINES = "100000"
"""A day of a call a second, some 13 MB."""

_PAGE_LINES = 1_000
"""Fetched at once by whoever looks for the newest of a few keys: most often they are among the first."""

_MOST_UNSENT = 1_000
"""While Redis does not answer no nonce is issued either, so there is hardly ever more than one."""
