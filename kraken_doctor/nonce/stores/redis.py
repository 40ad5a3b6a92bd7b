"""Marks and turns in Redis: for all processes of all hosts that reach it."""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

from kraken_doctor.errors import (
    ConfigurationError,
    NonceExhaustedError,
    NonceStoreError,
    TurnLostError,
    TurnTimeoutError,
)
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores import streamrecord
from kraken_doctor.nonce.stores.base import AUDIT_RECORDS, TURN_LEASE_S
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.nonce.turn import FairLock, Turn

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script

_SOCKET_TIMEOUT_S = 5.0
"""A Redis that is slower than that is as good as none: the caller gets an error, and no nonce."""

_LOOK_S = 1.0
"""How long a waiter sleeps at most before it looks whether the holder's lease has run out."""

_PRESENCE_S = 5.0
"""A waiter that has not looked for so long is taken for dead, and passed over."""


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
        except ImportError:
            raise ConfigurationError("redis:// needs its extra: pip install 'kraken-doctor[redis]'") from None
        try:
            self._redis: Redis = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=_SOCKET_TIMEOUT_S,
                socket_connect_timeout=_SOCKET_TIMEOUT_S,
            )
        except ValueError:
            raise ConfigurationError("the Redis URL can't be read: use redis://[user:password@]host:port/db") from None
        self._errors: type[Exception] = redis.RedisError
        self._advance = self._script("advance")
        self._enter = self._script("enter")
        self._leave = self._script("leave")
        self._confirm = self._script("confirm")
        self._process = PerProcess(_Process)

    def advance(self, key_id: str, floor: int) -> int:
        last = self._process.get().last
        # Above our own last one too: a Redis that lost its data must not make us go backwards.
        floor = max(floor, last.get(key_id, -1) + 1)
        nonce = int(self._run(self._advance, [_name(key_id, "mark")], [str(floor)]))
        last[key_id] = max(nonce, last.get(key_id, -1))
        return nonce

    def mark(self, key_id: str) -> int | None:
        with self._mapped():
            mark = self._redis.get(_name(key_id, "mark"))
            return int(str(mark)) if mark is not None else None

    @contextmanager
    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> Iterator[Turn]:
        end = time.monotonic() + timeout_s
        local = self._process.get().lock(key_id)
        timed_out = TurnTimeoutError(f"key {key_id}: another request was in flight for {timeout_s:g} s")
        # One thread of a process queues in Redis; the others queue behind it, here.
        if not local.acquire(timeout_s):
            raise timed_out
        turn = _RedisTurn(self, key_id, round(lease_s * 1000))
        try:
            try:
                if not turn.wait(end):
                    raise timed_out
                yield turn
            finally:
                turn.leave()
        finally:
            local.release()

    def remember(self, key_id: str, name: str, value: str) -> None:
        with self._mapped():
            self._redis.hset(_name(key_id, "notes"), name, value)

    def recall(self, key_id: str, name: str) -> str | None:
        with self._mapped():
            value = self._redis.hget(_name(key_id, "notes"), name)
            return str(value) if value is not None else None

    def record(self, record: CallRecord) -> None:
        with self._mapped():
            # "~": Redis trims when a whole node of the stream can go, which costs it nothing.
            fields: dict[Any, Any] = dict(streamrecord.fields(record))
            self._redis.xadd(_AUDIT, fields, maxlen=AUDIT_RECORDS, approximate=True)

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        with self._mapped():
            entries: Any = self._redis.xrange(_AUDIT)
        found = (streamrecord.record(fields) for _, fields in entries)
        return [record for record in found if record is not None and record.at_ns >= since_ns]

    def close(self) -> None:
        self._redis.close()

    def _script(self, name: str) -> Script:
        text = resources.files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
        return self._redis.register_script(text)

    def _run(self, script: Script, keys: list[str], arguments: list[str]) -> Any:
        with self._mapped():
            return script(keys=keys, args=arguments)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except self._errors as exc:
            if "EXHAUSTED" in str(exc):
                raise NonceExhaustedError("the next nonce would be above 2**64 - 1") from None
            raise NonceStoreError(f"nonce store redis: {exc}") from exc
        except (OSError, ValueError) as exc:
            raise NonceStoreError(f"nonce store redis: {exc}") from exc


class _RedisTurn(Turn):
    """
    A lease with a token of its own, and a place in the queue until it is granted.

    The lease is what frees the key when its holder is killed or cut off; the token is what keeps a holder
    that comes back too late from believing that it still has it.
    """

    def __init__(self, store: RedisStore, key_id: str, lease_ms: int) -> None:
        self._store = store
        self._key_id = key_id
        self._lease_ms = str(lease_ms)
        self._token = uuid.uuid4().hex
        self._keys = [_name(key_id, "holder"), _name(key_id, "queue")]
        self._presence = _name(key_id, "waits:")
        self._bell = _name(key_id, "bell:")

    def wait(self, end: float) -> bool:
        """Wait for the turn until *end* on the monotonic clock; whether it was granted."""
        store, presence_ms = self._store, str(round(_PRESENCE_S * 1000))
        while not store._run(store._enter, self._keys, [self._token, self._lease_ms, presence_ms, self._presence]):  # noqa: SLF001
            left_s = end - time.monotonic()
            if left_s <= 0:
                return False
            with store._mapped():  # noqa: SLF001
                store._redis.blpop([self._bell + self._token], timeout=min(left_s, _LOOK_S))  # noqa: SLF001
        return True

    def confirm(self) -> None:
        store = self._store
        if not store._run(store._confirm, self._keys[:1], [self._token, self._lease_ms]):  # noqa: SLF001
            raise TurnLostError(f"key {self._key_id}: the turn ran out before the request was sent; it was not sent")

    def leave(self) -> None:
        store = self._store
        try:
            store._run(store._leave, self._keys, [self._token, self._lease_ms, self._presence, self._bell])  # noqa: SLF001
        except NonceStoreError:
            # The answer has come and counts; a turn that can't be given back ends with its lease.
            return


class _Process:
    """What one process keeps: its threads' queues, and the last nonce of each key."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self._guard = threading.Lock()
        self._locks: defaultdict[str, FairLock] = defaultdict(FairLock)

    def lock(self, key_id: str) -> FairLock:
        with self._guard:
            return self._locks[key_id]


_AUDIT = "kraken-doctor:audit"


def _name(key_id: str, part: str) -> str:
    # Braces: all keys of one API key in one slot, should the server be a cluster.
    return f"kraken-doctor:{{{key_id}}}:{part}"
