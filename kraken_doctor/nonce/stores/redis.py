"""Marks and audit records in Redis, for all processes of all hosts that reach it; its turns are in `redisturn`."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from kraken_doctor.errors import NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord, from_line, from_lines
from kraken_doctor.model.defaults import TURN_LEASE_S
from kraken_doctor.model.unit import MAX_NONCE
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.nonce.stores.redislink import Judge, RedisLink, name_of, only
from kraken_doctor.nonce.stores.redisturn import QueueSlot, RedisTurn
from kraken_doctor.nonce.turn import NonceSource, Turn, hold

_Wanted = tuple[int, marks.Possible | None] | None
"""The least that a nonce may be, and who says whether another is possible; None where no nonce is wanted."""


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
        self.link = RedisLink(url)
        self._process = PerProcess(_Process)
        self._url = url

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._url,)

    def advance(self, key_id: str, floor: int, is_possible: marks.Possible | None = None) -> int:
        return self._advance("advance", key_id, (floor, is_possible))

    def step(self, script: str, slot: QueueSlot, arguments: list[str], source: NonceSource | None) -> int:
        """
        Run a step of a turn, ``enter`` or ``advance``, and take the waiting audit records along.

        Returns:
            The nonce of *source*, 0 without one: the turn is ours. Below 0: it is not; look again in so many ms.
        """
        with self._process.get().records_along() as unsent:
            keys, values = [slot.holder, _AUDIT, slot.queue], [*arguments, _AUDIT_LINES, *unsent]
            wanted = (source.floor(), source.possible) if source else None
            return self._advance(script, slot.key_id, wanted, keys, values)

    def ahead(self, slot: QueueSlot, source: NonceSource) -> Iterator[int]:
        """Send for the next nonce in a turn that this process has; then give it, below 0 where it is not good."""
        process = self._process.get()
        with process.records_along() as unsent:
            values = [slot.token, str(slot.lease_ms), _AUDIT_LINES, *unsent]
            wanted = source.floor(), source.possible
            question = self._question(slot.key_id, wanted, [slot.holder, _AUDIT], values)
            exchange = self.link.begin("advance", *question)
            next(exchange)
            yield -1
            nonce = int(next(exchange))
        last = process.last.get(slot.key_id, -1)
        process.last[slot.key_id] = max(nonce, last)
        yield nonce if nonce > last else -1  # one that was taken without a turn may be on its way already

    def _advance(
        self, script: str, key_id: str, wanted: _Wanted, keys: Sequence[str] = (), arguments: Sequence[str] = ()
    ) -> int:
        question, last = self._question(key_id, wanted, keys, arguments), self._process.get().last
        try:
            nonce = int(self.link.run(script, *question))
        except NonceExhaustedError:
            question[2](str(MAX_NONCE))  # whether the mark can have come to that
            raise
        if wanted:
            last[key_id] = max(nonce, last.get(key_id, -1))
        return nonce

    def _question(
        self, key_id: str, wanted: _Wanted, keys: Sequence[str], arguments: Sequence[str]
    ) -> tuple[list[str], list[str], Judge]:
        """Return keys, arguments and the judge of a step that gives a nonce."""
        floor, is_possible = wanted or (None, None)
        last = self._process.get().last
        # Above our own last one too: a Redis that lost its data must not make us go backwards.
        least = max(floor or 0, last.get(key_id, -1) + 1)
        mark = name_of(key_id, "mark")
        remedy = f"in Redis: DEL {mark}"

        def judge(answer: object) -> int:
            if keys and type(answer) is int and (answer < 0 or (floor is None and answer == 0)):
                return answer
            if floor is None:
                raise NonceStoreError(f"nonce store redis: returned {repr(answer)[:40]} for the turn of key {key_id}")
            return marks.judged(answer, min(least, MAX_NONCE), is_possible, remedy)

        return [mark, *keys], ["" if floor is None else str(least), *arguments], judge

    def mark(self, key_id: str) -> int | None:
        name = name_of(key_id, "mark")
        answer: str | None = self.link.ask("GET", name, judge=only(str | None))
        return None if answer is None else marks.mark(answer, f"in Redis: DEL {name}")

    def turn(
        self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S, source: NonceSource | None = None
    ) -> AbstractContextManager[Turn]:
        slot = self._process.get().slot(key_id, self)
        lease_ms = round(lease_s * 1000)
        slot.lease_ms = max(slot.lease_ms, lease_ms)
        return hold(slot.lock, key_id, timeout_s, RedisTurn(self, slot, lease_ms, source))

    def remember(self, key_id: str, name: str, value: str) -> None:
        self.link.ask("HSET", name_of(key_id, "notes"), name, value)

    def recall(self, key_id: str, name: str) -> str | None:
        note: str | None = self.link.ask("HGET", name_of(key_id, "notes"), name, judge=only(str | None))
        return note

    def record(self, record: CallRecord) -> None:
        # Not sent yet: it travels with the next step of this process, and costs no round trip of its own.
        self._process.get().unsent.append(record.to_line())

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        self._send_records()
        entries = self.link.ask("LRANGE", _AUDIT, 0, -1, judge=only(list))
        found = (from_line(line) for line in reversed(entries))
        return [record for record in found if record is not None and record.at_ns >= since_ns]

    def newest(self, wanted: Mapping[str, tuple[bytes, ...]]) -> Iterator[CallRecord]:
        self._send_records()
        for start in range(0, int(_AUDIT_LINES), _PAGE_LINES):
            lines = self.link.ask("LRANGE", _AUDIT, start, start + _PAGE_LINES - 1, judge=only(list))
            if not (lines and wanted):
                return
            yield from from_lines((line.encode() for line in lines), wanted)

    def close(self) -> None:
        with contextlib.suppress(NonceStoreError):
            self._send_records()
        self.link.close()

    def _send_records(self) -> None:
        with self._process.get().records_along() as unsent:
            if unsent:
                self.link.run("audit", [_AUDIT], [_AUDIT_LINES, *unsent])


class _Process:
    """What one process keeps: its place in each key's queue, its last nonce of each key, and records to be sent."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.unsent: deque[str] = deque(maxlen=_MOST_UNSENT)
        """Audit records that wait for the next step to take them along."""
        self._slots: dict[str, QueueSlot] = {}

    @contextlib.contextmanager
    def records_along(self) -> Iterator[list[str]]:
        """Give the records that wait, each to one caller; they wait again where what takes them along fails."""
        unsent: list[str] = []
        with contextlib.suppress(IndexError):
            while self.unsent:
                unsent.append(self.unsent.popleft())
        try:
            yield unsent
        except Exception:
            self.unsent.extendleft(reversed(unsent))
            raise

    def slot(self, key_id: str, store: RedisStore) -> QueueSlot:
        # setdefault is atomic: of two threads that come first, both get the same one.
        return self._slots.get(key_id) or self._slots.setdefault(key_id, QueueSlot(store, key_id))


_AUDIT = "kraken-doctor:audit"
_AUDIT_LINES = "100000"
"""A day of a call a second, some 13 MB."""

_PAGE_LINES = 1_000
"""Fetched at once by whoever looks for the newest of a few keys: most often they are among the first."""

_MOST_UNSENT = 1_000
"""While Redis does not answer no nonce is issued either, so there is hardly ever more than one."""
