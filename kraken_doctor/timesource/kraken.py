"""The exchange as a clock: coarse, since its times are whole seconds, but there whenever the API is."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from kraken_doctor.timesource.sample import TimeSample

_RESOLUTION_S = 1.0
"""``unixtime`` and the HTTP ``Date`` header drop the fraction."""


def from_unixtime(unixtime: float, sent_ns: int, received_ns: int, source: str = "exchange") -> TimeSample:
    """
    A whole second that the exchange named between *sent_ns* and *received_ns* of the local clock.

    At that moment the exchange's clock was in [unixtime, unixtime + 1), the local one anywhere between sending and
    receiving; the interval holds every difference of the two.
    """
    return TimeSample.between(source, unixtime - received_ns / 1e9, unixtime + _RESOLUTION_S - sent_ns / 1e9)


def from_date_header(date: str, sent_ns: int, received_ns: int) -> TimeSample | None:
    """The same from an HTTP ``Date`` header; None if it is no date."""
    try:
        unixtime = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return from_unixtime(unixtime, sent_ns, received_ns, "exchange (HTTP Date)")
