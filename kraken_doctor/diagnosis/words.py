"""Facts in words."""

from __future__ import annotations

from datetime import UTC, datetime

from kraken_doctor.model.evidence import Facts


def span(seconds: float) -> str:
    """A duration as people say it: ``12 ms``, ``3.4 s``, ``12 minutes``, ``2 hours``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def signed_span(seconds: float) -> str:
    """The same with its sign."""
    return f"{'-' if seconds < 0 else '+'}{span(abs(seconds))}"


def day(unix_s: int) -> str:
    """A date, in UTC."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def clock_words(facts: Facts) -> str:
    """What is known of the clock, in one phrase."""
    offset_s, bound_s = facts.number("clock.offset"), facts.number("clock.bound")
    if offset_s is None or bound_s is None:
        return "the clock could not be checked"
    item = facts.item("clock.offset")
    by = f" by the {item.source}" if item and item.source.startswith("exchange") else ""
    if offset_s - bound_s > 0 and abs(offset_s) > 1:
        return f"the clock is behind{by}: {signed_span(offset_s)} ± {span(bound_s)}"
    if offset_s + bound_s < 0 and abs(offset_s) > 1:
        return f"the clock is ahead{by}: {signed_span(offset_s)} ± {span(bound_s)}"
    return f"the clock is right{by}: {signed_span(offset_s)} ± {span(bound_s)}"
