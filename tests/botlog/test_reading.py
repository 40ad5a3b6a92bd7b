"""Any bytes, any size: bounded entries, each with its time."""

from __future__ import annotations

import gzip
import json
import random
import re
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.botlog import reading
from kraken_doctor.botlog.events import parse_event
from kraken_doctor.botlog.examine import LogAnalysis, examine
from kraken_doctor.botlog.prefilter import Finder, ShapeFinder, compiled_finder, finder, needles
from kraken_doctor.botlog.reading import BLOCK_BYTES, SHOWN_BYTES, Entry, Reader
from kraken_doctor.diagnosis.causes.symptoms import EXCHANGE_SYMPTOMS
from tests.botlog.logs import BEGAN_S, NOW_S, findings, line, refused, worked
from tests.diagnosis.test_recognise import PASTED

TRACEBACK = (
    'Traceback (most recent call last):\n  File "/srv/bot.py", line 3, in ask\n    raise ConnectionError(err)\n'
    "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='api.kraken.com', port=443): Read timed out.\n"
)


def read(data: bytes, find: Finder | None = None) -> tuple[list[Entry], Reader]:
    reader = Reader(BytesIO(data), NOW_S, find or finder())
    return list(reader.entries()), reader


def test_entries_without_a_time_inherit() -> None:
    """From the nearest line above that has one, also where that one had nothing to say."""
    text = line(1, "quiet") + "ERROR a\n" + line(2, "quiet") + "more\nERROR b\n" + line(3, "error c") + "ERROR d\n"
    entries, _ = read(text.encode())
    assert [(one.text[:7], one.stamped, one.at, one.line) for one in entries] == [
        ("ERROR a", False, BEGAN_S + 1, 2),
        ("ERROR b", False, BEGAN_S + 2, 5),
        (" error ", True, BEGAN_S + 3, 6),
        ("ERROR d", False, BEGAN_S + 3, 7),
    ]


@pytest.mark.parametrize(
    "tail",
    [
        TRACEBACK,
        f"{TRACEBACK}\nDuring handling of the above exception, another exception occurred:\n\n{TRACEBACK}",
        "    at TLSWrap.onread (net.js:1)\n  code: 'ECONNRESET' }\n",
        "!java.net.SocketTimeoutException: Read timed out\n! at java.net.Socket.read(Socket.java:1)\n",
        "\tat org.example.Bot.main(Bot.java:5)\nCaused by: java.io.IOException: Premature EOF\n\t... 5 more\n",
        "<!DOCTYPE html>\n<html>\n<title>api.kraken.com | 522: Connection timed out</title>\n</html>\n",
        "requests.exceptions.ConnectTimeout: no route\n",
    ],
    ids=["python", "chained", "node", "dropwizard", "java", "page", "exception"],
)
@pytest.mark.parametrize("prefix", ["", "bot-1  | ", "Nov 23 00:00:00 host bot[12]: "], ids=["", "docker", "journal"])
def test_what_belongs_to_a_line_is_one_entry(tail: str, prefix: str) -> None:
    """Also behind what docker and journald put before each line; and the next line is another."""
    text = (line(1, "ERROR Balance failed:") + tail + line(2, "ERROR next")).splitlines(keepends=True)
    entries, _ = read("".join(prefix + one for one in text).encode())
    assert [one.text.endswith("next\n") for one in entries] == [False, True]


def test_an_entry_is_whole_over_the_edge_of_a_block() -> None:
    """Wherever it is cut; so is the time that it inherits."""
    text = line(5, "quiet") + "tick\n" * 400 + "ERROR here\n" + TRACEBACK + line(6, "quiet")
    whole, _ = read(text.encode())
    assert [one.at for one in whole] == [BEGAN_S + 5]
    for size in range(600, 1400, 13):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading, "BLOCK_BYTES", size)
            assert read(text.encode())[0] == whole, size


def test_the_extent() -> None:
    """Lines, bytes, first and last time, a last line without an end included."""
    data = ("header\n" + line(1, "a") + line(9, "b") + "tail").encode()
    _, reader = read(data)
    extent = reader.extent
    assert (extent.lines, extent.bytes, extent.first, extent.last) == (4, len(data), BEGAN_S + 1, BEGAN_S + 9)


def test_a_long_line_is_cut_around_what_it_says() -> None:
    """And what follows is read all the same."""
    data = b"x" * 3 * BLOCK_BYTES + b" EAPI:Invalid nonce " + b"y" * 3 * BLOCK_BYTES + b"\n" + refused(1).encode()
    entries, _ = read(data)
    assert len(entries) == 2
    assert all(len(one.text) <= SHOWN_BYTES + 1 for one in entries)
    assert findings(data).stats.refused == 2


def test_a_log_in_one_json_string_is_its_lines() -> None:
    """As a service hands it out: each of them is an event, and a traceback is one."""
    log = line(1, "ERROR Balance failed:") + TRACEBACK + refused(2) + worked(3) + refused(4)
    for text in (json.dumps(log), json.dumps({"container": "bot", "log": log})):
        found = findings(text)
        assert (found.stats.refused, found.stats.worked) == (2, 1)
        assert found.stats.errors["Read timed out"].count == 1


def test_a_margin_is_that_of_the_whole_log() -> None:
    """What is set in deeper still belongs to the line above it, also in the blocks that follow."""
    log = "ERROR EAPI:Invalid nonce\nERROR Read timed out\n  url: api.kraken.com\n" * 60
    data = "".join(f"\t  {one}\n" for one in log.splitlines()).encode()
    plain, _ = read(log.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_BYTES", len(data) // 10)
        set_in, _ = read(data)
    assert len(plain) == 120
    assert [one.text for one in set_in] == [one.text for one in plain]


@pytest.mark.parametrize(
    ("said", "titles"),
    [
        ("EAPI:Rate limit ex", ["EAPI:Rate limit exceeded"]),
        ('{"error":["EGeneral:Temporary lo', ["EGeneral:Temporary lockout"]),
        ("kraken returned error: General:Permission d…", ["EGeneral:Permission denied"]),
        ("kraken EService:Unav>", ["EService:Unavailable"]),
        ("kraken EAPI:Invalid", ["EAPI"]),
        ("kraken EAPI:Rate of fire", ["EAPI"]),
    ],
)
def test_an_error_that_breaks_off_with_its_line(said: str, titles: list[str]) -> None:
    """Is known by its beginning, where only one begins so: a terminal and a pager cut lines."""
    assert list(findings(line(1, f"ERROR {said}") + "ceeded and more\n").stats.errors) == titles


@pytest.mark.parametrize("text", [text for text, _ in PASTED] + [symptom.title for symptom in EXCHANGE_SYMPTOMS])
def test_what_explain_knows_is_not_passed_over(text: str) -> None:
    """The search that skips lines lets none go by that `recognise` would name."""
    (*_, last) = text.replace("EOrder:...", "EOrder:Insufficient funds").strip().splitlines()
    entries, _ = read(last.encode())
    assert entries, last
    event = parse_event(entries[0])
    assert event is not None
    assert event.says.symptoms


def spoken(text: bytes) -> bool:
    return any(needle in text.lower() for needle in needles())


def lines_found(find: Finder, data: bytes) -> list[int]:
    """Their numbers, the first of them 0."""
    found, start, next_place = [], 0, find(data)
    while (place := next_place(start)) >= 0:
        found.append(data.count(b"\n", 0, place))
        start = data.find(b"\n", place) + 1 or len(data)
    return found


SPEAKING = [b"error", b"NONCE", b"Connection Refused", b"nothing", b"12345", b"err0r", b"\xff\xfe", b" "]


@given(st.lists(st.lists(st.sampled_from(SPEAKING), max_size=4), max_size=30), st.integers(min_value=90, max_value=300))
def test_no_line_is_lost_or_doubled(lines: list[list[bytes]], size: int) -> None:
    """Where the blocks are cut makes no difference to which lines speak, nor which search is used."""
    data = b"\n".join(b"=" + b"".join(parts) for parts in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_BYTES", size)
        entries, reader = read(data, ShapeFinder())
    assert reader.extent.bytes == len(data)
    said = b"\n".join(one.text.encode(errors="replace") for one in entries)
    assert sum(map(spoken, said.split(b"\n"))) == sum(spoken(one) for one in data.split(b"\n"))


@pytest.mark.skipif(compiled_finder() is None, reason="needs google-re2: pip install 'kraken-doctor[logs]'")
@given(st.lists(st.lists(st.sampled_from(SPEAKING), max_size=4), max_size=30))
def test_both_searches_find_the_same_lines(lines: list[list[bytes]]) -> None:
    """With compiled code and without it a log is read alike."""
    data = b"\n".join(b"".join(parts) for parts in lines)
    compiled = compiled_finder()
    assert compiled is not None

    assert lines_found(compiled, data) == lines_found(ShapeFinder(), data)
    assert read(data, compiled)[0] == read(data, ShapeFinder())[0]


def test_what_the_pure_search_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log whose lines are all different."""
    from kraken_doctor.botlog import prefilter

    monkeypatch.setattr(prefilter, "_KEPT_BYTES", 2_000)
    find = ShapeFinder()
    for letters in (f"{a}{b}" for a in "abcdefgh" for b in "ijklmnop"):
        assert lines_found(find, f"{letters}\n{letters} nonce\nnonce of {letters}\n".encode()) == [1, 2]
        assert len(find._places) + len(find._dull) <= 30


@given(st.lists(st.sampled_from([b"re", b"fuse", b"d", b"time", b"out", b" ", b"-", b"/private", b"/", b"9", b"\n"])))
def test_words_hide_no_needle(parts: list[bytes]) -> None:
    """Needles have blanks and signs in them, and lines have more letters around them."""
    data = b"".join(parts)
    assert lines_found(ShapeFinder(), data) == [n for n, one in enumerate(data.split(b"\n")) if spoken(one)]


SAID = [
    "ERROR Balance failed: ['EAPI:Invalid nonce']", "[Thread-1] ERROR AddOrder failed: EAPI:Invalid nonce",
    "ERROR Read timed out: api.kraken.com", "INFO Balance ok", "bot started", "EUnheard:Of", "the clock was set back",
    "ERROR EAPI:Invalid nonce nonce=1795392000000", "ERROR redis: Connection refused", "tick",
    f"ERROR\n{TRACEBACK}".strip(), "ERROR binance getaddrinfo failed: Name or service not known", "giving up",
]  # fmt: skip
STEPS_S = [0.0, 0.004, 0.01, 0.011, 0.5, 1.0, 5.0, 60.0, 130.0, 5000.0, -0.5, -70.0]


@given(
    st.lists(st.tuples(st.sampled_from(SAID), st.integers(1, 40), st.sampled_from(STEPS_S)), max_size=8),
    st.sampled_from(["", "\r", "\n  EAPI:Invalid nonce", "\nTraceback (most recent call last):"]),
    st.integers(700, 3000),
)
def test_what_is_said_again_counts_as_if_each_were_alone(
    runs: list[tuple[str, int, float]], tail: str, size: int
) -> None:
    """Lines that are the same but for their times are counted at once; where the blocks are cut makes no difference."""
    at_s, text = 0.0, ""
    for said, count, step_s in runs:
        for _ in range(count):
            at_s += step_s
            text += line(at_s, said)
        text = text.rstrip("\n") + tail + "\n"
    data = text.encode()
    together = counted(examine([BytesIO(data)], NOW_S))
    assert together == counted(examine([BytesIO(data)], NOW_S, since_s=0.0))
    if all(step_s >= 0 for _, _, step_s in runs):  # a log's first and last time are looked up at the edges of blocks
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading, "BLOCK_BYTES", size)
            assert counted(examine([BytesIO(data)], NOW_S)) == together


def test_what_is_set_in_below_the_last_one_belongs_to_it_alone() -> None:
    """Though the lines before it are the same, and counted at once."""
    text = "".join(line(n, "ERROR a") for n in range(5)) + "  EAPI:Invalid nonce\n" + line(9, "tick")
    entries, _ = read(text.encode())
    assert [(len(one.again), one.line, one.text.count("\n")) for one in entries] == [(3, 1, 1), (0, 5, 2)]


def counted(found: LogAnalysis) -> dict[str, object]:
    """All but what it remembers for the next event."""
    hidden = ("_told", "_says", "_latest_s", "_other_s", "_recent")
    stats = {name: value for name, value in vars(found.stats).items() if name not in hidden}
    return stats | {"patterns": found.patterns, "diagnoses": found.diagnoses, "extents": found.extents}


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
    noise = "".join(refused(n) + random.Random(n).randbytes(200).hex() + "\n" for n in range(2000))
    packed = gzip.compress(noise.encode())
    stream = gzip.GzipFile(fileobj=BytesIO(packed[: len(packed) - 2000]))
    found = examine([stream], NOW_S)  # type: ignore[list-item] # GzipFile reads as a binary stream does
    assert "EOFError" in found.extents[0].broken
    assert not found.extents[0].lines or found.stats.refused


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
    assert parse_event(one) is not None


@pytest.mark.parametrize(
    "text",
    ["2026-09-12 05:26:36,123 - freqtrade.worker - INFO - Bot heartbeat. PID=1, version='2026.9', state='RUNNING'",
     "2026-09-12 05:26:36,123 - freqtrade.freqtradebot - INFO - Found open trade: Trade(id=1, pair=XBT/EUR)",
     "2017-08-07 23:32:20 (DEBUG):\tProcessing 7 new trades. From 21:32:17 UTC to 21:32:32 UTC. (a few seconds)",
     "INFO tick pair=XBTUSD bid=90000.1 ask=90000.2 spread within bounds, nothing to do",
     '{"level":"info","msg":"candle","open":"1.0","high":"1.1","low":"0.9","close":"1.0","ts":1795392000}'],
)  # fmt: skip
def test_what_a_healthy_bot_writes_all_day_is_passed_over(text: str) -> None:
    """Or its log is read at a hundredth of the speed."""
    assert not re.search(b"|".join(map(re.escape, needles())), text.lower().encode())


@pytest.mark.parametrize(
    "prefix", ["Nov 20 10:{:02}:00 host bot[77]: ", "bot-1  | 2026-11-20 10:{:02}:00 ", "0|bot  | 10:{:02}:00 "]
)
def test_lines_of_a_journal_stay_apart(prefix: str) -> None:
    """The blank behind what the journal puts before each line is no indentation."""
    log = "".join(f"{prefix.format(minute)}Kraken: EAPI:Rate limit exceeded\n" for minute in range(30))
    assert findings(log).stats.errors["EAPI:Rate limit exceeded"].count == 30
