"""A resolver that knows nothing, fails, or never answers. It needs port 53, so a network namespace of its own."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

_RESPONSE = 0x8180
"""A response, recursion available (RFC 1035, section 4.1.1); the lowest four bits are the code."""

CODES = {"nxdomain": 3, "servfail": 2}


class Nameserver:
    """
    Answers every question alike.

    Args:
        manner: ``nxdomain``, ``servfail`` or ``silent``.
        asked: A file that is made when the first question comes.
        host, port: Where.
    """

    def __init__(self, manner: str, asked: Path, host: str = "127.0.0.1", port: int = 53) -> None:
        self._asked = asked
        self._code = CODES.get(manner)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, peer = self._socket.recvfrom(1024)
            self._asked.touch()
            if self._code is not None and len(question) > 12:
                # The question's number and text, no answers: the counts after the first are zero.
                flags = (_RESPONSE | self._code).to_bytes(2, "big")
                text = question[12 : question.index(b"\0", 12) + 5]
                self._socket.sendto(question[:2] + flags + b"\0\x01" + bytes(6) + text, peer)
