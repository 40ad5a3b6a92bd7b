"""
Writes docs/threads.md: real threads about refused nonces, and what the doctor says to the same evidence.

    python -m docs.threads

tests/test_threads.py reproduces the evidence of each row and holds the answer to what stands here.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).with_name("threads.md")
_GITHUB = "https://github.com/"


class Row(NamedTuple):
    """One thread."""

    number: int
    thread: str
    """Repository and number, as in its address."""
    seen: str
    """What a client could see of it."""
    command: str
    """What the evidence was given to: ``check``, ``logs``, ``explain``, ``nonce``."""
    cause: str
    """What is named first; empty where nothing is wrong that a client could see."""
    confidence: str
    remark: str
    """What was found there, and what a client can't see of it."""


ROWS = (
    Row(1, "veox/python3-krakenex/issues/75",
        "krakenex is always refused, public calls work, the pair works elsewhere",
        "check", "nonce-spent-higher", "possible", "The other service's nonces are larger."),
    Row(2, "veox/python3-krakenex/issues/21", "the logs of two scripts; refusals only where their calls interleave",
        "logs", "nonce-shared-key", "likely", "One key in two scripts."),
    Row(3, "dominiktraxl/pykrakenapi/issues/61", "every call refused, retried, then the call limit is exceeded",
        "logs", "nonce-spent-higher", "likely", "Another app had used the key. The limit is reported next to it."),
    Row(4, "ccxt/ccxt/issues/5110", "every private call refused; another library works with the same key",
        "check", "nonce-spent-higher", "possible", "The stored nonce was far higher; a new key fixed it."),
    Row(5, "ccxt/ccxt/issues/5846", "milliseconds are refused, a client in microseconds works",
        "check", "nonce-spent-higher", "possible",
        "Two units on one key: one of three explanations, with the option that declares it."),
    Row(6, "ccxt/ccxt/issues/253", "an old and a new key are refused on one host, a key works on another",
        "check", "clock-behind", "likely",
        "Not settled; the time was suspected. Named if the clock is behind."),
    Row(7, "ccxt/ccxt/issues/22971", "works for a while, then some of several parallel calls are refused",
        "logs", "nonce-reordered", "likely",
        "Concurrency. The key's window of 1000 is not in a log; check reads it."),
    Row(8, "nothingisdead/npm-kraken-api/issues/13",
        "random, only when two calls run in parallel; nonces 2 to 3 ms apart",
        "logs", "nonce-reordered", "likely", "Reordered in transit."),
    Row(9, "nothingisdead/npm-kraken-api/pull/57", "the sample fails at once, after a Go client had used the key",
        "check", "nonce-spent-higher", "possible",
        "Nanoseconds on the key. No client can see which program it was."),
    Row(10, "nothingisdead/npm-kraken-api/pull/77",
        "a retry some seconds later fails again, with the same nonce in the log",
        "logs", "nonce-generator-broken", "likely", "The library keeps the nonce in the reused parameters."),
    Row(11, "nothingisdead/npm-kraken-api/issues/20", "serial calls with increasing nonces, always refused",
        "check", "", "",
        "The nonce was missing in the body. The doctor connects with the same key: the bot's own call is"
        " wrong."),
    Row(12, "jpcx/node-kraken-api/issues/5", "milliseconds are refused, npm kraken-api works, window 0",
        "check", "nonce-spent-higher", "possible",
        "The key uses microseconds: one of three explanations, with the option that declares it."),
    Row(13, "knowm/XChange/issues/1347", "always refused, from the first call on",
        "logs", "nonce-spent-higher", "likely", "A larger nonce by another application."),
    Row(14, "knowm/XChange/issues/1169", "now and then, two calls back to back with equal nonces",
        "logs", "nonce-generator-broken", "likely", "Equal milliseconds."),
    Row(15, "bitrich-info/xchange-stream/pull/500",
        "refused since an upgrade was rolled back; nonces of 16, then of 13 digits",
        "logs", "nonce-spent-higher", "likely", "A finer, then a coarser unit. Both versions are reported."),
    Row(16, "JKorf/Kraken.Net/issues/23", "every private call refused although the clock is right by NTP",
        "check", "nonce-spent-higher", "possible",
        "A higher nonce was sent before. The correct clock is part of the proof."),
    Row(17, "jonatack/kraken_ruby_client/pull/3",
        "everything refused right after an update; nonces of 19, then of 16 digits",
        "logs", "nonce-spent-higher", "likely", "The new version uses a coarser unit."),
    Row(18, "jonatack/kraken_ruby_client/issues/27", "sporadic, in microseconds, no lock",
        "logs", "nonce-reordered", "possible",
        "Cause not shown, concurrency likely. The evidence has no more."),
    Row(19, "trsathya/Cryptex/issues/15", "two calls a second with a nonce in seconds",
        "logs", "nonce-generator-broken", "likely", "Both get one value."),
    Row(20, "gazbert/bxbot/issues/127", "a nonce of milliseconds times 1000, sometimes repeated",
        "logs", "nonce-generator-broken", "likely", "Too coarse for its digits."),
    Row(21, "discosultan/KrakenCore/issues/10", "three orders at once, random refusals",
        "logs", "nonce-reordered", "likely", "Reordered; a window was set."),
    Row(22, "btcpayserver/btcTransmuter/issues/37", "several jobs, each a process, fire in the same second",
        "logs", "nonce-shared-key", "likely", "One key used by all at once."),
    Row(23, "askmike/gekko/issues/1907", "refused for a while after the window was raised, later fine",
        "logs", "nonce-reordered", "possible",
        "The edit had not taken effect. An edit is not in a log; the report says that it is over."),
    Row(24, "DeviaVir/zenbot/issues/507", "a window of 15, without effect",
        "check", "nonce-window-too-small", "certain", "15 ticks are too few in this unit."),
    Row(25, "freqtrade/freqtrade/issues/2613", "refused from the first balance call on",
        "logs", "nonce-spent-higher", "likely", "Another bot had used the key."),
    Row(26, "freqtrade/freqtrade/issues/6526", "the clock is corrected, but the refusals continue",
        "logs", "nonce-spent-higher", "likely",
        "Open; a clock that was ahead, or a shared key. The correction is reported."),
    Row(27, "rotki/rotki/issues/2787", "one call accepted, the next refused, while the key is used elsewhere",
        "check", "nonce-shared-key", "likely",
        "The key was in active use. The doctor can't see that the program hid the error."),
    Row(28, "butor/blackbird/issues/529", "AddOrder times out; its retry two seconds later is refused",
        "logs", "nonce-generator-broken", "possible",
        "The retry used the same nonce, and the first call had arrived. One case is no pattern."),
    Row(29, "btschwertfeger/python-kraken-sdk/issues/356",
        "10-ns ticks refused, hand-written code with larger nonces works",
        "check", "nonce-spent-higher", "possible", "Open; another user of the key was suspected."),
    Row(30, "btschwertfeger/python-kraken-sdk/issues/114", "the error string; one thread, one process",
        "explain", "nonce-spent-higher", "possible",
        "No cause found, and no more evidence: explain lists the possible causes, and how to distinguish"
        " them."),
    Row(31, "krijnsent/crypto_vba/issues/24", "Balance works, AddOrder is always refused",
        "logs", "nonce-generator-broken", "possible",
        "The body was joined wrongly, and the nonce was not only digits. The body is not in a log."),
    Row(32, "JKorf/Kraken.Net/issues/3", "an order refused once, gone after an update",
        "logs", "nonce-reordered", "possible",
        "An earlier, higher nonce was suspected. One refusal among successful calls shows no more."),
    Row(33, "rotki/rotki/issues/578", "concurrent calls of several threads, after a lock was removed",
        "logs", "nonce-reordered", "likely", "The lock over sending was put back."),
    Row(34, "veox/python3-krakenex/pull/79", "nothing: a proposal to use utcnow(), which was not merged",
        "nonce", "", "",
        "time.time() has no time zone. The self-tests pass in a zone far from UTC; no client can see a"
        " change that was not made."),
    Row(35, "btschwertfeger/python-kraken-sdk/issues/240", "async calls, nonces not in the order of arrival",
        "logs", "nonce-reordered", "likely", "Concurrency."),
)  # fmt: skip

NEIGHBOURS = (
    Row(1, "dominiktraxl/pykrakenapi/issues/28", "Balance works, AddOrder with a list is answered with Invalid key",
        "logs", "key-invalid", "likely", "The list is sent in another form than it was signed; explain names that."),
    Row(2, "veox/python3-krakenex/issues/104", "TradesHistory works, QueryOrders with a list gets Invalid key",
        "logs", "key-invalid", "likely", "The same. KrakenClient and install() sign what is sent."),
    Row(3, "nothingisdead/npm-kraken-api/issues/64", "Invalid key, with a one-time password set",
        "check", "key-invalid", "likely", "The key had no 2FA, but a password was sent."),
    Row(4, "krakenfx/kraken-cli/issues/33", "a fresh key: Invalid key, then Temporary lockout; public calls work",
        "logs", "key-invalid", "likely", "A bad paste or another account's key. The lockout is reported next to it."),
    Row(5, "ccxt/ccxt/issues/52", "Invalid key on a fresh key, in only one language",
        "explain", "key-invalid", "possible",
        "A bug in a crypto library, which a client can't see in itself; check is another client."),
    Row(6, "ccxt/ccxt/issues/6002", "Invalid key for 15 minutes, then everything works",
        "logs", "key-invalid", "likely", "Open. The report says that it is over, and it is a warning."),
    Row(7, "knowm/XChange/issues/3698", "Invalid key only for DepositAddresses",
        "logs", "key-invalid", "likely", "Open: the body, or a permission. The counts show that other calls work."),
)  # fmt: skip

_COLUMNS = """\
| | thread | what a client sees | asked | the doctor says | how sure | what was found there |
|---|---|---|---|---|---|---|
"""
_HEAD = f"""\
# Threads

Real reports of `EAPI:Invalid nonce`, and what the doctor says about their evidence, as far as a client can see it.
For each row a test reproduces the evidence: a log for `logs`, an error for `explain`, a run against the
embedded exchange for `check`. The logs are modelled on the reports, not copied from them.

A log never makes the cause of a refused nonce certain: it does not show other programs on the key, the key's window
or the exchange's own count.

This page is generated by `python -m docs.threads`.

{_COLUMNS}"""
_NEIGHBOURS = f"""
## What looks like something else

{_COLUMNS}"""


def page() -> str:
    """The whole page."""
    return _HEAD + _lines(ROWS) + _NEIGHBOURS + _lines(NEIGHBOURS)


def _lines(rows: tuple[Row, ...]) -> str:
    return "".join(f"| {' | '.join(_cells(row))} |\n" for row in rows)


def _cells(row: Row) -> tuple[str, ...]:
    repository, _, rest = row.thread.partition("/issues/")
    if not rest:
        repository, _, rest = row.thread.partition("/pull/")
    link = f"[{repository} #{rest}]({_GITHUB}{row.thread})"
    says = f"[{row.cause}](causes.md#{row.cause})" if row.cause else "all checks passed"
    return str(row.number), link, row.seen, f"`{row.command}`", says, row.confidence or "-", row.remark


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
