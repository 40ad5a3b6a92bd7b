"""What logs have in common, and the cause it points to."""

from __future__ import annotations

import pytest

from kraken_doctor.botlog.counters import WIDTHS_S, Timeline
from kraken_doctor.botlog.examine import LogAnalysis
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.model.findings import Confidence, Diagnosis, Severity
from tests.botlog.logs import BEGAN_S, findings, line, refused, worked

DAY = 86_400.0


def ids(found: LogAnalysis) -> list[str]:
    return [pattern.id for pattern in found.patterns]


def first(found: LogAnalysis) -> Diagnosis:
    """The primary diagnosis; it is the only one that is."""
    assert [d.primary for d in found.diagnoses] == [True] + [False] * (len(found.diagnoses) - 1)
    return found.diagnoses[0]


ALWAYS = [line(0, "INFO Starting bot"), *(refused(10 * n) for n in range(1, 6))]
SINCE = [*(worked(600 * n) for n in range(20)), *(refused(600 * n) for n in range(20, 40))]
CONCURRENT = [
    text
    for n in range(10)
    for text in (
        worked(60 * n, "OpenOrders", "[Thread-1]"),
        refused(60 * n + 0.02, "Balance", "[Thread-2]") if n % 3 else worked(60 * n + 0.02, "Balance", "[Thread-2]"),
    )
]
PROCESSES = [text.replace("[Thread-1]", "pid=11").replace("[Thread-2]", "pid=12") for text in CONCURRENT]
AFTER_TIMEOUT = [
    text
    for n in range(5)
    for text in (
        worked(1000 * n),
        line(1000 * n + 300, "ERROR AddOrder: HTTPSConnectionPool(host='api.kraken.com', port=443): Read timed out."),
        refused(1000 * n + 305, "AddOrder"),
    )
]
RESTARTS = [
    text
    for n in range(4)
    for text in (
        line(3600 * n, "INFO Starting bot"),
        worked(3600 * n + 1),
        refused(3600 * n + 20),
        refused(3600 * n + 50),
        *(worked(3600 * n + 300 + 60 * m) for m in range(10)),
    )
]
FIRST_CALLS = [
    text
    for n in range(4)
    for text in (
        line(3600 * n, "INFO bot started, version 3"),
        refused(3600 * n + 1),
        *(worked(3600 * n + 9 + 60 * m) for m in range(10)),
    )
]
ENDPOINT = [text for n in range(5) for text in (worked(100 * n), refused(100 * n + 50, "AddOrder"))]
REPEATED = [
    line(1, "DEBUG POST Balance nonce=1795392001000"),
    line(2, "DEBUG POST Balance nonce=1795392001000"),
    refused(3),
    worked(50),
]
MIXED = [
    line(1, "DEBUG nonce: 1795392001000000"),
    worked(2),
    line(DAY, "INFO using krakenex 2.2.2"),
    line(DAY + 1, "DEBUG nonce: 1795478401000"),
    *(refused(DAY + 2 + n) for n in range(3)),
]
NOW_AND_THEN = [refused(100 * n) if n in (3, 40, 77) else worked(100 * n) for n in range(100)]
FALLING = [
    line(1, "DEBUG nonce=1795392001005"),
    line(1, "DEBUG nonce=1795392001003"),
    refused(2), worked(3), refused(50), worked(60), refused(90), worked(91),
]  # fmt: skip


@pytest.mark.parametrize(
    ("log", "pattern", "cause", "confidence"),
    [
        (ALWAYS, "always", "nonce-spent-higher", Confidence.LIKELY),
        (SINCE, "since", "nonce-spent-higher", Confidence.LIKELY),
        (CONCURRENT, "concurrent", "nonce-reordered", Confidence.LIKELY),
        (PROCESSES, "concurrent", "nonce-shared-key", Confidence.LIKELY),
        (AFTER_TIMEOUT, "after-timeout", "nonce-generator-broken", Confidence.LIKELY),
        (RESTARTS, "restart", "nonce-shared-key", Confidence.POSSIBLE),
        (FIRST_CALLS, "first-call", "nonce-shared-key", Confidence.POSSIBLE),
        (ENDPOINT, "one-endpoint", "nonce-generator-broken", Confidence.POSSIBLE),
        (REPEATED, "repeated", "nonce-generator-broken", Confidence.LIKELY),
        (MIXED, "mixed-units", "nonce-spent-higher", Confidence.LIKELY),
        (NOW_AND_THEN, "now-and-then", "nonce-reordered", Confidence.POSSIBLE),
        (FALLING, "falling", "nonce-reordered", Confidence.POSSIBLE),
    ],
    ids=["always", "since", "concurrent", "processes", "after-timeout", "restarts", "first-calls", "endpoint",
         "repeated", "mixed", "now-and-then", "falling"],
)  # fmt: skip
def test_a_pattern_and_its_cause(log: list[str], pattern: str, cause: str, confidence: Confidence) -> None:
    """Each from a log that has it; never certain, and what else it may be is said."""
    found = findings(log)
    assert pattern in ids(found)
    primary = first(found)
    assert (primary.cause, primary.confidence) == (cause, confidence)
    assert primary.possible
    assert primary.error == "EAPI:Invalid nonce"
    assert any(one.text in primary.because for one in found.patterns if one.id == pattern)


@pytest.mark.parametrize(("refusals", "confidence"), [(2, Confidence.POSSIBLE), (3, Confidence.LIKELY)])
def test_three_refusals_after_a_cut_are_no_chance(refusals: int, confidence: Confidence) -> None:
    """Two may be."""
    assert first(findings(AFTER_TIMEOUT[: 3 * refusals])).confidence is confidence


def test_a_row_in_a_log_without_times() -> None:
    """It is told, and that nobody knows since when."""
    log = [text.partition(" ")[2].partition(" ")[2] for text in (worked(0), *(refused(n) for n in range(4)))]
    assert "4 in a row since an unknown time, and no successful call since" in first(findings(log)).because


@pytest.mark.parametrize("log", [ALWAYS, SINCE, CONCURRENT, AFTER_TIMEOUT, RESTARTS, FIRST_CALLS, NOW_AND_THEN])
def test_a_pattern_is_not_seen_where_it_is_not(log: list[str]) -> None:
    """The logs above, against the patterns of the others."""
    lasting = {"always", "since"}
    own = {id(ALWAYS): {"always"}, id(SINCE): {"since"}, id(CONCURRENT): {"concurrent", "now-and-then"}}
    own |= {
        id(AFTER_TIMEOUT): {"after-timeout", "now-and-then", "one-endpoint"},
        id(RESTARTS): {"restart", "now-and-then"},
    }
    own |= {id(FIRST_CALLS): {"first-call", "restart", "now-and-then"}, id(NOW_AND_THEN): {"now-and-then"}}
    assert set(ids(findings(log))) <= own[id(log)]
    assert len(lasting & set(ids(findings(log)))) <= 1


def test_a_refused_nonce_is_never_certain() -> None:
    """Another program, the key's window, the exchange's mark: none of them is in a log."""
    for log in (ALWAYS, SINCE, CONCURRENT, PROCESSES, AFTER_TIMEOUT, RESTARTS, FIRST_CALLS, ENDPOINT, REPEATED, MIXED):
        assert first(findings(log)).confidence is not Confidence.CERTAIN


def test_two_units_that_both_work_are_two_keys() -> None:
    """A coarser nonce after a finer one is to blame only where nothing works any more."""
    found = findings([*MIXED, worked(2 * DAY), worked(2 * DAY + 60)])
    assert "mixed-units" not in ids(found)


def test_few_refusals_are_an_event() -> None:
    """One or two prove no pattern."""
    assert first(findings([refused(1)])).confidence is Confidence.POSSIBLE
    assert first(findings([*AFTER_TIMEOUT[:3]])).confidence is Confidence.POSSIBLE
    assert first(findings([*SINCE[:20], refused(600 * 20)])).confidence is Confidence.POSSIBLE


def test_what_works_excludes_what_would_last() -> None:
    """Where calls of the same key go through in between, no larger nonce can have been spent."""
    for log in (NOW_AND_THEN, CONCURRENT, AFTER_TIMEOUT, ENDPOINT, FALLING):
        others = " ".join(one.text for one in first(findings(log)).possible)
        assert "nonce-spent-higher" not in others
        assert "clock-behind" not in others
        assert "nonce-shared-key" in others
    for log in (ALWAYS, SINCE, MIXED):
        others = " ".join(one.text for one in first(findings(log)).possible)
        assert "nonce-reordered" not in others
        assert "clock-behind" in others
    installed = first(findings([line(0, "Custom nonce generator installed"), *NOW_AND_THEN]))
    assert "nonce-generator-default" not in " ".join(one.text for one in installed.possible)


def test_a_bot_that_logs_errors_alone_is_not_thought_to_fail_always() -> None:
    """Refusals a day apart: it must have made calls between them."""
    found = findings([refused(DAY * n) for n in range(5)])
    assert (ids(found), first(found).cause, first(found).confidence) == (
        ["sparse"], "nonce-reordered", Confidence.POSSIBLE,
    )  # fmt: skip
    assert first(findings([refused(900 * n) for n in range(5)])).confidence is Confidence.LIKELY


def test_a_log_without_times_proves_less() -> None:
    """A hundred refusals in a row may be of a minute or of a year."""
    assert first(findings("ERROR ['EAPI:Invalid nonce']\n" * 100)).confidence is Confidence.POSSIBLE


def test_what_came_before_is_told() -> None:
    """A clock that was set, another version: within a day before it began."""
    row = [refused(DAY + 100 + n) for n in range(5)]
    clock = [worked(1), line(DAY, "systemd[1]: Time has been changed"), *row]
    assert "clock-set" in ids(findings(clock))
    update = [line(0, "INFO ccxt 4.4.1"), worked(1), line(DAY, "INFO ccxt version 4.5.90"), *row]
    assert "ccxt went from 4.4.1 to 4.5.90" in " ".join(first(findings(update)).because)
    old = [worked(1), line(2, "clock was set back by 10 s"), worked(3), *[refused(9 * DAY + n) for n in range(5)]]
    assert "clock-set" not in ids(findings(old))


def test_over_is_a_warning() -> None:
    """Hours of calls that work since."""
    log = [*(refused(n) for n in range(5)), *(worked(100 + 60 * n) for n in range(200))]
    assert (ids(findings(log))[-1], first(findings(log)).severity) == ("over", Severity.WARN)
    assert first(findings(log[:20])).severity is Severity.FAIL


def test_the_generators_line() -> None:
    """The seed's own words; that it is absent is said too."""
    with_it = first(findings([line(0, "DEBUG ✅ Custom nonce generator installed"), *ALWAYS]))
    assert any("was installed, last at 2026-11-23 00:00:00" in text for text in with_it.because)
    assert any("no line shows" in text for text in first(findings(ALWAYS)).because)
    failed = findings([line(0, "ERROR ❌ Failed to override nonce generator: no _nonce"), worked(1)])
    assert first(failed).cause == "krakenex-incompatible"


def test_a_traceback_is_one_error() -> None:
    """It says again what the line above it said; so does a second handler."""
    traceback = "Traceback (most recent call last):\n  File \"bot.py\", line 1\nException: ['EAPI:Invalid nonce']\n"
    assert findings([refused(1), traceback, refused(2)]).stats.refused == 2
    assert findings([refused(1.5), refused(1.5), refused(2)]).stats.refused == 2
    layers = [line(1, "ERROR broker: EAPI:Invalid nonce"), line(1.002, "WARNING main: balance: ['EAPI:Invalid nonce']")]
    assert findings([*layers, *(text.replace("00:00:01", "00:00:09") for text in layers)]).stats.refused == 2
    debug = [line(1, 'DEBUG ccxt Response: {"error":["EAPI:Invalid nonce"]}'), line(1.003, "ERROR oh"), traceback]
    assert findings(debug).stats.refused == 1
    whole_seconds = "2026-11-23 00:00:01 ERROR Balance failed: ['EAPI:Invalid nonce']\n"
    assert findings(whole_seconds * 2).stats.refused == 2, "of times to the second two may be two errors"


def test_two_calls_refused_together_are_two() -> None:
    """Two threads, one log without their names: what tells them apart is the call."""
    together = [(refused(at), worked(at + 0.004, "OpenOrders"), refused(at + 0.01, "TradeBalance")) for at in (0, 300)]
    found = findings([text for texts in together for text in texts])
    assert (found.stats.refused, found.stats.refused_together) == (4, 4)
    assert first(found).cause == "nonce-reordered"


def test_clients_words_count() -> None:
    """ccxt, freqtrade and python-kraken-sdk name it without quoting the exchange."""
    log = [
        line(1, "freqtrade.exchange.common - WARNING - Could not get balance due to InvalidNonce. Message: kraken {}"),
        line(2, "kraken.exceptions.KrakenInvalidNonceError: An invalid nonce was supplied."),
        line(3, 'ccxt.base.errors.InvalidNonce: kraken {"error":["EAPI:Invalid nonce"]}'),
    ]
    assert findings(log).stats.refused == 3


def test_other_exchanges_are_not_ours() -> None:
    """A bot may trade on several."""
    log = [line(1, "ERROR binance: InvalidNonce"), line(2, "ERROR bybit Read timed out"), worked(3)]
    found = findings(log)
    assert (found.stats.refused, found.diagnoses) == (0, ())


def test_public_calls_prove_nothing_private() -> None:
    """They need no nonce; that they work is part of the proof."""
    log = [*ALWAYS, line(70, 'DEBUG GET /0/public/Time {"error":[],"result":{}}')]
    found = findings(log)
    assert (found.stats.worked, found.stats.public_worked) == (0, 1)
    assert "public ones worked once" in " ".join(first(found).because)


def test_an_answer_with_nothing_in_it_is_its_calls() -> None:
    """An account may have no balance: by the answer alone it would be nobody's."""
    answer = 'Balance: {"error":[],"result":{}}'
    assert findings([line(1, f"DEBUG {answer}")]).stats.worked == 1
    assert findings([line(1, f"DEBUG {answer[9:]}")]).stats.worked == 0


def test_the_exchanges_plain_words_are_certain() -> None:
    """A lockout is a lockout."""
    found = findings([line(1, "ERROR ['EGeneral:Permission denied']")])
    assert (first(found).cause, first(found).confidence) == ("permission-missing", Confidence.CERTAIN)
    assert first(findings([line(1, "ERROR ['EAPI:Invalid key']")])).confidence is Confidence.LIKELY


def test_a_lockout_is_told_under_the_refusals_that_led_to_it() -> None:
    """One thing to mend, not two."""
    found = findings([*ALWAYS, line(100, "ERROR ['EGeneral:Temporary lockout']")])
    assert [d.cause for d in found.diagnoses] == ["nonce-spent-higher"]
    assert first(found).explains == ("temporary-lockout",)
    assert "EGeneral:Temporary lockout" in " ".join(first(found).because)


def test_what_has_passed_is_a_warning() -> None:
    """One timeout in a day of calls is no reason for alarm."""
    found = findings([worked(1), line(2, "ERROR Balance: Read timed out."), worked(3)])
    assert (first(found).cause, first(found).severity) == ("read-timeout", Severity.WARN)
    assert first(findings([worked(1), line(2, "ERROR Balance: Read timed out.")])).severity is Severity.FAIL


def test_orders_are_no_failure() -> None:
    """Counted, and nothing more."""
    found = findings([worked(1), line(2, "ERROR ['EOrder:Insufficient funds']")])
    assert (len(found.stats.errors), found.diagnoses) == (1, ())


def test_of_an_unknown_error_the_category_and_the_line_are_told() -> None:
    """Its text may be anything: a password that a bot has put behind a colon too."""
    log = [worked(0), line(1, "ERROR ['EGeneral:Login failed password=hunter2 otp: 424242 for bob']")]
    diagnosis = first(findings(log))
    assert (diagnosis.cause, diagnosis.error) == ("error-unrecognised", "EGeneral:… (line 2)")
    for text in ("hunter2", "424242", "bob"):
        assert text not in repr(findings(log))


@pytest.mark.parametrize(
    "text",
    ["ERROR:root:something broke", "ERROR : KRAKEN: encountered an exception", "ERROR: Key error, null result",
     "EMA: bullish cross", "ETH: sold 0.5", "ETF:approved", "EXIT: stop loss", "EOFError: EOF when reading a line",
     "EACCES: permission of file", "EUR: 12.5", "Error: Locked wallet", "Order: placed", "Trade:Opened", "ETHEUR:Buy",
     "EGENERAL:SHOUTED", "ELO: 1200", "ERRORS: 3", "ENTRY: long", "XEAPI:Foo", "foo_EAPI:Foo"],
)  # fmt: skip
def test_what_is_no_error_of_krakens(text: str) -> None:
    """Log levels, tickers, indicators and exceptions begin with an E too."""
    found = findings([worked(0), line(1, f"kraken {text}")])
    assert found.diagnoses == ()


def test_several_files_are_one_story() -> None:
    """In the order of their times, however they are given; and two programs side by side."""
    old, new = SINCE[:20], SINCE[20:]
    for order in ((old, new), (new, old)):
        assert "since" in ids(findings(*order))
    one = [worked(60 * n, "OpenOrders") for n in range(10)]
    other = [worked(60 * n + 0.5, "Balance") if n % 2 else refused(60 * n + 0.5) for n in range(10)]
    found = findings(one, other)
    assert (first(found).cause, "concurrent" in ids(found)) == ("nonce-shared-key", True)


def test_nothing_about_kraken_is_nothing() -> None:
    """No event, no diagnosis."""
    found = findings("hello\n" * 100)
    assert (found.patterns, found.diagnoses, found.stats.errors) == ((), (), {})


def test_the_timeline_is_bounded() -> None:
    """A century in minutes grows coarser, and loses nothing."""
    timeline = Timeline()
    for n in range(50_000):
        timeline.add("nonce", [BEGAN_S + n * 61_000.0])
    width_s, rows = timeline.shown(24)
    assert width_s in WIDTHS_S
    assert len(timeline._buckets) <= 2_000
    assert len(rows) <= 24
    few = Timeline()
    for n in range(5):
        few.add("worked", [BEGAN_S + 60.0 * n])
    assert (few.shown(24)[0], sum(counts["worked"] for _, counts in few.shown(24)[1])) == (60, 5)
    assert sum(counts["worked"] for _, counts in few.shown(2)[1]) == 5


def test_every_lead_is_a_cause_with_words() -> None:
    """No pattern without a cause, a confidence, and others that it may be."""
    from kraken_doctor.botlog import verdict

    for lead in verdict._LEADS.values():
        assert {lead["cause"], *lead["others"]} <= set(CAUSES)
        assert Confidence(lead["confidence"]) is not Confidence.CERTAIN
        assert lead["summary"].endswith(".")


def test_one_of_many_makes_no_pattern() -> None:
    """A start, a timeout and another thread, each beside one refusal of three."""
    log = [
        *NOW_AND_THEN[:4], line(310, "INFO bot restarted"), *NOW_AND_THEN[4:40], line(3990, "ERROR Read timed out."),
        *NOW_AND_THEN[40:77], worked(7700.1, "OpenOrders", "[Thread-2]"), refused(7700.2, "Balance", "[Thread-1]"),
        line(9000, "INFO Starting bot"), *(worked(9500 + n) for n in range(3)),
    ]  # fmt: skip
    assert ids(findings(log)) == ["now-and-then"]
