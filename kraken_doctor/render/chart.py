"""The nonces of one key over time, as SVG: where the counter stood still, jumped or went back is seen at once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree as ET

from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.render.elements import element
from kraken_doctor.terminal.text import escape

MAX_POINTS = 600
"""More dots than a screen has columns only make the file larger."""

_WIDTH, _HEIGHT = 640, 284
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 14, 12, 28
_LEAST_SPAN_NS = 10**9
_TICKS_NS = {unit.value: unit.tick_ns for unit in NonceUnit}


class _Point(NamedTuple):
    at_ns: int
    stands_for_ns: int
    kind: str
    """``accepted``, ``refused`` or ``failed``."""
    words: str


class _Axis(NamedTuple):
    """From nanoseconds to units of the drawing."""

    low: int
    high: int
    start: float
    end: float

    def place(self, value_ns: int) -> float:
        return self.start + (value_ns - self.low) / (self.high - self.low) * (self.end - self.start)


def nonces(records: Sequence[CallRecord], name: str) -> ET.Element:
    """
    Nonces of one key against the time of their calls.

    A nonce is drawn as the time that it stands for in its unit, so that both axes are clocks: on the
    diagonal the counter follows the clock, above it the counter leads.

    Args:
        records: In the order of their times, at least one.
        name: The key's id, for readers who can't see the drawing.
    """
    points = _thinned([_point(record) for record in records])
    x = _axis([point.at_ns for point in points], _LEFT, _WIDTH - _RIGHT)
    y = _axis([point.stands_for_ns for point in points], _HEIGHT - _BOTTOM, _TOP)
    refused = sum(record.refused for record in records)
    title = f"Nonces of key {name} over time"
    told = f"{len(records)} calls, {refused} refused for their nonce. The table above has the figures."
    drawn = [*_frame(x, y), *_diagonal(x, y), *(_mark(point, x, y) for point in points)]
    size, label = f"0 0 {_WIDTH} {_HEIGHT}", f"{title}: {told}"
    # As one picture: without the role a screen reader goes through the drawing dot by dot.
    head = element("title", title), element("desc", told)
    return element("svg", *head, *drawn, viewBox=size, role="img", aria_label=label)


def _point(record: CallRecord) -> _Point:
    kind = "accepted" if record.outcome == "ok" else "refused" if record.refused else "failed"
    words = escape(f"{record.endpoint} {record.nonce} ({record.unit}): {record.outcome}")
    return _Point(record.at_ns, record.nonce * _TICKS_NS.get(record.unit, 1), kind, words)


def _thinned(points: list[_Point]) -> list[_Point]:
    """Every call that was not accepted, as far as there is room, and an even choice of the others."""
    # The newest of them: what goes wrong now is what the reader is looking for.
    telling = [point for point in points if point.kind != "accepted"][-MAX_POINTS // 2 :]
    usual = [point for point in points if point.kind == "accepted"]
    step = max(1, -(-len(usual) // (MAX_POINTS - len(telling))))
    # By time again, so that of dots in one place the latest lies on top.
    return sorted([*telling, *usual[::step]])


def _axis(values: Sequence[int], start: float, end: float) -> _Axis:
    low, high = min(values), max(values)
    # A single call, or all in one moment, would make a span of zero, by which `place` divides.
    lacking = max(0, _LEAST_SPAN_NS - (high - low))
    margin = lacking // 2 + max(high - low, _LEAST_SPAN_NS) // 20
    return _Axis(low - margin, high + margin, start, end)


def _frame(x: _Axis, y: _Axis) -> list[ET.Element]:
    """Axes with three times each, and what they are."""
    parts = [_line(_LEFT, _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM, "axis")]
    parts.append(_line(_LEFT, _TOP, _LEFT, _HEIGHT - _BOTTOM, "axis"))
    # At the very ends half of a label would stand outside of the drawing.
    for share in (0.06, 0.5, 0.94):
        at_ns = x.low + round(share * (x.high - x.low))
        parts.append(_text(_label(at_ns, x), x.place(at_ns), _HEIGHT - _BOTTOM + 20, "middle"))
        at_ns = y.low + round(share * (y.high - y.low))
        parts.append(_text(_label(at_ns, y), _LEFT - 6, y.place(at_ns) + 4, "end"))
    return parts


def _diagonal(x: _Axis, y: _Axis) -> list[ET.Element]:
    """Where a nonce stands for the time of its call; nothing where that lies outside."""
    low, high = max(x.low, y.low), min(x.high, y.high)
    if low >= high:
        return []
    return [_line(x.place(low), y.place(low), x.place(high), y.place(high), "clock")]


def _mark(point: _Point, x: _Axis, y: _Axis) -> ET.Element:
    """A dot, a cross or a square: told apart by shape, and by colour besides."""
    cx, cy = x.place(point.at_ns), y.place(point.stands_for_ns)
    tag, shape = {
        "accepted": ("circle", {"cx": _n(cx), "cy": _n(cy), "r": "2.5"}),
        "refused": ("path", {"d": f"M{_n(cx - 5)} {_n(cy - 5)}l10 10m0 -10l-10 10"}),
        "failed": ("rect", {"x": _n(cx - 4), "y": _n(cy - 4), "width": "8", "height": "8"}),
    }[point.kind]
    return element(tag, element("title", point.words), **shape, class_=point.kind)


def _label(at_ns: int, axis: _Axis) -> str:
    """A time, as fine as the axis asks for; plain digits where it is no time that a calendar has."""
    try:
        moment = datetime.fromtimestamp(at_ns // 10**9, UTC)
    # Python names all three: beyond the C library's range, its failure, and a year after 9999. Which one, the platform
    # decides.
    except (OverflowError, OSError, ValueError):
        return f"{at_ns / 1e9:.3g} s"
    span_s = (axis.high - axis.low) / 1e9
    if span_s > 10 * 86_400:
        return f"{moment:%Y-%m-%d}"
    if span_s > 2 * 3_600:
        return f"{moment:%d %b %H:%M}"
    fraction = f".{at_ns % 10**9 // 10**6:03d}" if span_s < 10 else ""
    return f"{moment:%H:%M:%S}{fraction}"


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> ET.Element:
    return element("line", x1=_n(x1), y1=_n(y1), x2=_n(x2), y2=_n(y2), class_=class_)


def _text(words: str, x: float, y: float, anchor: str) -> ET.Element:
    return element("text", words, x=_n(x), y=_n(y), text_anchor=anchor)


def _n(value: float) -> str:
    return f"{value:.1f}"
