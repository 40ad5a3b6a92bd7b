"""Marks and turns in Redis: for all processes of all hosts that reach it."""

import contextlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from kraken_doctor.errors import NonceExhaustedError, NonceStoreError
from kraken_doctor.model.call import CallRecord, from_line, from_lines
from kraken_doctor.model.defaults import TURN_LEASE_S
from kraken_doctor.model.unit import MAX_NONCE
from kraken_doctor.nonce import marks
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.nonce.stores.redislink import RedisLink, only
from kraken_doctor.nonce.stores.redisturn import QueueSlot, RedisTurn, name_of
from kraken_doctor.nonce.turn import NonceSource, Turn, hold


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
        self._link = RedisLink(url)
        self._process = PerProcess(_Process)
        self._url = url

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._url,)

    def advance(self, key_id: str, floor: int, is_possible: marks.Possible | None = None) -> int:
        return self._advance("advance", key_id, floor, is_possible)

    def step(self, script: str, slot: QueueSlot, arguments: list[str], source: NonceSource | None) -> int:
        """
        Run a step of a turn, ``enter`` or ``advance``, and take the waiting audit records along.

        Returns:
            The nonce of *source*, 0 without one: the turn is ours. Below 0: it is not; look again in so many ms.
        """
        process = self._process.get()
        unsent = process.take_unsent()
        keys, values = [slot.holder, _AUDIT, slot.queue], [*arguments, _AUDIT_LINES, *unsent]
        floor, is_possible = (source.floor(), source.possible) if source else (None, None)
        try:
            return self._advance(script, slot.key_id, floor, is_possible, keys, values)
        except NonceStoreError:
            process.unsent.extendleft(reversed(unsent))
            raise

    def _advance(
        self,
        script: str,
        key_id: str,
        floor: int | None,
        is_possible: marks.Possible | None,
        keys: Sequence[str] = (),
        arguments: Sequence[str] = (),
    ) -> int:
        last = self._process.get().last
        # Above our own last one too: a Redis that lost its data must not make us go backwards.
        least = max(floor or 0, last.get(key_id, -1) + 1)
        mark = name_of(key_id, "mark")
        remedy = f"in Redis: DEL {mark}"

        def judge(answer: object) -> int:
            if keys and type(answer) is int and (answer < 0 or (floor is None and answer == 0)):
                return answer
            if floor is None:
                raise NonceStoreError(f"nonce store redis: gave {repr(answer)[:40]} for the turn of key {key_id}")
            return marks.judged(answer, least, is_possible, remedy)

        try:
            arguments = ["" if floor is None else str(least), *arguments]
            nonce = int(self._link.run(script, [mark, *keys], arguments, judge))
        except NonceExhaustedError:
            marks.judged(MAX_NONCE, min(least, MAX_NONCE), is_possible, remedy)
            raise
        if floor is not None:
            last[key_id] = max(nonce, last.get(key_id, -1))
        return nonce

    def mark(self, key_id: str) -> int | None:
        name = name_of(key_id, "mark")
        answer: str | None = self._link.ask("GET", name, judge=only(str | None))
        return None if answer is None else marks.mark(answer, f"in Redis: DEL {name}")

    def turn(
        self, key_id: str, timeout_s: float, lease_s: float = TURN_LEASE_S, source: NonceSource | None = None
    ) -> AbstractContextManager[Turn]:
        slot = self._process.get().slot(key_id, self)
        lease_ms = round(lease_s * 1000)
        slot.lease_ms = max(slot.lease_ms, lease_ms)
        return hold(slot.lock, key_id, timeout_s, RedisTurn(self, slot, lease_ms, source))

    def remember(self, key_id: str, name: str, value: str) -> None:
        self._link.ask("HSET", name_of(key_id, "notes"), name, value)

    def recall(self, key_id: str, name: str) -> str | None:
        note: str | None = self._link.ask("HGET", name_of(key_id, "notes"), name, judge=only(str | None))
        return note

    def record(self, record: CallRecord) -> None:
        # Not sent yet: it travels with the next step of this process, and costs no round trip of its own.
        self._process.get().unsent.append(record.to_line())

    def records(self, since_ns: int = 0) -> Iterable[CallRecord]:
        self._send_records()
        entries = self._link.ask("LRANGE", _AUDIT, 0, -1, judge=only(list))
        found = (from_line(line) for line in reversed(entries))
        return [record for record in found if record is not None and record.at_ns >= since_ns]

    def newest(self, wanted: Collection[str]) -> Iterator[CallRecord]:
        self._send_records()
        for start in range(0, int(_AUDIT_LINES), _PAGE_LINES):
            lines = self._link.ask("LRANGE", _AUDIT, start, start + _PAGE_LINES - 1, judge=only(list))
            if not (lines and wanted):
                return
            yield from from_lines((line.encode() for line in lines), wanted)

    def close(self) -> None:
        with contextlib.suppress(NonceStoreError):
            self._send_records()
        self._link.close()

    def _send_records(self) -> None:
        unsent = self._process.get().take_unsent()
        if unsent:
            self._link.run("audit", [_AUDIT], [_AUDIT_LINES, *unsent])

    def confirm(self, slot: QueueSlot, lease_ms: str) -> bool:
        """Return whether the turn still is that of *slot*; if so, it is for a whole lease from now on."""
        return bool(self._link.run("confirm", [slot.holder], [slot.token, lease_ms], only(int)))

    def leave(self, slot: QueueSlot, arguments: list[str]) -> None:
        """Give up the turn, without waiting for Redis's answer."""
        self._link.run("leave", [slot.holder, slot.queue], arguments, wait=False)

    def wait_for_wakeup(self, name: str, timeout_s: float) -> None:
        """Sleep until somebody hands over the turn by pushing to the list *name*, or so many seconds."""
        self._link.ask("BLPOP", name, timeout_s)


class _Process:
    """What one process keeps: its place in each key's queue, its last nonce of each key, and records to be sent."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.unsent: deque[str] = deque(maxlen=_MOST_UNSENT)
        """Audit records that wait for the next step to take them along."""
        self._slots: dict[str, QueueSlot] = {}

    def take_unsent(self) -> list[str]:
        """Return the waiting records, each to one caller."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self.unsent.popleft())
        return taken

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
