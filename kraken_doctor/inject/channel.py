"""From a program's processes to the command that started them: one JSON object a line, over loopback."""

from __future__ import annotations

import _socket  # in C: what a program, or gevent, makes of `socket` is its own affair
import os
import threading
from typing import TYPE_CHECKING, Any

from kraken_doctor.inject.hook import VARIABLES

if TYPE_CHECKING:
    from kraken_doctor.model.call import CallRecord

_PATIENCE_S = 1.0
"""A command that does not read for so long is given up: the program's calls go on."""


class _Connection:
    """This process's connection, made with the first message; a forked child makes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: Any = None
        self._pid = os.getpid()
        self._given_up = False

    def send(self, message: dict[str, Any]) -> None:
        """Send *message*; never raises."""
        import json

        if self._pid != os.getpid():
            if self._socket is not None:
                self._socket.detach()  # a daemon closes what it inherits: the number may be another file's by now
            self.__init__()  # type: ignore[misc] # the lock may have been held when the process forked
        with self._lock:
            if self._given_up:
                return
            try:
                line = json.dumps({"pid": self._pid, **message}, default=str)
                connected, data = self._connected(), f"{line}\n".encode()
                # Without a signal, by which a program that asks for SIGPIPE would end when the command is gone.
                connected.sendall(data, getattr(_socket, "MSG_NOSIGNAL", 0))
            except Exception:  # noqa: BLE001 - what is not told is lost; nothing of it is worth a call
                self._given_up = True

    def _connected(self) -> Any:
        if self._socket is None:
            port, token = VARIABLES["KRAKEN_DOCTOR_HOOK_CHANNEL"].split(":")
            self._socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            self._socket.settimeout(_PATIENCE_S)
            self._socket.connect(("127.0.0.1", int(port)))
            self._socket.sendall(f"{token}\n".encode())
        return self._socket


_connection = _Connection()
send = _connection.send


def tell(record: CallRecord) -> None:
    """Send *record*, as an observer of private calls."""
    send({"call": vars(record)})
