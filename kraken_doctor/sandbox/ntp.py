"""A time server on loopback, right or wrong by as much as one likes (RFC 5905, section 7.3)."""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType
from typing import Self

from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.sandbox.http import loopback_address

_UNIX_IN_NTP_S = 2_208_988_800
"""Seconds from 1900, NTP's epoch, to 1970."""

_PACKET = struct.Struct("!BBBbII4sQQQQ")


class SandboxNtpServer:
    """
    Answers NTP queries until it is closed.

    Args:
        offset_s: How far its time is ahead of this host's clock, in seconds.
        stratum: Distance from the reference clock; 0 is a kiss-o'-death, 16 means not synchronised.
        leap: Leap indicator; 3 is the alarm of a clock that was never set.
        reference: Four letters; with stratum 0 what the kiss-o'-death says: ``RATE``, ``DENY``, ``RSTR``.
        mode: 4 is a server's.
        root_s: Root delay, and root dispersion, in seconds.
        silent: Give no answer, as behind a firewall.
        host: A loopback address.
        clock: Its own clock.
    """

    def __init__(
        self,
        *,
        offset_s: float = 0.0,
        stratum: int = 2,
        leap: int = 0,
        reference: bytes = b"SBOX",
        mode: int = 4,
        root_s: float = 1 / 1024,
        silent: bool = False,
        host: str = "127.0.0.1",
        clock: Clock | None = None,
    ) -> None:
        self.offset_s, self.stratum, self.leap, self.reference = offset_s, stratum, leap, reference
        self.mode, self.root_s, self.silent = mode, root_s, silent
        self.asked = 0
        """How many questions came in."""
        self._clock = clock or SystemClock()
        bound_to = loopback_address(host)
        self._socket = socket.socket(socket.AF_INET6 if ":" in bound_to else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((bound_to, 0))
        name = f"[{bound_to}]" if ":" in bound_to else bound_to
        self.address = f"{name}:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An empty datagram wakes the thread; closing a socket under a blocked recvfrom would not.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _now(self) -> int:
        """NTP timestamp: seconds since 1900 in the upper 32 bits, fractions in the lower."""
        now_ns = self._clock.now_ns() + round(self.offset_s * 1e9) + _UNIX_IN_NTP_S * 10**9
        return (now_ns << 32) // 10**9 % 2**64

    def _serve(self) -> None:
        while True:
            query, peer = self._socket.recvfrom(512)
            if not query:
                return
            if self.silent or len(query) < _PACKET.size:
                continue
            received = self._now()
            self.asked += 1
            first, *_, transmitted = _PACKET.unpack_from(query)
            version = first >> 3 & 7
            flags = self.leap << 6 | version << 3 | self.mode
            root = round(self.root_s * 65536)  # 16.16 fixed point
            fields = (flags, self.stratum, 6, -20, root, root, self.reference, received, transmitted, received)
            self._socket.sendto(_PACKET.pack(*fields, self._now()), peer)
