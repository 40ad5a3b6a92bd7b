"""What the processes of a program tell the command that started it: received here, counted, kept where asked."""

from __future__ import annotations

import contextlib
import json
import secrets
import socketserver
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from kraken_doctor.client.observers import Observer
from kraken_doctor.error_strings import is_nonce_refusal
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import NonceUnit

_DRAIN_S = 2.0
"""A command has ended; what it sent is in this host's buffers, and is read within milliseconds."""

_TOKEN_S = 2.0
"""A process of the command sends its token at once; any other user of the host may connect, and say nothing."""

_LINE_BYTES = 65536
_KEPT = 200_000
"""Observed calls; about 100 MB. Of more the oldest go."""


class ObservedCall(NamedTuple):
    """One private call, as a program's process saw it."""

    key_id: str
    endpoint: str
    nonce: int
    place: str
    """Process, thread and task."""
    has_timeout: bool | None
    wall_ns: int
    sent_ns: int
    """On the monotonic clock, one for all processes of a host."""
    answered_ns: int
    outcome: str

    @classmethod
    def of(cls, message: Any) -> ObservedCall:
        """Return the call that a process told of; raise TypeError or KeyError for what is none."""
        facts = {field: message[field] for field in cls._fields}
        return cls(**{**facts, "place": f"process {int(message['pid'])}, {str(facts['place'])[:60]}"})

    @property
    def is_refused(self) -> bool:
        """Return whether its nonce was refused."""
        return is_nonce_refusal((self.outcome,))

    def age_ns(self) -> int:
        """Return how long before it was sent its nonce was taken, by the nonce itself; 0 where it is no time."""
        unit = NonceUnit.of_mark(self.nonce, self.wall_ns)
        return max(0, self.wall_ns - self.nonce * unit.tick_ns) if unit else 0

    def __str__(self) -> str:
        return f"{self.endpoint} with …{str(self.nonce)[-9:]} ({self.place})"


class Collector:
    """
    Receives messages over loopback while it is entered.

    Args:
        folder: Private to this user; the start-up hook leaves the mark of each process there.
        on_call: Called with each private call that was put in order.
        on_first: Called with the first client in words: a service may run for months until its last line is written.
    """

    def __init__(
        self, folder: Path, on_call: Observer | None = None, on_first: Callable[[str], None] | None = None
    ) -> None:
        self.clients: Counter[str] = Counter()
        """Objects created, by client library."""
        self.left: Counter[str] = Counter()
        """Objects whose calls could not be put in order."""
        self.calls = self.refused = 0
        self.observed: deque[ObservedCall] = deque(maxlen=_KEPT)
        self._seen = folder / "seen"
        self._on_call, self._on_first = on_call, on_first
        self.token = secrets.token_hex(16).encode()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"collector": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def variables(self) -> dict[str, str]:
        """Return what the hook needs, to tell us."""
        return {
            "KRAKEN_DOCTOR_HOOK_SEEN": str(self._seen),
            "KRAKEN_DOCTOR_HOOK_CHANNEL": f"{self._server.server_address[1]}:{self.token.decode()}",
        }

    def pythons(self) -> Counter[str]:
        """Return how many processes the hook was started in, by Python's version."""
        with contextlib.suppress(OSError):
            return Counter(line.rpartition(" ")[2] for line in self._seen.read_text(encoding="utf-8").splitlines())
        return Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._server.shutdown()
        self._server.drain(_DRAIN_S)
        self._server.server_close()

    def take(self, line: bytes) -> None:
        """Count one message; what is none is passed over."""
        with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError), self._lock:
            message: Mapping[str, Any] = json.loads(line)
            if "client" in message:
                self.clients[name := str(message["client"])[:40]] += 1
                if self._on_first:
                    self._on_first(f"found a {name} client")
                    self._on_first = None
            elif "left" in message:
                self.left[str(message["left"])[:40]] += 1
            elif "observed" in message:
                self.observed.append(ObservedCall.of({**message["observed"], "pid": message["pid"]}))
            elif "call" in message:
                record = CallRecord(**message["call"])
                self.calls += 1
                self.refused += record.refused
                if self._on_call:
                    self._on_call(record)


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128
    timeout = 0  # of `handle_request`, which only `drain` calls

    def __init__(self, *arguments: Any) -> None:
        self._running: list[threading.Thread] = []
        self._is_empty = False
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._running = [*filter(threading.Thread.is_alive, self._running), thread]
        thread.start()

    def drain(self, timeout_s: float) -> None:
        """Read what processes that have ended sent, in connections that nobody has accepted yet too."""
        deadline = time.monotonic() + timeout_s
        while not self._is_empty and time.monotonic() < deadline:
            self.handle_request()
        for thread in self._running:
            # One deadline for all: a daemon that stays keeps its connection, and is left.
            thread.join(max(0.0, deadline - time.monotonic()))

    def handle_timeout(self) -> None:
        self._is_empty = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a process that was killed has no orderly end."""


class _Handler(socketserver.StreamRequestHandler):
    collector: Collector
    timeout = _TOKEN_S

    def handle(self) -> None:
        # Whether the sender was started by this command: loopback is open to all users of a host.
        if not secrets.compare_digest(self.rfile.readline(100).strip(), self.collector.token):
            return
        self.connection.settimeout(None)
        while line := self.rfile.readline(_LINE_BYTES):
            self.collector.take(line)
