"""Logs that real clients wrote: krakenex, ccxt and python-kraken-sdk, against the embedded exchange."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import krakenex
import pytest

from kraken_doctor import RetryPolicy, install, open_store
from kraken_doctor.botlog.examine import LogAnalysis
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.botlog.logs import findings
from tests.client.test_other_clients import ccxt_client, sdk_client


class Pace(logging.Filter):
    """Moves the log's time on by a round trip: on loopback a call takes a millisecond, which no real one does."""

    waited_s = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        record.created += self.waited_s
        record.msecs = int(record.created % 1 * 1000)
        return True


PACE = Pace()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Everything that any library logs, as a careful bot's operator would have it."""
    path = tmp_path / "bot.log"
    handler = logging.FileHandler(path)
    handler.addFilter(PACE)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s [%(threadName)s] %(name)s: %(message)s"))
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield path
    root.removeHandler(handler)
    root.setLevel(before)
    handler.close()


def told(path: Path) -> LogAnalysis:
    return findings(path.read_bytes())


def call(ask: Callable[[], Any], count: int = 1) -> None:
    """As a bot does: say that it went well, or log the exception with its traceback."""
    for _ in range(count):
        try:
            ask()
            logging.getLogger("bot").info("Balance ok")
        except Exception:
            logging.getLogger("bot").exception("Balance failed")
        PACE.waited_s += 0.05


def krakenex_call(api: krakenex.API) -> Callable[[], Any]:
    def ask() -> Any:
        answer = api.query_private("Balance")
        if answer["error"]:
            raise RuntimeError(answer["error"])
        return answer

    return ask


@pytest.fixture
def api(server: SandboxServer, key: Key) -> krakenex.API:
    api = krakenex.API(key.api_key, key.secret)
    api.uri = server.url
    return api


def test_the_seeds_line_is_found(path: Path, api: krakenex.API) -> None:
    """As `install` logs it, at DEBUG; and the failure to, at ERROR."""
    assert install(api, store=open_store("memory://"), retry=RetryPolicy.none())
    call(krakenex_call(api), 3)
    assert install(object()) is False
    found = told(path)
    assert (found.stats.installed, found.stats.worked, found.stats.refused) == (1, 3, 0)
    assert [diagnosis.cause for diagnosis in found.diagnoses] == ["krakenex-incompatible"]


def test_krakenex_on_a_key_that_has_seen_more(path: Path, api: krakenex.API, key: Key) -> None:
    """Worked, then another program came."""
    call(krakenex_call(api), 3)
    key.mark = 2 * 10**18
    call(krakenex_call(api), 4)
    found = told(path)
    assert (found.stats.worked, found.stats.refused) == (3, 4)
    assert (found.diagnoses[0].cause, found.patterns[0].id) == ("nonce-spent-higher", "since")


@pytest.mark.parametrize("client", ["ccxt", "sdk"])
def test_an_exception_with_all_its_lines_is_one_refusal(
    path: Path, server: SandboxServer, key: Key, client: str
) -> None:
    """ccxt's traceback has the error in several lines, python-kraken-sdk's does not quote it."""
    key.mark = 2 * 10**18
    if client == "ccxt":
        exchange = ccxt_client(server, key)
        call(exchange.private_post_balance, 3)
    else:
        user = sdk_client(server, key)
        call(user.get_account_balance, 3)
    found = told(path)
    assert (found.stats.refused, key.refused) == (3, 3)
    assert found.diagnoses[0].cause == "nonce-spent-higher"


def test_threads_that_share_a_key(path: Path, server: SandboxServer, key: Key) -> None:
    """python-kraken-sdk in five threads: unique nonces, and a third of the calls refused all the same."""
    user = sdk_client(server, key)
    call(user.get_account_balance)
    workers = [threading.Thread(target=call, args=(user.get_account_balance, 40)) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert key.refused >= 3, "no overtaking: this test needs some"
    found = told(path)
    assert found.stats.refused == key.refused
    assert "concurrent" in [pattern.id for pattern in found.patterns]
    assert found.diagnoses[0].cause == "nonce-reordered"


def test_nothing_of_the_wire_is_in_what_is_told(path: Path, api: krakenex.API, key: Key) -> None:
    """Whatever the libraries log of their requests."""
    call(krakenex_call(api), 2)
    key.mark = 2 * 10**18
    call(krakenex_call(api), 2)
    text = repr(told(path))
    assert key.api_key not in text
    assert key.secret not in text
