"""The audit log: kept, bounded, summed up."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.client.observers import SafeObserver
from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.call import CallRecord, from_line
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.history import Filter, summarise
from kraken_doctor.nonce.stores.auditfile import AuditFile
from kraken_doctor.nonce.stores.memory import MemoryStore

UNITS = [unit.value for unit in NonceUnit]
NOW_NS = 1_795_392_000_000_000_000
US = NOW_NS // 1000


def record(at_s: float = 0.0, outcome: str = "ok", **changes: object) -> CallRecord:
    fields: dict[str, object] = {
        "at_ns": NOW_NS + round(at_s * 1e9), "key_id": "a", "unit": "us", "nonce": US + round(at_s * 1e6),
        "endpoint": "Balance", "outcome": outcome, "latency_s": 0.1, "waited_s": 0.0,
    }  # fmt: skip
    return CallRecord(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_summary_a_key() -> None:
    """Issued, refused, failed, rate, waits, gaps, lead."""
    records = [
        record(0),
        record(1, "EAPI:Invalid nonce", waited_s=3.5),
        record(11, "read-timeout"),
        record(12, key_id="b"),
    ]
    first, second = summarise(records)
    assert (first.key_id, first.issued, first.refused, first.failed) == ("a", 3, 1, 1)
    assert first.rate_per_s == pytest.approx(2 / 11)
    assert (first.longest_wait_s, first.longest_gap_s, first.repeated) == (3.5, 10.0, 0)
    assert (second.key_id, second.rate_per_s, second.longest_gap_s) == ("b", 0.0, 0.0)
    assert (first.first_ns, first.last_ns) == (records[0].at_ns, records[2].at_ns)
    assert summarise([]) == []


def test_a_repeated_nonce_is_seen() -> None:
    """Whatever the order in which two processes wrote."""
    assert summarise([record(1), record(0), record(1)])[0].repeated == 1


def test_lead_is_nonce_less_clock() -> None:
    """In seconds, whatever the unit."""
    assert record(nonce=US + 2_500_000).lead_s == 2.5
    assert record(unit="ms", nonce=US // 1000 - 1500).lead_s == -1.5


def test_filters() -> None:
    """By key, time and part of the outcome."""
    records = [record(0), record(1, "EAPI:Invalid nonce"), record(2, key_id="b")]
    assert list(Filter()(records)) == records
    assert list(Filter(key_ids=frozenset({"b"}))(records)) == records[2:]
    assert list(Filter(outcome="NONCE")(records)) == records[1:2]
    assert list(Filter(since_ns=records[1].at_ns, until_ns=records[1].at_ns)(records)) == records[1:2]


@given(
    st.builds(
        CallRecord,
        at_ns=st.integers(0, 2**63 - 1), key_id=st.text(), unit=st.sampled_from(UNITS), nonce=st.integers(0, 2**64 - 1),
        endpoint=st.text(), outcome=st.text(max_size=200), latency_s=st.floats(0, 1e6), waited_s=st.floats(0, 1e6),
    )
)  # fmt: skip
def test_a_record_is_one_line_and_comes_back(original: CallRecord) -> None:
    """Whatever the texts hold; times to the microsecond."""
    line = original.to_line()
    assert len(line.splitlines()) == 1
    latency_s, waited_s = round(original.latency_s, 6), round(original.waited_s, 6)
    assert from_line(line) == replace(original, latency_s=latency_s, waited_s=waited_s)


def test_a_long_outcome_is_cut() -> None:
    """It may be a server's words."""
    for length, kept in ((199, 199), (200, 200), (201, 200)):
        loaded = from_line(record(outcome="x" * length).to_line())
        assert loaded is not None
        assert loaded.outcome == "x" * kept


@pytest.mark.parametrize("line", ["", "{", "[]", "[1,2]", '{"a":1}', "null", '["x","y","z",1,2,3,4,5]', "[1, 2"])
def test_what_is_no_record_is_passed_over(line: str) -> None:
    """A line that a kill cut off must not hide the others."""
    assert from_line(line) is None


def test_a_server_can_not_fill_the_log_with_one_answer() -> None:
    """Its words are cut."""
    loaded = from_line(record(outcome="E" * 10_000).to_line())
    assert loaded is not None
    assert len(loaded.outcome) == 200


def test_the_file_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    """Two files at most; what is read comes in order."""
    log = AuditFile(tmp_path / "state" / "audit", max_bytes=2_000)
    for number in range(200):
        log.record(record(number))
    kept = [entry.at_ns for entry in log.records(0)]
    assert kept == sorted(kept)
    assert kept[-1] == record(199).at_ns
    assert 10 < len(kept) < 60
    assert sum(path.stat().st_size for path in (tmp_path / "state").iterdir()) < 2 * 2_200
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()} == {0o600}
    log.close()


def test_writers_that_change_files_at_once_lose_nothing_but_the_oldest(tmp_path: Path) -> None:
    """Several processes' worth of writers on one log: whole lines, the newest all there."""
    logs = [AuditFile(tmp_path / "audit", max_bytes=50_000) for _ in range(4)]
    begin = threading.Barrier(4)

    def write(log: AuditFile, key_id: str) -> None:
        begin.wait()
        for number in range(300):
            log.record(record(number, key_id=key_id))

    writers = [threading.Thread(target=write, args=(log, str(n))) for n, log in enumerate(logs)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = b"".join(path.read_bytes() for path in tmp_path.glob("audit*")).splitlines()
    assert all(from_line(line) is not None for line in lines)
    assert len(lines) > 300
    for log in logs:
        log.close()


def test_writers_that_begin_new_files_all_the_time_are_in_nobodys_way(tmp_path: Path) -> None:
    """A new file every few records: none is moved away under another's hands, none is moved before it is full."""
    logs = [AuditFile(tmp_path / "audit", max_bytes=500) for _ in range(4)]
    begin = threading.Barrier(4)
    moved_bytes: list[int] = []
    failures: list[Exception] = []

    def write(log: AuditFile) -> None:
        begin.wait()
        try:
            for number in range(300):
                log.record(record(number))
                with contextlib.suppress(FileNotFoundError):
                    moved_bytes.append((tmp_path / "audit.1").stat().st_size)
        except NonceStoreError as exc:
            failures.append(exc)
        finally:
            log.close()

    writers = [threading.Thread(target=write, args=(log,)) for log in logs]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    assert min(moved_bytes) >= 500


def test_a_deleted_file_is_made_anew(tmp_path: Path) -> None:
    """The next record is where a reader looks for it."""
    log = AuditFile(tmp_path / "audit")
    log.record(record(0))
    (tmp_path / "audit").unlink()
    log.record(record(1))
    assert [entry.at_ns for entry in log.records(0)] == [record(1).at_ns]
    log.close()


def test_a_log_that_can_not_be_written_is_said_once_and_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The call that it would tell of has been made."""
    (tmp_path / "file").write_text("")
    log = AuditFile(tmp_path / "file" / "audit")
    with pytest.raises(NonceStoreError, match="audit"):
        log.record(record())

    class Failing(MemoryStore):
        def record(self, record: CallRecord) -> None:
            log.record(record)

    audit = SafeObserver(Failing().record, "the audit log can't be written")
    with caplog.at_level(logging.WARNING, logger="kraken_doctor"):
        audit(record())
        audit(record())
    assert len(caplog.records) == 1


@pytest.mark.linux("/proc")
def test_no_file_is_left_open(tmp_path: Path) -> None:
    """A closed log gives its descriptor back, and opens again."""
    log = AuditFile(tmp_path / "audit")
    log.record(record())
    before = len(list(Path("/proc/self/fd").iterdir()))
    log.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 1
    log.record(record())
    log.close()


@pytest.mark.parametrize(
    "line",
    [
        '[1, "\\ud800", "us", 1, "Balance", "ok", 0.1, 0.1]',
        '[1, "k", "us", 1, "Balance", "ok", NaN, 0.1]',
        '[1, "k", "us", 1, "Balance", "ok", 0.1, Infinity]',
        f'[{10**30}, "k", "us", 1, "Balance", "ok", 0.1, 0.1]',
        f'[1, "k", "us", {2**64}, "Balance", "ok", 0.1, 0.1]',
        '[1, "k", "us", -1, "Balance", "ok", 0.1, 0.1]',
        '[-1, "k", "us", 1, "Balance", "ok", 0.1, 0.1]',
        f'[{2**63}, "k", "us", 1, "Balance", "ok", 0.1, 0.1]',
        '[1, "k", "hours", 1, "Balance", "ok", 0.1, 0.1]',
        '[1, "k", "us", 1, "Balance", "ok", -0.1, 0.1]',
        '[1, "k", "us", 1, "Balance", "ok", 0.1, -0.1]',
        '[1, "k", "us", 1, "Balance", "ok", 0.1]',
        '[Infinity, "k", "us", 1, "Balance", "ok", 0.1, 0.1]',
        '[1, "k", "us", 1e999, "Balance", "ok", 0.1, 0.1]',
        f'[1, "k", "us", 1, "Balance", "ok", {"9" * 400}, 0.1]',
        '{"at_ns": 1}',
        "5",
        "",
        "[" * 100_000,
        f'[{"9" * 5000}, "k", "us", 1, "Balance", "ok", 0.1, 0.1]',
    ],
)
def test_a_line_that_can_be_none_of_ours_is_passed_over(line: str) -> None:
    """A time that no calendar has, a number that is none, a name that no store can look up."""
    assert from_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        '[1, "k", "us", 1, "Balance", "ok", 0.1, 0.1]',
        f'[{2**63 - 1}, "k", "us", {2**64 - 1}, "Balance", "ok", 0.1, 0.1]',
        '[0, "k", "10ns", 0, "Balance", "ok", 0, 0]',
    ],
)
def test_a_line_at_the_edges_is_one_of_ours(line: str) -> None:
    """The whole range of moments and nonces, each unit, and no time at all."""
    assert from_line(line) is not None
    assert from_line(line.encode()) == from_line(line)
