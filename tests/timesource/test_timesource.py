"""Offsets with honest bounds, and only answers that may be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.clock import SystemClock
from kraken_doctor.errors import ConfigurationError, TimeSourceError
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from kraken_doctor.timesource import ntp
from kraken_doctor.timesource.sample import TimeSample, from_date_header, from_unixtime, marzullo

CLOCK = SystemClock()


@pytest.mark.parametrize("offset_s", [0.0, 0.25, -3.5, 3600.0, -86400.0])
def test_ntp_measures_the_offset_within_its_bound(offset_s: float) -> None:
    """Positive when this host is behind."""
    with SandboxNtpServer(offset_s=offset_s) as server:
        sample = ntp.TimeServers(CLOCK).ask(server.address, 2.0)
    assert sample.low_s <= offset_s <= sample.high_s
    assert sample.bound_s < 0.5
    assert sample.source == server.address


@pytest.mark.parametrize(
    ("stratum", "leap", "reference", "why"),
    [
        (0, 0, b"RATE", "kiss-o'-death 'RATE'"),
        (16, 0, b"SBOX", "not synchronised"),
        (2, 3, b"SBOX", "not synchronised"),
    ],
)
def test_servers_that_say_not_to_be_believed_are_not(stratum: int, leap: int, reference: bytes, why: str) -> None:
    """Kiss-o'-death, stratum 16, leap alarm."""
    with (
        SandboxNtpServer(stratum=stratum, leap=leap, reference=reference) as server,
        pytest.raises(TimeSourceError, match=why),
    ):
        ntp.TimeServers(CLOCK).ask(server.address, 2.0)


def test_silence_is_an_error_in_time() -> None:
    """Nobody listens on that port."""
    with SandboxNtpServer() as server:
        address = server.address
    with pytest.raises(TimeSourceError, match=address):
        ntp.TimeServers(CLOCK).ask(address, 0.1)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("pool.ntp.org", ("pool.ntp.org", 123)),
        ("127.0.0.1:1123", ("127.0.0.1", 1123)),
        ("::1", ("::1", 123)),
        ("[::1]:1123", ("::1", 1123)),
        ("[2001:db8::1]", ("2001:db8::1", 123)),
    ],
)
def test_server_names(text: str, parsed: tuple[str, int]) -> None:
    """Host, host and port, and the two spellings of IPv6."""
    assert ntp.parse_server(text) == parsed


@pytest.mark.parametrize("text", ["", ":123", "host:", "host:x", "host:0", "host:65536", "[::1]x"])
def test_unusable_server_names(text: str) -> None:
    """One line that says what to write."""
    with pytest.raises(ConfigurationError, match="HOST:PORT"):
        ntp.parse_server(text)


def test_the_exchange_is_a_coarse_clock() -> None:
    """It names whole seconds: half a second of doubt, and half the time the call took."""
    sample = from_unixtime(1000, sent_ns=1000 * 10**9, received_ns=1000 * 10**9 + 200_000_000)
    assert sample.low_s == pytest.approx(-0.2)
    assert sample.high_s == pytest.approx(1.0)
    header = from_date_header("Thu, 01 Jan 1970 00:16:40 GMT", 1000 * 10**9, 1000 * 10**9)
    assert header is not None
    assert header.low_s == pytest.approx(0.0)
    assert from_date_header("yesterday", 0, 0) is None
    assert from_date_header("Thu, 01 Jan 1970 00:16:40 +999999999999999", 0, 0) is None


@given(
    truth=st.floats(-100, 100),
    before=st.floats(0, 3),
    after=st.floats(0, 3),
    unixtime=st.floats(10**9, 2 * 10**9),
)
def test_the_true_offset_is_within_the_bound(truth: float, before: float, after: float, unixtime: float) -> None:
    """However long the way there and back was."""
    at_server_local = unixtime - truth
    sent, received = at_server_local - before, at_server_local + after
    sample = from_unixtime(int(unixtime), round(sent * 1e9), round(received * 1e9))
    assert sample.low_s - 1e-5 <= truth <= sample.high_s + 1e-5


def sample(name: str, low: float, high: float) -> TimeSample:
    return TimeSample.between(name, low, high)


def test_a_majority_names_the_falseticker() -> None:
    """Three agree, one lies; the answer is what the three share."""
    found = marzullo([sample("a", -1, 1), sample("b", 0, 2), sample("c", -2, 0.5), sample("liar", 3600, 3601)])
    assert found is not None
    assert (found.sample.low_s, found.sample.high_s) == (0, 0.5)
    assert found.agreeing == ("a", "b", "c")
    assert found.falsetickers == ("liar",)


def test_two_that_contradict_each_other_prove_nothing() -> None:
    """No majority, no answer."""
    assert marzullo([sample("a", 0, 1), sample("b", 5, 6)]) is None
    assert marzullo([]) is None


def test_one_source_is_its_own_majority() -> None:
    """There is nobody to contradict it."""
    found = marzullo([sample("a", 0, 1)])
    assert found is not None
    assert (found.sample.low_s, found.sample.high_s) == (0, 1)


@given(
    truth=st.floats(-10, 10),
    honest=st.lists(st.tuples(st.floats(0.001, 5), st.floats(0.001, 5)), min_size=1, max_size=6),
    liars=st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(0, 1)), max_size=5),
)
def test_the_truth_survives_any_minority_of_liars(
    truth: float, honest: list[tuple[float, float]], liars: list[tuple[float, float]]
) -> None:
    """While those who hold the truth in their bounds are more than half, and no liar overlaps them by luck."""
    good = [sample(f"h{n}", truth - low, truth + high) for n, (low, high) in enumerate(honest)]
    bad = [sample(f"l{n}", centre - width, centre + width) for n, (centre, width) in enumerate(liars)]
    bad = [s for s in bad if all(s.high_s < g.low_s or s.low_s > g.high_s for g in good)][: len(good) - 1]
    found = marzullo([*good, *bad])
    assert found is not None
    assert found.sample.low_s - 1e-9 <= truth <= found.sample.high_s + 1e-9
    assert set(found.falsetickers) == {s.source for s in bad}
