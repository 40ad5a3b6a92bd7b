"""Whose an error is: by the host, by the client's files, by what the log is about."""

from __future__ import annotations

import pytest

from kraken_doctor.botlog.attribution import attribute
from kraken_doctor.model.findings import Confidence
from tests.botlog.logs import findings, line

LOST = "ccxt.base.errors.NetworkError: 1006"


def traceback(client: str, error: str = LOST) -> str:
    return line(1, "ERROR call failed") + (
        f'Traceback (most recent call last):\n  File "/srv/env/ccxt/pro/{client}.py", line 64, in watch\n'
        f"    return await self.watch(url)\n{error}\n"
    )


def test_the_files_of_a_traceback_say_whose_it_is() -> None:
    """In a bot of several exchanges, whose errors are worded alike."""
    several = line(0, "INFO kraken and bybit: balances read")
    assert findings(several + traceback("bybit")).diagnoses == ()
    assert findings(several + traceback("kraken")).diagnoses != ()


def test_krakens_own_string_is_krakens_whatever_the_file() -> None:
    """A bot may be called after another exchange."""
    assert findings(traceback("binance", "EAPI:Invalid nonce")).diagnoses != ()


@pytest.mark.parametrize("name", ["ftx", "cryptopia", "BinanceUS", "coinbasepro", "krkn", "okx2"])
def test_a_log_of_another_exchange(name: str) -> None:
    """Though it is short, and its errors name nobody."""
    assert findings(f"INFO using {name}\nERROR requests.exceptions.ReadTimeout: Read timed out\n").diagnoses == ()


@pytest.mark.parametrize(
    "text",
    [
        "ERROR NZXT Kraken X53: [Errno 110] Connection timed out", "krakensdr_doa ERROR Connection reset by peer",
        "ERROR kraken-io api.rb: Net::ReadTimeout", "Kraken.Energy feed: Read timed out",
        "Octopus.Client at Kraken.Services: The underlying connection was closed",
        "hummingbot ERROR order book at crypto_com. HTTP status is 504.", "gate_io ERROR Read timed out",
        "The push refers to repository [10.0.0.2:15000/app]\nreceived unexpected HTTP status: 500 Server Error",
        "Nov 20 10:00:00 kraken sshd[77]: Connection reset by peer", "kraken postfix/smtp[7]: Connection timed out",
    ],
)  # fmt: skip
@pytest.mark.parametrize("stamp", ["", "2026-11-23 00:00:01 "])
def test_other_things_that_are_called_kraken(text: str, stamp: str) -> None:
    """A cooler, a radio, an energy supplier, a service for images, a registry, a host."""
    assert findings(stamp + text).diagnoses == ()


def test_a_name_that_grep_has_coloured() -> None:
    """Is the same name."""
    named = "INFO \x1b[01;31m\x1b[Kbinance\x1b[m\x1b[K: started\n"
    assert findings(named + "ERROR requests.exceptions.ReadTimeout: Read timed out\n").diagnoses == ()


@pytest.mark.parametrize(
    "where", ["Nov 20 10:00:00 kraken bot[77]: {}", "me@kraken:~$ ./bot\n{}", "kraken@vps:~$ bot\n{}"]
)
def test_a_host_or_a_user_called_kraken(where: str) -> None:
    """Says nothing of the exchange: the error may be any host's."""
    (found,) = findings(where.format("ERROR Read timed out")).diagnoses
    (named,) = findings("ERROR kraken: Read timed out").diagnoses
    assert (found.confidence, named.confidence) == (Confidence.POSSIBLE, Confidence.LIKELY)


@pytest.mark.parametrize("word", ["redistribute", "discordant", "cexample", "exmoor"])
def test_a_word_that_begins_like_a_name_is_none(word: str) -> None:
    """Names end where a word ends."""
    assert attribute(f"ERROR failed to {word} the tasks").elsewhere == ""
    assert not attribute(word).exchange


def test_a_page_in_capitals_belongs_to_the_line_above_it() -> None:
    """Which names the host that sent it."""
    page = '<HTML><HEAD><META CONTENT="text/html; charset=utf-8">\n<TITLE>ERROR</TITLE>\n'
    log = line(0, "kraken started") + line(1, "ERROR GET https://api.binance.us/api/v3/time status is 403") + page
    assert findings(log).diagnoses == ()


def test_a_nonce_that_another_exchange_refused() -> None:
    """Is no business of Kraken's."""
    assert findings(line(0, "INFO poloniex bot") + line(1, "ERROR InvalidNonce")).diagnoses == ()
