"""The exchange's side: one order of arrival for bot and doctor, and who each call came from."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response


class Seen(NamedTuple):
    """One request, as it arrived."""

    who: str
    """Through which entrance."""
    key: str
    """The key's name; "" of a public call."""
    endpoint: str
    nonce: str
    accepted: bool
    at_s: float
    """By `time.monotonic`."""
    unix_s: float
    """By the exchange's clock."""


class Recorded(Exchange):
    """An exchange that keeps what arrived, in order."""

    def __init__(self, keys: Iterable[Key]) -> None:
        super().__init__(keys)
        self.seen: list[Seen] = []
        self._changed = threading.Condition()

    def take(self, who: str, request: Request) -> Response:
        """Judge a request of *who*, and keep it: in one step, so that the record's order is the exchange's own."""
        key = self.keys.get(request.headers.get("api-key", ""))
        with self._changed:
            before = key.accepted if key else 0
            response = self.handle(request)
            accepted = key is None or key.accepted > before
            endpoint, name = request.path.rpartition("/")[2], key.name if key else ""
            nonce = request.fields().get("nonce", "")
            self.seen.append(Seen(who, name, endpoint, nonce, accepted, time.monotonic(), self.now()))
            self._changed.notify_all()
        return response

    def of(self, who: str, *, key: str | None = None, since: int = 0) -> list[Seen]:
        """The private calls of *who*, from index *since* of the record on."""
        with self._changed:
            return [call for call in self.seen[since:] if call.who == who and call.key and key in (None, call.key)]

    def wait_for(self, happened: Callable[[], bool], limit_s: float) -> bool:
        """Wait until *happened* is true, looked at after each arrival; False if it is not within *limit_s*."""
        with self._changed:
            return self._changed.wait_for(happened, limit_s)


class Entrance(Exchange):
    """A way into a `Recorded` exchange, by which it knows who comes."""

    def __init__(self, shared: Recorded, who: str) -> None:
        super().__init__()
        self._shared, self._who = shared, who

    def handle(self, request: Request) -> Response:
        return self._shared.take(self._who, request)
