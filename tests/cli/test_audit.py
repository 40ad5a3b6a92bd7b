"""`kraken-doctor audit`: what was issued, for which call, with which outcome."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from kraken_doctor import KrakenClient, RetryPolicy, open_store
from kraken_doctor.model.call import CallRecord
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run


@pytest.fixture
def calls(server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five calls of a bot, two of them refused, in the store that the environment names."""
    monkeypatch.setenv("KRAKEN_NONCE_STORE", "sqlite:///bot.db")
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_SECRET", key.secret)
    store = open_store("sqlite:///bot.db")
    with KrakenClient(key.api_key, key.secret, url=server.url, store=store, retry=RetryPolicy.none()) as client:
        for endpoint in ("Balance", "OpenOrders", "Nonesuch", "Balance"):
            client.query_private(endpoint)
        key.mark += 10**9
        client.query_private("Balance")


@pytest.mark.usefixtures("calls")
def test_table_and_summary(doctor: Run, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account by its name, never by its key."""
    monkeypatch.setenv("COLUMNS", "120")
    ended = doctor("audit")
    assert ended.status == 0
    assert re.search(r"USER:daivon +5 +1 +1 ", ended.stdout)
    assert "EAPI:Invalid nonce" in ended.stdout
    assert key.api_key not in ended.stdout


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_every_width_is_readable_and_in_the_order_of_time(
    doctor: Run, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """No word of a call is broken, nothing is wider than the screen, and the times rise."""
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = doctor("audit").stdout
    assert max(map(len, shown.splitlines())) <= columns
    for word in ("USER:daivon", "Issued", "Refused", "OpenOrders", "Nonesuch", "EAPI:Invalid nonce"):
        assert word in " ".join(shown.split()), word
    times = re.findall(r"\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", shown)
    assert len(times) == 5
    assert times == sorted(times)


@pytest.mark.usefixtures("calls")
def test_json(doctor: Run, key: Key) -> None:
    """Every record and the summary, in the common envelope."""
    report = json.loads(doctor("audit", "-o", "json").stdout)
    assert (report["command"], report["exit_status"]) == ("audit", 0)
    (summary,) = report["summary"]
    assert (summary["account"], summary["issued"], summary["refused"], summary["failed"]) == ("USER:daivon", 5, 1, 1)
    assert summary["repeated"] == 0
    assert summary["mark"] == report["records"][-1]["nonce"]
    assert [record["endpoint"] for record in report["records"]] == [
        "Balance",
        "OpenOrders",
        "Nonesuch",
        "Balance",
        "Balance",
    ]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("--outcome", "nonce"), 1),
        (("--outcome", "ok"), 3),
        (("--since", "1h"), 5),
        (("--until", "1h"), 0),
        (("--since", "2020-01-01", "--until", "2020-01-02T10:00"), 0),
        (("--user", "daivon_frazier"), 5),
        (("--limit", "2"), 2),
        (("--limit", "0"), 0),
    ],
)
def test_filters(doctor: Run, arguments: tuple[str, ...], count: int) -> None:
    """By account, time and outcome."""
    assert len(json.loads(doctor("audit", "-o", "json", *arguments).stdout)["records"]) == count


def test_an_empty_log_is_no_failure(doctor: Run) -> None:
    """And no account needs to be configured."""
    ended = doctor("audit")
    assert ended.status == 0
    assert "nothing recorded yet in" in ended.stdout
    assert "nonce.db(thedefault)" in "".join(ended.stdout.split())
    assert not list(Path("..").rglob("nonce.db")), "reading makes no store"


@pytest.mark.usefixtures("calls")
def test_failures_are_no_check_mark(doctor: Run, key: Key) -> None:
    """What was refused or failed is a warning, counted; where nothing was, all is well; and the store is named."""
    page = doctor("audit").stdout
    assert "! audit   warning: 5 nonces of 1 key, 1 refused, 1 failed, in sqlite:///bot.db" in page
    open_store("sqlite:///bot.db").record(
        CallRecord(at_ns=2**60, key_id="well", unit="ms", nonce=1, endpoint="Balance", outcome="ok", latency_s=0.1,
                   waited_s=0.0)
    )  # fmt: skip
    open_store("sqlite:///bot.db").advance("well", 1)
    ended = doctor("audit", "--key-id", "well")
    assert (ended.status, "✓ audit   1 nonce of 1 key, 0 refused, 0 failed, in" in ended.stdout) == (0, True)
    assert "no recorded call matches in sqlite:///bot.db" in doctor("audit", "--outcome", "nonesuch").stdout


@pytest.mark.usefixtures("calls")
def test_a_key_that_nobody_knows_is_status_2(doctor: Run) -> None:
    """A typing error must not look like a key without calls."""
    ended = doctor("audit", "--key-id", "0123456789abcdef")
    assert (ended.status, ended.stdout) == (2, "")
    assert "'0123456789abcdef' is recorded in sqlite:///bot.db (KRAKEN_NONCE_STORE, environment)" in ended.stderr


def make_other(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (a)")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "which does not exist"),
        (lambda path: path.mkdir(), "not a regular file"),
        (lambda path: path.write_text("no database " * 99), "file is not a database"),
        (make_other, "not a file of this library"),
    ],
)
@pytest.mark.parametrize("origin", ["environment", ".env"])
def test_a_named_store_that_is_none_is_status_2(
    doctor: Run, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], words: str, origin: str
) -> None:
    """With what names it; and what stands there is left as it is."""
    path = Path.cwd() / "named.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    if origin == ".env":
        Path(".env").write_text(f"KRAKEN_NONCE_STORE=sqlite:///{path}\n")
    else:
        monkeypatch.setenv("KRAKEN_NONCE_STORE", f"sqlite:///{path}")
    ended = doctor("audit")
    assert (ended.status, ended.stdout) == (2, "")
    assert all(part in ended.stderr for part in (words, str(path), "KRAKEN_NONCE_STORE", origin))
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("width", ["60", "80"])
def test_no_column_is_squeezed(doctor: Run, monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    """A row is a line, also on a narrow screen."""
    monkeypatch.setenv("COLUMNS", width)
    page = doctor("audit").stdout
    assert len([line for line in page.splitlines() if "Balance" in line]) == 3
    assert "Key and call" in page


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", "5x", ""])
def test_an_unreadable_time_is_status_2(doctor: Run, moment: str) -> None:
    """With the forms that are understood."""
    ended = doctor("audit", "--since", moment)
    assert (ended.status, ended.stdout) == (2, "")
    assert "30m" in ended.stderr


@pytest.mark.usefixtures("calls")
def test_markdown_has_the_figures(doctor: Run, key: Key) -> None:
    """By a parser that is not ours: two tables, each row as wide as its head."""
    ended = doctor("audit", "-o", "markdown")
    assert ended.status == 0
    tokens = MarkdownIt("commonmark").enable("table").parse(ended.stdout)
    assert [token.type for token in tokens].count("table_open") == 3
    assert re.search(r"\| `USER:daivon` \| 5 \| 1 \| 1 \|", ended.stdout)
    assert ended.stdout.count("| `EAPI:Invalid nonce` |") == 1
    assert key.api_key not in ended.stdout
