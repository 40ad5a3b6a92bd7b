"""The connections of one process to a Redis: each answer is read by the command that it belongs to."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from typing import Any

from kraken_doctor.errors import ConfigurationError, NonceExhaustedError, NonceStoreError
from kraken_doctor.nonce.stores.perprocess import PerProcess

_SOCKET_TIMEOUT_S = 5.0
"""A Redis that is slower than that is as good as none: the caller gets an error, and no nonce."""

_UNREADABLE = (
    "the Redis URL can't be read: use redis://host:port/db, with user:password@ before the host if it needs a login"
)
"""Not the two together: what looks like a login in a URL is hidden."""

Judge = Callable[[Any], Any]


def _anything(answer: Any) -> Any:
    return answer


def only(kind: Any) -> Judge:
    """Return the judge that takes nothing but a *kind*."""

    def judge(answer: Any) -> Any:
        if not isinstance(answer, kind):
            raise NonceStoreError(f"nonce store redis: returned {repr(answer)[:40]}, which is not an answer")
        return answer

    return judge


class RedisLink:
    """
    What the processes that use one store object say to a Redis.

    Args:
        url: Of `RedisStore`.

    Raises:
        ConfigurationError: The extra is not installed, or the URL can't be read.
    """

    def __init__(self, url: str) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ConfigurationError("redis:// needs an extra: pip install 'kraken-doctor[redis]'") from None
        options = {"decode_responses": True, "retry": Retry(NoBackoff(), 0)}
        limits = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _SOCKET_TIMEOUT_S)
        make_pool = functools.partial(redis.ConnectionPool.from_url, url, **options, **limits)
        try:
            make_pool()
        except ValueError:
            raise ConfigurationError(_UNREADABLE) from None
        for step in _STEPS:
            _script(step)  # read now: between order and answer there may be no file to open any more
        self._redis: Any = redis  # the module: loaded by whoever has such a store
        self._process = PerProcess(lambda: _Connections(make_pool))

    def run(
        self, script: str, keys: Sequence[str], arguments: Sequence[str], judge: Judge = _anything, *, wait: bool = True
    ) -> Any:
        """
        Return what *judge* makes of the answer to one of the Lua steps; without *wait* None.

        Raises:
            NonceStoreError: Redis does not do it.
        """
        text, sha = _script(script)
        command: tuple[str | float, ...] = (len(keys), *keys, *arguments)
        if not wait:
            return self.ask("EVAL", text, *command, wait=False)  # there is no second try where the digest is not known
        try:
            return self.ask("EVALSHA", sha, *command, judge=judge)
        except NonceStoreError as exc:
            if not isinstance(exc.__cause__, self._redis.exceptions.NoScriptError):
                raise
            # A Redis that has just started knows no scripts.
            return self.ask("EVAL", text, *command, judge=judge)

    def ask(self, *command: str | float, judge: Judge = _anything, wait: bool = True) -> Any:
        """
        Return what *judge* makes of Redis's answer; None where it is not waited for.

        Raises:
            NonceStoreError: There is none, it is a refusal, or none to this question.
        """
        try:
            try:
                _, answer = self._exchange(command, judge, wait=wait)
            except self._redis.ConnectionError:
                # Once more where it had gone, and others with it; never after a wait that was long enough.
                self._process.get().close_kept()
                _, answer = self._exchange(command, judge, wait=wait)
        except (self._redis.RedisError, OSError, ValueError) as exc:
            raise _as_ours(exc) from exc
        return answer

    def begin(self, script: str, keys: Sequence[str], arguments: Sequence[str], judge: Judge) -> Iterator[Any]:
        """Return what sends one of the Lua steps, then gives its answer; closed between, it closes the connection."""
        return self._exchange(("EVALSHA", _script(script)[1], len(keys), *keys, *arguments), judge, wait=True)

    def _exchange(self, command: tuple[str | float, ...], judge: Judge, *, wait: bool) -> Iterator[Any]:
        """Send *command*, then give what *judge* makes of its answer; may raise redis-py's errors."""
        process = self._process.get()
        connection, owes = None, False
        try:
            connection, owes = self._connection(process, wait=wait)
            connection.send_packed_command(_packed(command))
            if owes:  # read only now, while Redis is at work
                with contextlib.suppress(self._redis.ResponseError):  # a turn not given up ends with its lease
                    connection.read_response()
            yield
            answer = judge(connection.read_response()) if wait else None
            # Ours no more before it is theirs: an exception between the two costs a connection, not an answer.
            lent, connection = connection, None
            (process.idle if wait else process.owing).append(lent)
        except self._redis.ResponseError:
            process.pool.release(connection)  # that was the answer
            raise
        except BaseException as exc:
            if connection is not None:
                # Ctrl-C, a timeout: the answer is still to come, and the next command would take it for its own. Or
                # it was no answer to this command, and may be that to another.
                connection.disconnect()
                process.pool.release(connection)
            elif not isinstance(exc, (self._redis.RedisError, OSError)):
                # It may have got one that we never saw: the pool would count it for ever, and run out.
                process.renew_pool()
            raise
        yield answer

    def _connection(self, process: _Connections, *, wait: bool) -> tuple[Any, bool]:
        """Return a connection, and whether it owes an answer that nobody waits for: to be read before the command's."""
        with contextlib.suppress(IndexError):
            if wait:
                return process.owing.pop(), True
        with contextlib.suppress(IndexError):
            connection = process.idle.pop()
            # A command whose answer is not read must not go to a connection that is dead; a closed one opens itself.
            with contextlib.suppress(self._redis.RedisError, OSError):
                if not connection.can_read():
                    return connection, False
            connection.disconnect()
            return connection, False
        return process.pool.get_connection(), False

    def close(self) -> None:
        """Close all connections; using it afterwards opens new ones."""
        connections = self._process.get()
        connections.close_kept()
        connections.pool.disconnect()


class _Connections:
    """Those of one process: a forked child makes its own."""

    def __init__(self, make_pool: Callable[[], Any]) -> None:
        self._make_pool = make_pool
        self.renew_pool()
        # To give a connection to its pool and get it back costs half as much as a round trip.
        self.idle: deque[Any] = deque()
        self.owing: deque[Any] = deque()
        """Those with an answer that nobody waits for."""

    def renew_pool(self) -> None:
        """Begin anew; whoever is using a connection of the old pool finishes with it."""
        self.pool = self._make_pool()

    def close_kept(self) -> None:
        """Close the connections that nobody is using; they open themselves when they are."""
        for kept in (self.idle, self.owing):
            with contextlib.suppress(IndexError):  # another thread has it
                while kept:
                    connection = kept.pop()
                    connection.disconnect()
                    self.pool.release(connection)


def _packed(command: Sequence[str | float]) -> list[bytes]:
    """Return *command* as Redis reads it; redis-py takes five times as long for one of our steps."""
    words = [str(word).encode() for word in command]
    return [b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)])]


def name_of(key_id: str, part: str) -> str:
    """Return the name in Redis of a key's *part*."""
    # Braces: all keys of one API key in one slot, should the server be a cluster.
    return f"kraken-doctor:{{{key_id}}}:{part}"


_STEPS = ("advance", "audit", "confirm", "enter", "leave")


@functools.cache
def _script(name: str) -> tuple[str, str]:
    """Return the text of a Lua step, and the digest by which Redis knows it."""
    folder = resources.files(__package__).joinpath("lua")
    parts = (name,) if name in ("confirm", "leave") else ("common", name)
    text = "".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in parts)
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_OF_A_CLUSTER = ("MovedError", "AskError", "ClusterDownError", "ClusterCrossSlotError", "TryAgainError")


def _as_ours(exc: Exception) -> NonceExhaustedError | NonceStoreError:
    if type(exc).__name__ in _OF_A_CLUSTER:
        # Turn, mark and audit log are changed in one step, which no cluster does for names on different nodes.
        return NonceStoreError("nonce store redis: this server is a node of a Redis Cluster, which can't be the store")
    if "EXHAUSTED" in str(exc):
        return NonceExhaustedError("the next nonce would be above 2**64 - 1")
    return NonceStoreError(f"nonce store redis: {exc}")
