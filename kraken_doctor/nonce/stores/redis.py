"""Marks and turns in Redis: for all processes of all hosts that reach it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from importlib import resources
from typing import Any

from kraken_doctor.errors import ConfigurationError, NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord, from_line, from_lines
from kraken_doctor.model.unit import MAX_NONCE
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores.base import TURN_LEASE_S
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.nonce.stores.redisturn import Line, RedisTurn, lost, name_of
from kraken_doctor.nonce.turn import NonceSource, Turn, hold

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
    gives_nonce_with_turn = True
    """`turn` takes a `NonceSource` too, and gets its next nonce in the same round trip."""

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
        return self._advance("advance", key_id, floor, is_possible)

    def advance_in_turn(self, line: Line, lease_ms: str, source: NonceSource) -> int:
        """`advance`, but only while *line* holds the turn; `TurnLostError` if it does not."""
        nonce = self._with_records("advance", line, source, [line.token, lease_ms])
        if nonce < 0:
            raise lost(line.key_id)
        return nonce

    def enter(self, line: Line, arguments: list[str], source: NonceSource | None) -> int:
        """
        Take the turn, or a place in the queue.

        Returns:
            The nonce of *source*, 0 without one: the turn is ours. Below 0: it is not; look again in so many ms.
        """
        if source is not None:
            return self._with_records("enter", line, source, arguments)
        keys = [name_of(line.key_id, "mark"), line.holder, _AUDIT, line.queue]
        return int(self.run("enter", keys, ["", *arguments, _AUDIT_LINES], count_for(line.key_id, most=0)))

    def _with_records(self, script: str, line: Line, source: NonceSource, arguments: list[str]) -> int:
        """Run a step that gives a nonce, and take the waiting audit records along."""
        process = self._process.get()
        unsent = process.take_unsent()
        keys = [line.holder, _AUDIT, line.queue]
        try:
            arguments = [*arguments, _AUDIT_LINES, *unsent]
            return self._advance(script, line.key_id, source.floor(), source.possible, keys, arguments)
        except NonceStoreError:
            process.unsent.extendleft(reversed(unsent))
            raise

    def _advance(
        self,
        script: str,
        key_id: str,
        floor: int,
        is_possible: marks.Possible | None,
        keys: Sequence[str] = (),
        arguments: Sequence[str] = (),
    ) -> int:
        """Run a step that gives a nonce; steps of a turn may answer with a number below 0 instead."""
        last = self._process.get().last
        # Above our own last one too: a Redis that lost its data must not make us go backwards.
        least = max(floor, last.get(key_id, -1) + 1)
        mark = name_of(key_id, "mark")
        remedy = f"in Redis: DEL {mark}"

        def judge(answer: object) -> int:
            if keys and type(answer) is int and answer < 0:
                return answer
            return marks.judged(answer, least, is_possible, remedy)

        try:
            nonce = int(self.run(script, [mark, *keys], [str(least), *arguments], judge))
        except NonceExhaustedError:
            marks.judged(MAX_NONCE, min(least, MAX_NONCE), is_possible, remedy)
            raise
        last[key_id] = max(nonce, last.get(key_id, -1))
        return nonce

    def mark(self, key_id: str) -> int | None:
        name = name_of(key_id, "mark")
        answer: str | None = self._ask("GET", name, judge=_only(str | None))
        return None if answer is None else marks.mark(answer, f"in Redis: DEL {name}")

    def turn(
        self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S, source: NonceSource | None = None
    ) -> AbstractContextManager[Turn]:
        line = self._process.get().line(key_id, self)
        lease_ms = round(lease_s * 1000)
        line.lease_ms = max(line.lease_ms, lease_ms)
        return hold(line.relay, key_id, timeout_s, RedisTurn(self, line, lease_ms, source))

    def remember(self, key_id: str, name: str, value: str) -> None:
        self._ask("HSET", name_of(key_id, "notes"), name, value)

    def recall(self, key_id: str, name: str) -> str | None:
        note: str | None = self._ask("HGET", name_of(key_id, "notes"), name, judge=_only(str | None))
        return note

    def record(self, record: CallRecord) -> None:
        # Not sent yet: it travels with the next step of this process, and costs no round trip of its own.
        self._process.get().unsent.append(record.to_line())

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        self._send_records()
        entries = self._ask("LRANGE", _AUDIT, 0, -1, judge=_only(list))
        found = (from_line(line) for line in reversed(entries))
        return [record for record in found if record is not None and record.at_ns >= since_ns]

    def newest(self, wanted: Collection[str]) -> Iterator[CallRecord]:
        self._send_records()
        for start in range(0, int(_AUDIT_LINES), _PAGE_LINES):
            lines = self._ask("LRANGE", _AUDIT, start, start + _PAGE_LINES - 1, judge=_only(list))
            if not (lines and wanted):
                return
            yield from from_lines((line.encode() for line in lines), wanted)

    def close(self) -> None:
        with contextlib.suppress(NonceStoreError):
            self._send_records()
        process = self._process.get()
        process.owing.clear()
        process.pool.disconnect()

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

    def confirm(self, line: Line, lease_ms: str) -> bool:
        """Whether the turn still is that of *line*; if so, for a whole lease from now on."""
        return bool(self.run("confirm", [line.holder], [line.token, lease_ms], count_for(line.key_id, most=1)))

    def leave(self, line: Line, arguments: list[str]) -> None:
        """
        Give up the turn, without waiting for Redis's answer: whoever uses the connection next reads it first.

        By its text: there is no second try where Redis does not know the script.
        """
        self._ask("EVAL", _script("leave")[0], 2, line.holder, line.queue, *arguments, wait=False)

    def wait_for_bell(self, bell: str, timeout_s: float) -> None:
        """Sleep until somebody hands over the turn, or so many seconds."""
        self._ask("BLPOP", bell, timeout_s)

    def _ask(self, *command: str | float, judge: Judge = _anything, wait: bool = True) -> Any:
        """
        What *judge* makes of Redis's answer; None where it is not waited for.

        Raises:
            NonceStoreError: There is none, it is a refusal, or none to this question.
        """
        try:
            try:
                return self._exchange(command, judge, wait=wait)
            except self._redis.ConnectionError:
                # Once more on a connection that had gone; never after a wait that was long enough.
                return self._exchange(command, judge, wait=wait)
        except (self._redis.RedisError, OSError, ValueError) as exc:
            raise _as_ours(exc) from exc

    def _exchange(self, command: tuple[str | float, ...], judge: Judge, *, wait: bool) -> Any:
        process = self._process.get()
        pool, connection = process.pool, None
        try:
            # A command whose answer is not read must not go to a connection that is dead: the pool looks.
            pool, connection = (wait and self._owing(process)) or (pool, pool.get_connection())
            connection.send_command(*command)
            if not wait:
                # Ours no more before it is theirs: an exception between the two costs a connection, not an answer.
                lent, connection = connection, None
                process.owing.append((pool, lent))
                return None
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

    def _owing(self, process: _Process) -> tuple[Any, Any] | None:
        """Return a connection, with its pool, whose last answer was not waited for, and has been read by now."""
        while process.owing:
            with contextlib.suppress(IndexError):  # another thread has it
                pool, connection = process.owing.popleft()
                try:
                    with contextlib.suppress(self._redis.ResponseError):  # a turn not given up ends with its lease
                        connection.read_response()
                except (self._redis.RedisError, OSError):
                    connection.disconnect()
                    pool.release(connection)
                else:
                    return pool, connection
        return None


class _Process:
    """What one process keeps: its connections, its place in each key's queue, and the last nonce of each key."""

    def __init__(self, make_pool: Callable[[], Any]) -> None:
        self._make_pool = make_pool
        self.renew_pool()
        self.last: dict[str, int] = {}
        self.unsent: deque[str] = deque(maxlen=_MOST_UNSENT)
        """Audit records that wait for the next step to take them along."""
        self.owing: deque[tuple[Any, Any]] = deque()
        """Pools and connections with an answer that nobody waits for: to be read before the next command."""
        self._lines: dict[str, Line] = {}

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

    def line(self, key_id: str, store: RedisStore) -> Line:
        # setdefault is atomic: of two threads that come first, both get the same one.
        return self._lines.get(key_id) or self._lines.setdefault(key_id, Line(store, key_id))


_STEPS = ("advance", "audit", "confirm", "enter", "leave")


@functools.cache
def _script(name: str) -> tuple[str, str]:
    """The text of a Lua step, and the digest by which Redis knows it."""
    folder = resources.files(__package__).joinpath("lua")
    parts = (name,) if name in ("confirm", "leave") else ("common", name)
    text = "".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in parts)
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def count_for(key_id: str, *, most: float = math.inf) -> Judge:
    """Return the judge of a step's whole number: 0 is a meaning of its own, and nothing else may be taken for it."""

    def judge(answer: object) -> int:
        if type(answer) is not int or answer > most:
            raise NonceStoreError(f"nonce store redis: gave {repr(answer)[:40]} for the turn of key {key_id}")
        return answer

    return judge


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
