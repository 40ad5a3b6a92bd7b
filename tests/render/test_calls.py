"""Private calls in figures, and the drawing of their nonces."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.doctor.recent_calls import of_last_hour
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.render import calls, chart
from tests.render.samples import call

NOW_NS = 1_795_399_200_000_000_000
S = 10**9


def drawn(records: list[CallRecord]) -> dict[str, list[ET.Element]]:
    svg = chart.nonces(records, "k")
    kinds: dict[str, list[ET.Element]] = {}
    for mark in svg:
        kinds.setdefault(mark.get("class", mark.tag), []).append(mark)
    return kinds


def test_the_last_hour_and_each_call_once() -> None:
    """In the order of their times; the run's own calls may be in the log as well."""
    old, late, early = call(NOW_NS - 3601 * S), call(NOW_NS - S), call(NOW_NS - 3599 * S)
    future = call(NOW_NS + S)
    assert of_last_hour([late, old, early, late, future], NOW_NS) == (early, late)


def test_figures_by_key_and_endpoint() -> None:
    """Refused for the nonce apart from failed otherwise; times that were measured, not ones between two."""
    records = [call(NOW_NS + n, latency_s=n / 100, waited_s=n / 10) for n in range(1, 21)]
    records += [
        call(outcome="EAPI:Invalid nonce", endpoint="AddOrder"),
        call(outcome="read-timeout", endpoint="AddOrder"),
    ]
    records.append(call(key_id="fedcba9876543210"))
    added, balance, other = calls.figures(records)
    assert (added.endpoint, added.calls, added.refused, added.failed) == ("AddOrder", 2, 1, 1)
    assert (balance.median_s, balance.slow_s, balance.longest_s, balance.waited_s) == (0.1, 0.19, 0.2, 2.0)
    assert balance.cells() == ["20", "0", "0", "100 ms", "190 ms", "200 ms", "2000 ms"]
    assert other.key_id == "fedcba9876543210"


@given(st.integers(0, 4 * 10**18))
def test_a_moment_to_the_nanosecond(at_ns: int) -> None:
    """And back."""
    from kraken_doctor.model.json_load import _moment

    assert _moment(utc_timestamp(at_ns, 9), "") == at_ns


def test_refusals_are_crosses() -> None:
    """Told apart by shape; each says what it is when pointed at."""
    kinds = drawn([call(NOW_NS + n * S, outcome=o) for n, o in enumerate(["ok", "EAPI:Invalid nonce", "read-timeout"])])
    assert [(kind, kinds[kind][0].tag) for kind in ("accepted", "refused", "failed")] == [
        ("accepted", "circle"), ("refused", "path"), ("failed", "rect"),
    ]  # fmt: skip
    title = kinds["refused"][0].find("title")
    assert title is not None
    assert str(title.text).endswith("(us): EAPI:Invalid nonce")


def test_a_counter_that_follows_the_clock_lies_on_the_diagonal() -> None:
    """Whatever its unit; one that jumped ahead lies above it."""
    records = [call(NOW_NS + n * 60 * S, unit=unit, nonce=(NOW_NS + n * 60 * S) // tick)
               for n, (unit, tick) in enumerate([("ms", 10**6), ("us", 10**3), ("ns", 1)])]  # fmt: skip
    ahead = call(NOW_NS + 180 * S, nonce=(NOW_NS + 480 * S) // 1000)
    kinds = drawn([*records, ahead])
    (line,) = kinds["clock"]
    x1, y1, x2, y2 = (float(line.get(name, "")) for name in ("x1", "y1", "x2", "y2"))
    for dot in kinds["accepted"]:
        on_line = y1 + (float(dot.get("cx", "")) - x1) / (x2 - x1) * (y2 - y1)
        above = on_line - float(dot.get("cy", ""))
        assert (abs(above) < 1) is (dot is not kinds["accepted"][-1])
    assert above > 10


def test_many_calls_make_no_large_drawing() -> None:
    """Every refusal as far as there is room, and an even choice of the rest, the first and the last hour among it."""
    records = [call(NOW_NS + n * S, outcome="EAPI:Invalid nonce" if n % 100 == 7 else "ok") for n in range(10_000)]
    kinds = drawn(records)
    assert len(kinds["refused"]) == 100
    assert 100 < len(kinds["accepted"]) <= chart.MAX_POINTS - 100
    across = [float(dot.get("cx", "")) for dot in kinds["accepted"]]
    assert max(across) - min(across) > 400
    assert len(drawn([call(NOW_NS + n, outcome="x") for n in range(5_000)])["failed"]) == chart.MAX_POINTS // 2


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**64 - 1), st.sampled_from(["s", "ms", "ns", "?"])),
                min_size=1, max_size=5))  # fmt: skip
def test_any_record_can_be_drawn(given_: list[tuple[int, int, str]]) -> None:
    """A nonce may stand for a time that no calendar has; a unit may be one of a later version."""
    records = [call(at_ns, nonce=nonce, unit=unit) for at_ns, nonce, unit in given_]
    svg = chart.nonces(records, "k")
    for mark in svg.iter():
        for name in ("cx", "cy", "x", "y", "x1", "y1"):
            assert -1 <= float(mark.get(name, "0")) <= 700


def test_latencies_in_words() -> None:
    """Steps that did not happen are a dash; whatever else a saved report has there is passed over."""
    measured = {"samples": 3, "connect_median_s": 0.0021, "connect_worst_s": 0.004, "total_median_s": "much"}
    assert calls.latency({"public": measured, "private": 7}) == [["public", "3", "2 ms (4 ms)", "-", "-", "-"]]
    assert calls.latency(None) == calls.latency([1]) == []


def test_what_is_missing_in_sentences() -> None:
    """Nothing where nothing is."""
    assert calls.missing({"left_out": 0, "problem": ""}) == calls.missing(None) == []
    assert len(calls.missing({"left_out": 3, "problem": "can't be read"})) == 2
