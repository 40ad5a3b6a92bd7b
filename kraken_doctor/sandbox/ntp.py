"""A time server on loopback, right or wrong by as much as one likes (RFC 5905, section 7.3)."""

import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Self

from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.sandbox.http import loopback_address

_UNIX_IN_NTP_S = 2_208_988_800
"""Seconds from 1900, NTP's epoch, to 1970."""

_PACKET = struct.Struct("!BBBbII4sQQQQ")


@dataclass(kw_only=True)
class SandboxNtpServer:
    """Answers NTP queries until it is closed."""

    offset_s: float = 0.0
    """How far its time is ahead of this host's clock, in seconds."""
    stratum: int = 2
    """Distance from the reference clock; 0 is a kiss-o'-death, 16 means not synchronised."""
    leap: int = 0
    """Leap indicator; 3 is the alarm of a clock that was never set."""
    reference: bytes = b"SBOX"
    """Four letters; with stratum 0 what the kiss-o'-death says: ``RATE``, ``DENY``, ``RSTR``."""
    mode: int = 4
    """4 is a server's."""
    root_s: float = 1 / 1024
    """Root delay, and root dispersion, in seconds."""
    silent: bool = False
    """Give no answer, as behind a firewall."""
    host: str = "127.0.0.1"
    """A loopback address."""
    clock: Clock = field(default_factory=SystemClock)
    """Its own clock."""
    asked: int = field(default=0, init=False)
    """How many questions came in."""

    def __post_init__(self) -> None:
        bound_to = loopback_address(self.host)
        self._socket = socket.socket(socket.AF_INET6 if ":" in bound_to else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((bound_to, 0))
        name = f"[{bound_to}]" if ":" in bound_to else bound_to
        self.address = f"{name}:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        # An empty datagram wakes the thread; closing a socket under a blocked recvfrom would not.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _now(self) -> int:
        """NTP timestamp: seconds since 1900 in the upper 32 bits, fractions in the lower."""
        now_ns = self.clock.now_ns() + round(self.offset_s * 1e9) + _UNIX_IN_NTP_S * 10**9
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
            # Poll 2^6 s and precision 2^-20 s, a microsecond: a client adds the latter to its error bound.
            fields = (flags, self.stratum, 6, -20, root, root, self.reference, received, transmitted, received)
            self._socket.sendto(_PACKET.pack(*fields, self._now()), peer)
