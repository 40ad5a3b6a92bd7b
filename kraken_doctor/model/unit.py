"""The units in which clients count nonces."""

from __future__ import annotations

import enum

from kraken_doctor.errors import ConfigurationError

MAX_NONCE = 2**64 - 1
"""Kraken's nonce is an unsigned 64-bit integer: https://docs.kraken.com/exchange/guides/rest/authentication"""


class NonceUnit(enum.Enum):
    """
    One unit of a nonce that follows the clock, small to large.

    Kraken accepts any unit, but never a nonce below one that it has accepted: a client can follow
    another on the same key only towards a finer unit.
    """

    S = "s"
    MS = "ms"
    US = "us"
    TEN_NS = "10ns"
    NS = "ns"

    @property
    def tick_ns(self) -> int:
        """Nanoseconds a tick."""
        return _TICK_NS[self]

    @property
    def words(self) -> str:
        """The unit's name in a sentence."""
        return _WORDS[self]

    def floor(self, now_ns: int) -> int:
        """The wall clock *now_ns* (nanoseconds since 1970) in whole ticks of this unit."""
        return now_ns // self.tick_ns

    @classmethod
    def parse(cls, text: str, *, named: str = "nonce unit") -> NonceUnit:
        """
        The unit that *text* names.

        Raises:
            ConfigurationError: There is no such unit; the message blames *named*.
        """
        try:
            return cls(text.strip().lower())
        except ValueError:
            choices = ", ".join(unit.value for unit in cls)
            raise ConfigurationError(f"{named} is {text[:40]!r}; use one of {choices}") from None

    @classmethod
    def of_mark(cls, mark: int, now_ns: int) -> NonceUnit | None:
        """
        The unit in which *mark* would be a time near *now_ns*; None where it fits none.

        Units are factors of 10 to 1000 apart, so "near" can be generous: half to twice the time since
        1970 tells them apart and forgives any real clock.
        """
        for unit in cls:
            if unit.floor(now_ns) // 2 <= mark <= unit.floor(now_ns) * 2:
                return unit
        return None


_TICK_NS = {
    NonceUnit.S: 1_000_000_000,
    NonceUnit.MS: 1_000_000,
    NonceUnit.US: 1_000,
    NonceUnit.TEN_NS: 10,
    NonceUnit.NS: 1,
}

_WORDS = {
    NonceUnit.S: "seconds",
    NonceUnit.MS: "milliseconds",
    NonceUnit.US: "microseconds",
    NonceUnit.TEN_NS: "10-nanosecond ticks",
    NonceUnit.NS: "nanoseconds",
}
