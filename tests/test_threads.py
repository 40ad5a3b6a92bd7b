"""docs/threads.md, row by row: the evidence of a real thread, reproduced, and what the doctor says to it."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.threads import NEIGHBOURS, PAGE, ROWS, Row, page
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from kraken_doctor.sandbox.messages import Request
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from tests.botlog.logs import line, refused, worked
from tests.conftest import Run
from tests.sandbox.wire import send

DAY = 86_400.0
MS, US = 1_795_392_000_000, 1_795_392_000_000_000
PUBLIC = line(5, 'DEBUG GET /0/public/Time {"error":[],"result":{}}')


def overlapping(first: str, second: str, error: str = "EAPI:Invalid nonce", count: int = 8) -> list[str]:
    """Two callers side by side; of the second's calls those that arrive late are refused."""
    text: list[str] = []
    for n in range(count):
        text.append(worked(60 * n, "OpenOrders", first))
        late = line(60 * n + 0.02, f"{second} ERROR Balance failed: {error}")
        text.append(late if n % 2 else worked(60 * n + 0.02, "Balance", second))
    return text


def sent_twice(nonce: int, at_s: float = 1, apart_s: float = 0.5) -> list[str]:
    """One nonce in two calls; the second is refused, and the bot goes on."""
    sends = [line(at_s + apart_s * n, f"DEBUG POST /0/private/Balance nonce={nonce}") for n in range(2)]
    return [*sends, refused(at_s + 1), worked(at_s + 30)]


INTERLEAVED = (
    [worked(60 * n, "OpenOrders") for n in range(9)],
    [refused(60 * n + 0.3) if n % 2 else worked(60 * n + 20) for n in range(9)],
)
FREQTRADE = "freqtrade.exchange.common - WARNING - get_balances() returned exception: kraken InvalidNonce"

# By row: the files of a log each.
LOGS: dict[int, tuple[list[str], ...]] = {
    2: INTERLEAVED,
    3: ([*(refused(n) for n in range(1, 9)), line(9, "pykrakenapi: CallRateLimitError: call rate limiter exceeded")],),
    7: ([*(worked(600.0 * n - 5 * DAY) for n in range(50)), *overlapping("[Task-11]", "[Task-12]")],),
    8: (
        [
            text
            for n in range(6)
            for text in (
                line(60 * n, f"POST AddOrder nonce={MS + 60_000 * n}"),
                line(60 * n + 0.002, f"POST CancelOrder nonce={MS + 60_000 * n + 2}"),
                worked(60 * n + 0.041, "CancelOrder"),
                line(60 * n + 0.043, "AddOrder Error: API:Invalid nonce")
                if n % 2
                else worked(60 * n + 0.043, "AddOrder"),
            )
        ],
    ),
    10: ([line(1, f"POST Balance nonce={US}"), refused(1.2), line(6, f"POST Balance nonce={US}"), refused(6.2)],),
    13: ([line(0, "INFO app started"), *(refused(n) for n in range(1, 20))],),
    14: (sent_twice(MS, apart_s=0.001),),
    15: (
        [
            line(0, "INFO started, ccxt version 1.2.0"),
            line(1, f"DEBUG nonce={US}"),
            worked(2),
            line(DAY, "INFO started, ccxt version 1.1.9"),
            line(DAY + 1, f"DEBUG nonce={MS + 86_401_000}"),
            *(refused(DAY + n) for n in range(2, 9)),
        ],
    ),
    17: ([line(1, "DEBUG nonce: 1179539200000000000"), worked(2), line(90, f"DEBUG nonce: {US}"),
          *(refused(90.0 + n) for n in range(9))],),
    18: ([refused(100 * n) if n in (7, 31, 64) else worked(100 * n) for n in range(80)],),
    19: (sent_twice(1_795_392_001),),
    20: (sent_twice(US + 5_000),),
    21: (overlapping("[ThreadPoolExecutor-0_1]", "[ThreadPoolExecutor-0_2]"),),
    22: (overlapping("[worker-3]", "[worker-4]"),),
    23: (
        [
            *(refused(60 * n) if n % 2 else worked(60 * n) for n in range(10)),
            *(worked(900 + 60 * n) for n in range(99)),
        ],
    ),
    25: ([line(0, "freqtrade.worker - INFO - Starting worker 2019.11"), *(line(n, FREQTRADE) for n in range(1, 9))],),
    26: ([worked(1), line(60, "ntpd: clock stepped back by 412 s"), *(line(70 + n, FREQTRADE) for n in range(9))],),
    28: (
        [
            *(worked(60 * n) for n in range(5)),
            line(301, "ERROR AddOrder: HTTPSConnectionPool(host='api.kraken.com', port=443): Read timed out."),
            refused(303, "AddOrder"),
        ],
    ),
    31: ([text for n in range(5) for text in (worked(90 * n), refused(90 * n + 40, "AddOrder"))],),
    32: ([*(worked(60 * n) for n in range(5)), refused(301, "AddOrder"), *(worked(400 + 60 * n) for n in range(5))],),
    33: (overlapping("[Thread-4]", "[Thread-9]"),),
    35: (overlapping("[Task-2]", "[Task-3]", "kraken.exceptions.KrakenInvalidNonceError"),),
}  # fmt: skip

BAD_KEY = "ERROR {} failed: ['EAPI:Invalid key']"
LISTED = [text for n in range(4) for text in (worked(90 * n), line(90 * n + 9, BAD_KEY.format("AddOrder")))]
NEIGHBOURS_LOGS: dict[int, list[str]] = {
    1: LISTED,
    2: [text.replace("Balance", "TradesHistory").replace("AddOrder", "QueryOrders") for text in LISTED],
    4: [PUBLIC, *(line(n, BAD_KEY.format("Balance")) for n in range(9)), line(9, "ERROR EGeneral:Temporary lockout")],
    6: [worked(1), *(line(60 * n, BAD_KEY.format("Balance")) for n in range(1, 15)), worked(960), worked(1020)],
    7: [*(text.replace("AddOrder", "DepositAddresses") for text in LISTED), worked(999)],
}
NEIGHBOURS_SAY = {1: "list parameters", 2: "list parameters", 4: "temporary-lockout", 6: "it is over"}

# By row: what else the answer has to say.
SAYS: dict[int, str] = {
    3: "rate-limited",
    5: "kraken-doctor check --user daivon --nonce-unit us",
    12: "kraken-doctor check --user daivon --nonce-unit us",
    15: "ccxt went from 1.2.0 to 1.1.9",
    16: "the clock is right",
    22: "of a call of another worker",
    23: "none since 2026-11-23 00:09:00, and calls now work",
    26: "the clock was set at 2026-11-23 00:01:00",
    28: "OpenOrders",
    31: "only AddOrder is refused",
}


@pytest.fixture
def real(server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    """A user whose exchange happens to be on loopback."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_SECRET", key.secret)
    return server


# How the exchange, or the environment, comes to be as in the thread; marks are in the other client's unit.


def nanoseconds(exchange: Exchange, key: Key, patch: pytest.MonkeyPatch) -> None:
    key.mark = time.time_ns()


def microseconds(exchange: Exchange, key: Key, patch: pytest.MonkeyPatch) -> None:
    key.mark = time.time_ns() // 1000


def net_ticks(exchange: Exchange, key: Key, patch: pytest.MonkeyPatch) -> None:
    key.mark = 639_309_888_000_000_000


def hand_written(exchange: Exchange, key: Key, patch: pytest.MonkeyPatch) -> None:
    """The bot's own unit is the SDK's."""
    patch.setenv("KRAKEN_NONCE_UNIT", "10ns")
    key.mark = time.time_ns()


def two_keys_and_a_slow_clock(exchange: Exchange, key: Key, patch: pytest.MonkeyPatch) -> None:
    """Ten minutes behind the exchange, and both keys have been used from a host with the right time."""
    exchange.clock_offset_s = 600.0
    api_key, secret = demo_credentials("new")
    exchange.keys[api_key] = Key(name="new", api_key=api_key, secret=secret)
    patch.setenv("KRAKEN_USER_NEW_API_KEY", api_key)
    patch.setenv("KRAKEN_USER_NEW_API_SECRET", secret)
    for one in exchange.keys.values():
        one.mark = time.time_ns() // 10**6 + 600_000


def used_elsewhere(exchange: Exchange, key: Key, patch: pytest.MonkeyPatch) -> None:
    """Another program, an hour ahead, sends after the first call of ours."""

    def other(request: Request) -> None:
        if "/private/" in request.path and key.accepted:
            key.mark = max(key.mark, time.time_ns() // 1000 + 3_600_000_000)

    exchange.interceptors.append(other)


def window_of_15(exchange: Exchange, key: Key, patch: pytest.MonkeyPatch) -> None:
    key.window = 15


def nonce_not_in_the_body(exchange: Exchange, key: Key, patch: pytest.MonkeyPatch) -> None:
    """The bot's own call is refused so; the key is in order."""
    exchange.nonce_first = True  # so it was judged there; Kraken does not say which comes first
    assert send(exchange, key, "17", b"")["error"] == ["EAPI:Invalid nonce"]


Setting = Callable[[Exchange, Key, pytest.MonkeyPatch], None]
CHECKS: dict[int, Setting] = {
    1: nanoseconds, 4: nanoseconds, 5: microseconds, 6: two_keys_and_a_slow_clock, 9: nanoseconds,
    11: nonce_not_in_the_body, 12: microseconds, 16: net_ticks, 24: window_of_15, 27: used_elsewhere, 29: hand_written,
}  # fmt: skip


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if sys.platform == "win32":
        pytest.skip("needs posix: tzset")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    with contextlib.ExitStack() as stack:
        stack.callback(time.tzset)
        stack.callback(monkeypatch.delenv, "TZ", raising=False)
        yield


def rows(command: str) -> list[Row]:
    return [row for row in ROWS if row.command == command]


def holds(row: Row, report: dict[str, Any], says: str = "") -> None:
    """The primary diagnosis is the row's, and the rest that it is to say is said."""
    named = [found for found in report["diagnoses"] if found["primary"]]
    assert [(found["cause"], found["confidence"]) for found in named] == (
        [(row.cause, row.confidence)] if row.cause else []
    ), report["diagnoses"]
    assert says in json.dumps(report, ensure_ascii=False)


@pytest.mark.parametrize("row", rows("logs"), ids=lambda row: row.thread)
def test_a_log(doctor: Run, tmp_path: Path, row: Row) -> None:
    """As the bot of the thread would have written it."""
    paths = [tmp_path / f"bot{number}.log" for number, _ in enumerate(LOGS[row.number])]
    for path, text in zip(paths, LOGS[row.number], strict=True):
        path.write_text("".join(text))
    ended = doctor("logs", "-o", "json", *map(str, paths))
    report = json.loads(ended.stdout)
    holds(row, report, SAYS.get(row.number, ""))
    assert ended.status == (0 if report["outcome"] == "warn" else 1)


@pytest.mark.slow
@pytest.mark.parametrize("row", rows("check"), ids=lambda row: row.thread)
def test_a_check(doctor: Run, real: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, row: Row) -> None:
    """Against an exchange, and a key, that the thread's story has left so."""
    CHECKS[row.number](real.exchange, key, monkeypatch)
    with SandboxNtpServer(offset_s=real.exchange.clock_offset_s) as right:
        ended = doctor("check", "-o", "json", "--ntp-server", right.address)
    holds(row, json.loads(ended.stdout), SAYS.get(row.number, ""))


@pytest.mark.parametrize("row", rows("explain"), ids=lambda row: row.thread)
def test_an_explanation(doctor: Run, row: Row) -> None:
    """Where there is only the error: all that it can be, none of it certain."""
    (sign,) = json.loads(doctor("explain", "-o", "json", "KrakenInvalidNonceError").stdout)["explained"]["signs"]
    assert sign["causes"][0]["cause"] == row.cause
    assert row.confidence == "possible"
    assert len(sign["causes"]) > 4
    assert all(cause["told_apart_by"] for cause in sign["causes"])


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize("row", rows("nonce"), ids=lambda row: row.thread)
def test_the_generator(doctor: Run, row: Row) -> None:
    """Its nonces begin at the present time, whatever the zone."""
    ended = doctor("nonce", "-o", "json")
    assert ended.status == 0
    holds(row, json.loads(ended.stdout))


@pytest.mark.parametrize("row", [row for row in NEIGHBOURS if row.command == "logs"], ids=lambda row: row.thread)
def test_a_neighbours_log(doctor: Run, tmp_path: Path, row: Row) -> None:
    """Invalid key in its several disguises; what explain adds is asked for too."""
    path = tmp_path / "bot.log"
    path.write_text("".join(NEIGHBOURS_LOGS[row.number]))
    ended = doctor("logs", "-o", "json", str(path))
    explained = doctor("explain", "-o", "json", row.cause).stdout
    report = json.loads(ended.stdout)
    holds(row, report)
    assert NEIGHBOURS_SAY.get(row.number, "") in ended.stdout + explained
    assert ended.status == (0 if row.number == 6 else 1)


def test_a_password_for_a_key_that_has_none(doctor: Run, real: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kraken answers Invalid key; that the password may be why is among what is possible."""
    monkeypatch.setenv("KRAKEN_USER_DAIVON_OTP", "s3cr3t-otp")
    report = json.loads(doctor("check", "-o", "json").stdout)
    (row,) = [row for row in NEIGHBOURS if row.command == "check"]
    holds(row, report)
    assert "OTP" in json.dumps(report)


def test_a_key_that_one_language_alone_can_t_use(doctor: Run) -> None:
    """The error is all there is."""
    (row,) = [row for row in NEIGHBOURS if row.command == "explain"]
    (sign,) = json.loads(doctor("explain", "-o", "json", "EAPI:Invalid key").stdout)["explained"]["signs"]
    assert sign["causes"][0]["cause"] == row.cause
    assert "not prove the key bad" in sign["meaning"]


def test_every_thread_has_its_row_and_each_row_its_evidence() -> None:
    """Thirty-five, none twice, and no evidence that no row asks for."""
    assert [row.number for row in ROWS] == list(range(1, 36))
    assert {row.number for row in rows("logs")} == set(LOGS)
    assert {row.number for row in rows("check")} == set(CHECKS)
    assert {row.number for row in NEIGHBOURS if row.command == "logs"} == set(NEIGHBOURS_LOGS)
    assert len({row.thread for row in ROWS}) == 35


def test_the_page_is_the_rows() -> None:
    """`python -m docs.threads` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()
