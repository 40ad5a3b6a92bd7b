"""Any bytes, any size: bounded lines, each with its time."""

from __future__ import annotations

import gzip
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.botlog import reading
from kraken_doctor.botlog.events import event_of
from kraken_doctor.botlog.reading import BLOCK_BYTES, SHOWN_CHARACTERS, Line, Reader
from kraken_doctor.diagnosis.causes.symptoms import EXCHANGE_SYMPTOMS
from tests.botlog.logs import BEGAN_S, NOW_S, findings, line, refused
from tests.diagnosis.test_recognise import PASTED


def read(data: bytes) -> tuple[list[Line], Reader]:
    reader = Reader(BytesIO(data), NOW_S)
    return list(reader.lines()), reader


def test_lines_without_a_time_inherit() -> None:
    """From the nearest line above that has one, also where that one had nothing to say."""
    text = line(1, "quiet") + "error a\n" + line(2, "quiet") + "  more\nerror b\n" + line(3, "error c") + "error d\n"
    lines, _ = read(text.encode())
    assert [(one.text[:7], one.stamped, one.at) for one in lines] == [
        ("error a", False, BEGAN_S + 1),
        ("error b", False, BEGAN_S + 2),
        ("2026-11", True, BEGAN_S + 3),
        ("error d", False, BEGAN_S + 3),
    ]


def test_a_time_is_inherited_over_the_edge_of_a_block() -> None:
    """Whatever lies between."""
    filler = "x" * 99 + "\n"
    text = line(5, "quiet") + filler * 50 + "error here\n"
    for size in range(90, 400, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading, "BLOCK_BYTES", size)
            lines, _ = read(text.encode())
        assert [one.at for one in lines] == [BEGAN_S + 5], size


def test_the_extent() -> None:
    """Lines, bytes, first and last time, a last line without an end included."""
    data = ("header\n" + line(1, "a") + line(9, "b") + "tail").encode()
    _, reader = read(data)
    extent = reader.extent
    assert (extent.lines, extent.bytes, extent.first, extent.last) == (4, len(data), BEGAN_S + 1, BEGAN_S + 9)


def test_a_long_line_is_cut_around_what_it_says() -> None:
    """And what follows is read all the same."""
    data = b"x" * 3 * BLOCK_BYTES + b" EAPI:Invalid nonce " + b"y" * 3 * BLOCK_BYTES + b"\n" + refused(1).encode()
    lines, _ = read(data)
    assert len(lines) == 2
    assert all(len(one.text) <= SHOWN_CHARACTERS for one in lines)
    assert findings(data).tally.refused == 2


@pytest.mark.parametrize("text", [text for text, _ in PASTED] + [symptom.title for symptom in EXCHANGE_SYMPTOMS])
def test_what_explain_knows_is_not_passed_over(text: str) -> None:
    """The search that skips lines lets none go by that `recognise` would name."""
    (*_, last) = text.replace("EOrder:...", "EOrder:Insufficient funds").strip().splitlines()
    lines, _ = read(last.encode())
    assert lines, last
    event = event_of(lines[0])
    assert event is not None
    assert event.symptoms


@given(st.binary(max_size=2_000), st.integers(min_value=1, max_value=300))
def test_no_line_is_lost_or_doubled(data: bytes, size: int) -> None:
    """Where the blocks are cut makes no difference to how many lines speak, while lines fit a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_BYTES", size)
        lines, reader = read(data.replace(b"\x00", b" error\n"))
    assert reader.extent.bytes == len(data.replace(b"\x00", b" error\n"))
    assert len(lines) == sum(_speaks(one) for one in data.replace(b"\x00", b" error\n").split(b"\n"))


def _speaks(text: bytes) -> bool:
    spoken = any(needle in text.lower() for needle in reading.NEEDLES)
    return spoken or bool(reading._KRAKENS.search(text))


@given(
    st.lists(st.sampled_from([refused(1), "nonce=17\n", "\x1b[31m\n", "x" * 5000, "\0\xff\n", '{"ts":'])), st.binary()
)
def test_any_bytes(parts: list[str], tail: bytes) -> None:
    """Nothing breaks it, and what it keeps is bounded."""
    found = findings("".join(parts).encode("latin-1") + tail)
    assert len(found.diagnoses) <= 8
    assert all(len(text) < 1_000 for diagnosis in found.diagnoses for text in diagnosis.because)


def test_a_compressed_log_that_is_cut_off_counts_as_far_as_it_goes() -> None:
    """A log that is being written ends so."""
    import random

    noise = "".join(refused(n) + random.Random(n).randbytes(200).hex() + "\n" for n in range(2000))
    packed = gzip.compress(noise.encode())
    stream = gzip.GzipFile(fileobj=BytesIO(packed[: len(packed) - 2000]))
    from kraken_doctor.botlog.examine import examine

    found = examine([stream], NOW_S)  # type: ignore[list-item] # GzipFile reads as a binary stream does
    assert "EOFError" in found.extents[0].broken
    assert not found.extents[0].lines or found.tally.refused


@pytest.mark.parametrize(
    "text",
    ["Read timed out.", "kraken RequestTimeout", "Connection reset by peer", "502 Bad Gateway",
     "Custom nonce generator installed",
     "app started", "the clock was set back", "Time has been changed", "krakenex 2.2.2", "using ccxt 4.5.90",
     "CancelOrder ok", "AddOrder accepted", "OpenOrders ok", "order placed", "order created", "Balance ok",
     "certificate has expired", "API:Invalid key", "EService: Busy"],
)  # fmt: skip
def test_a_line_that_says_one_thing_alone_is_read(text: str) -> None:
    """Each without the word "error" to help it."""
    (one,) = read(text.encode())[0]
    assert event_of(one) is not None
