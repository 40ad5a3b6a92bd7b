"""Moments on a command line: ``2h``, ``45m``, ``2026-11-23``, ``2026-11-23T14:00``."""

import re
from datetime import UTC, datetime
from typing import Any

import click

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Moment(click.ParamType):  # type: ignore[type-arg] # generic only since Click 8.5
    """A time in UTC, or so long ago; nanoseconds since 1970, negative for so long before now."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip()
        if ago := re.fullmatch(r"(\d{1,9})([smhd])", text):
            return -int(ago[1]) * _UNITS_S[ago[2]] * 10**9
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text[:40]!r}: use 30m, 2h, 7d, or a time such as 2026-11-23T14:00 (UTC)", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # A negative number is "so long ago": a year before 1970 must not turn into that.
        return max(0, int(moment.timestamp() * 1e9))


def absolute(moment_ns: int | None, now_ns: int) -> int | None:
    """A `Moment` as wall clock."""
    if moment_ns is None:
        return None
    return now_ns + moment_ns if moment_ns < 0 else moment_ns
