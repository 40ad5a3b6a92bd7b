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

    # hummingbot.
    S = "s", 1_000_000_000, "seconds"
    # krakenex, ccxt and all that rest on them, freqtrade for one.
    MS = "ms", 1_000_000, "milliseconds"
    # npm kraken-api, ts-kraken and Kraken's own PHP client.
    US = "us", 1_000, "microseconds"
    # python-kraken-sdk, which counts in hundred-millionths of a second.
    TEN_NS = "10ns", 10, "10-nanosecond ticks"
    # Kraken's own command line, and clients in Go that send UnixNano.
    NS = "ns", 1, "nanoseconds"

    _value_: str
    tick_ns: int
    """Nanoseconds a tick."""
    words: str
    """The unit's name in a sentence."""

    # The defaults are for type checkers alone: `NonceUnit("ms")` is a look-up, and makes nothing.
    def __new__(cls, value: str, tick_ns: int = 0, words: str = "") -> NonceUnit:
        unit = object.__new__(cls)
        unit._value_, unit.tick_ns, unit.words = value, tick_ns, words
        return unit

    def floor(self, now_ns: int) -> int:
        """Return the wall clock *now_ns* (nanoseconds since 1970) in whole ticks of this unit."""
        return now_ns // self.tick_ns

    def lead_s(self, nonce: int, now_ns: int) -> float:
        """Return by how many seconds *nonce* is ahead of the wall clock *now_ns*; negative where it is behind."""
        return (nonce - self.floor(now_ns)) * self.tick_ns / 1e9

    @classmethod
    def parse(cls, text: str, *, named: str = "nonce unit") -> NonceUnit:
        """
        Return the unit that *text* names.

        Raises:
            ConfigurationError: There is no such unit; the message blames *named*.
        """
        try:
            return cls(text.strip().lower())
        except ValueError:
            choices = ", ".join(unit.value for unit in cls)
            raise ConfigurationError(f"{named} is {text[:40]!r}; use one of {choices}") from None

    @classmethod
    def known(cls, text: str | None) -> NonceUnit | None:
        """Return the unit called *text*, None where there is none: a report may have been edited."""
        return next((unit for unit in cls if unit.value == text), None)

    @classmethod
    def of_mark(cls, mark: int, now_ns: int) -> NonceUnit | None:
        """
        Return the unit in which *mark* would be a time near *now_ns*; None where it fits none.

        Units are factors of 10 to 1000 apart, so "near" can be generous: half to twice the time since
        1970 tells them apart and forgives any real clock.
        """
        return next((unit for unit in cls if unit.floor(now_ns) // 2 <= mark <= unit.floor(now_ns) * 2), None)
