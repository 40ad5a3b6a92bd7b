"""Marks and turns in Redis: for all processes of all hosts that reach it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

from kraken_doctor.errors import (
    ConfigurationError,
    NonceExhaustedError,
    NonceStoreError,
    TurnTimeoutError,
)
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores import recordtext
from kraken_doctor.nonce.stores.base import TURN_LEASE_S
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.nonce.stores.redisturn import Line, RedisTurn, lost, name_of
from kraken_doctor.nonce.turn import Turn

if TYPE_CHECKING:
    from redis import Redis

_SOCKET_TIMEOUT_S = 5.0
"""A Redis that is slower than that is as good as none: the caller gets an error, and no nonce."""


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
        try:
            self._redis: Redis = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=_SOCKET_TIMEOUT_S,
                socket_connect_timeout=_SOCKET_TIMEOUT_S,
                # Once more on a connection that has gone; never after a wait that was long enough.
                retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            )
        except ValueError:
            raise ConfigurationError("the Redis URL can't be read: use redis://[user:password@]host:port/db") from None
        self._errors: type[Exception] = redis.RedisError
        self._not_loaded: type[Exception] = redis.exceptions.NoScriptError
        self._process = PerProcess(_Process)
        self._url = url

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._url,)

    def advance(self, key_id: str, floor: int) -> int:
        return self._advance(key_id, floor, [name_of(key_id, "mark")], [])

    def advance_in_turn(self, line: Line, lease_ms: str, floor: int) -> int:
        """`advance`, but only while *line* holds the turn; `TurnLostError` if it does not."""
        unsent = self._process.get().take_unsent()
        keys = [name_of(line.key_id, "mark"), line.holder, _AUDIT]
        try:
            return self._advance(line.key_id, floor, keys, [line.token, lease_ms, _AUDIT_LINES, *unsent])
        except NonceStoreError:
            self._process.get().unsent.extendleft(reversed(unsent))
            raise

    def _advance(self, key_id: str, floor: int, keys: list[str], turn: list[str]) -> int:
        last = self._process.get().last
        # Above our own last one too: a Redis that lost its data must not make us go backwards.
        floor = max(floor, last.get(key_id, -1) + 1)
        answer = self.run("advance", keys, [str(floor), *turn])
        if answer is None:
            raise lost(key_id)
        nonce = int(answer)
        last[key_id] = max(nonce, last.get(key_id, -1))
        return nonce

    def mark(self, key_id: str) -> int | None:
        with self._mapped():
            mark = self._redis.get(name_of(key_id, "mark"))
            return int(str(mark)) if mark is not None else None

    @contextmanager
    def turn(self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S) -> Iterator[Turn]:
        line = self._process.get().line(key_id, self)
        lease_ms = round(lease_s * 1000)
        line.lease_ms = max(line.lease_ms, lease_ms)
        if not line.relay.acquire(timeout_s):
            raise TurnTimeoutError(f"key {key_id}: another request was in flight for {timeout_s:g} s")
        try:
            yield RedisTurn(self, line, lease_ms)
        finally:
            line.relay.release()

    def remember(self, key_id: str, name: str, value: str) -> None:
        with self._mapped():
            self._redis.hset(name_of(key_id, "notes"), name, value)

    def recall(self, key_id: str, name: str) -> str | None:
        with self._mapped():
            value = self._redis.hget(name_of(key_id, "notes"), name)
            return str(value) if value is not None else None

    def record(self, record: CallRecord) -> None:
        # Not sent yet: it travels with the next step of this process, and costs no round trip of its own.
        self._process.get().unsent.append(recordtext.dump(record))

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        self._send_records()
        with self._mapped():
            entries: Any = self._redis.lrange(_AUDIT, 0, -1)
        found = (recordtext.load(line) for line in reversed(entries))
        return [record for record in found if record is not None and record.at_ns >= since_ns]

    def newest(self, wanted: Collection[str]) -> Iterator[CallRecord]:
        self._send_records()
        for start in range(0, int(_AUDIT_LINES), _PAGE_LINES):
            with self._mapped():
                lines: Any = self._redis.lrange(_AUDIT, start, start + _PAGE_LINES - 1)
            if not (lines and wanted):
                return
            yield from recordtext.of_keys((line.encode() for line in lines), wanted)

    def close(self) -> None:
        with contextlib.suppress(NonceStoreError):
            self._send_records()
        self._redis.close()

    def _send_records(self) -> None:
        unsent = self._process.get().take_unsent()
        if unsent:
            self.run("audit", [_AUDIT], [_AUDIT_LINES, *unsent])

    def run(self, script: str, keys: list[str], arguments: list[str]) -> Any:
        """One of the Lua steps; `NonceStoreError` if Redis does not do it."""
        text, sha = _script(script)
        try:
            try:
                return self._redis.evalsha(sha, len(keys), *keys, *arguments)
            except self._not_loaded:  # a Redis that has just started knows no scripts
                return self._redis.eval(text, len(keys), *keys, *arguments)
        except (self._errors, OSError, ValueError) as exc:
            raise _as_ours(exc) from exc

    def wait_for_bell(self, bell: str, timeout_s: float) -> None:
        """Sleep until somebody hands over the turn, or so many seconds."""
        with self._mapped():
            self._redis.blpop([bell], timeout=timeout_s)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except (self._errors, OSError, ValueError) as exc:
            raise _as_ours(exc) from exc


class _Process:
    """What one process keeps: its place in each key's queue, and the last nonce of each key."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.unsent: deque[str] = deque(maxlen=_MOST_UNSENT)
        """Audit records that wait for the next step to take them along."""
        self._guard = threading.Lock()
        self._lines: dict[str, Line] = {}

    def take_unsent(self) -> list[str]:
        """The waiting records, each to one taker."""
        with self._guard:
            taken = list(self.unsent)
            self.unsent.clear()
        return taken

    def line(self, key_id: str, store: RedisStore) -> Line:
        with self._guard:
            if key_id not in self._lines:
                self._lines[key_id] = Line(store, key_id)
            return self._lines[key_id]


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
