"""What to do, where the log says more than the error does."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from kraken_doctor.botlog import verdict
from kraken_doctor.botlog.examine import LogAnalysis
from kraken_doctor.diagnosis.recognise import SYMPTOMS, recognise
from kraken_doctor.model.findings import Confidence, Diagnosis, Severity
from tests.botlog.logs import findings, line, refused, worked

CERT = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate"
LONG = "https://api.kraken.com/0/public/Ticker?pair=" + "%2C".join(f"A{n}EUR" for n in range(200))


def first(*log: str) -> Diagnosis:
    return findings(log).diagnoses[0]


@pytest.mark.parametrize(
    ("rule", "log"),
    [
        ("one-call", [worked(0), line(1, "ERROR AddOrder: EAPI:Invalid key"), worked(2)]),
        (
            "futures-key",
            [line(1, "ERROR https://futures.kraken.com/derivatives/api/v3 {'error': 'authenticationError'}")],
        ),
        ("otp-signature", [line(1, "ERROR Balance otp=123: EAPI:Invalid signature")]),
        ("throttled-without-time", [line(1, "ERROR EGeneral:Too many requests")]),
        ("url-too-long", [line(1, f"ERROR 520 Server Error: for url: {LONG}")]),
        ("roots-macos", [line(1, f"ERROR /Users/me/bot kraken {CERT}")]),
        ("roots-async", [line(1, f"ERROR /Users/me/bot kraken ssl:True {CERT}")]),
        ("async-bundle", [line(1, f"ERROR kraken aiohttp {CERT}")]),
        ("help-page", [line(1, "ERROR 403 Client Error: Forbidden for url: https://support.kraken.com/hc/en-us/1")]),
        ("permission", [line(1, "ERROR AddOrder: EGeneral:Permission denied")]),
        ("permission-of-a-call", [line(1, "ERROR kraken: EGeneral:Permission denied")]),
    ],
)
def test_each_rule(rule: str, log: list[str]) -> None:
    """From a log that it is for; and there is one here for each."""
    rules = tomllib.loads(Path(verdict.__file__).with_name("advice.toml").read_text(encoding="utf-8"))
    assert rule in rules
    found, expected = first(*log), rules[rule]["text"]
    said = found.remedy.text
    assert found.error in {symptom.title for symptom in SYMPTOMS}
    assert said.startswith(expected.partition("{")[0])
    assert "{" not in said


def test_rules_are_about_symptoms_that_exist() -> None:
    """Or they would never hold."""
    titles = {symptom.title for symptom in SYMPTOMS}
    for rule in tomllib.loads(Path(verdict.__file__).with_name("advice.toml").read_text(encoding="utf-8")).values():
        assert set(rule["errors"]) <= titles


def test_the_permission_of_the_call_that_was_denied() -> None:
    """Not always that for balances."""
    assert '"Create & modify orders"' in first(line(1, "AddOrder failed: EGeneral:Permission denied")).remedy.text
    assert '"Query ledger entries"' in first(line(1, "Ledgers failed: EGeneral:Permission denied")).remedy.text


def test_a_call_that_is_not_named_may_be_any() -> None:
    """Its box is not taken to be that for balances."""
    said = first(line(1, "ERROR kraken: EGeneral:Permission denied")).remedy.text
    assert all(box in said for box in ('"Query (Funds)"', '"Create & modify orders"', "the call that was denied"))


@pytest.mark.parametrize(
    "text", ["Read timed out", "HTTP status is 520", "ConnectionResetError", "EService:Deadline elapsed"]
)
def test_an_order_may_have_been_filled_at_once(text: str) -> None:
    """Then it is not among the open ones."""
    (symptom,) = recognise(f"kraken {text}")
    if "executed" in symptom.meaning or "order" in symptom.meaning:
        assert "OpenOrders and ClosedOrders" in symptom.meaning.replace("\n", " ")
    avoid = first(line(1, f"ERROR kraken: {text}")).remedy.avoid
    assert "OpenOrders" not in avoid or "ClosedOrders" in avoid


def test_krakenexs_own_nonces_are_krakenexs() -> None:
    """Another client's bot is not told of them."""
    log = [refused(60.0 * n) if n % 3 else worked(60.0 * n) for n in range(9)]
    for client, told in (("krakenex 2.2.2", True), ("bot", True), ("gekko", False), ("freqtrade 2026.9", False)):
        found = first(line(0, f"INFO {client} version"), *log)
        assert any(one.text.startswith("nonce-generator-default") for one in found.possible) is told, client


def test_a_key_that_is_refused_for_all_calls_is_not_right() -> None:
    """Nor where nothing is known of other calls."""
    for log in ([line(1, "Balance: EAPI:Invalid key"), line(2, "AddOrder: EAPI:Invalid key")],
                [line(1, "AddOrder: EAPI:Invalid key")]):  # fmt: skip
        assert "the key is right" not in first(*log).summary
        assert first(*log).summary == "The exchange does not accept the key"


def test_a_key_has_got_well_by_the_call_that_it_was_refused_for() -> None:
    """Where the log does not say which that was, by any."""
    for call, passed in (("", True), ("Balance: ", True), ("AddOrder: ", False)):
        found = first(line(1, f"ERROR {call}EAPI:Invalid key"), worked(2))
        assert ("it is over: calls have succeeded since" in found.because) is passed, call


def test_a_time_that_is_named_is_waited_for() -> None:
    """Throttled has one."""
    assert "names no waiting time" not in first(line(1, "EService:Throttled:1795392010")).remedy.text


def severity(found: LogAnalysis) -> Severity:
    return found.diagnoses[0].severity


def test_silence_is_not_health() -> None:
    """A bot that gave up logs no further failure; one that goes on without a word of it may be well."""
    lost = line(1, "ERROR kraken Balance: Read timed out.")
    assert severity(findings([lost, line(900, "INFO tick")])) is Severity.WARN
    assert severity(findings([lost, line(2, "CRITICAL Giving up."), line(900, "INFO tick")])) is Severity.FAIL
    assert severity(findings([lost, line(30, "INFO tick")])) is Severity.FAIL
    assert severity(findings([lost, line(2, "CRITICAL Giving up."), worked(3)])) is Severity.WARN


def test_scattered_refusals_are_some_of_many_calls() -> None:
    """A bot that logs errors alone: a key that is always refused is refused at each turn of its loop."""
    minutes = [3, 55, 130, 132, 280, 301, 350, 450, 485, 599, 602, 661]
    scattered = first(*[refused(60.0 * minute) for minute in minutes])
    assert (scattered.cause, scattered.confidence) == ("nonce-reordered", Confidence.POSSIBLE)
    assert "key" not in scattered.remedy.text.lower().replace("per key", "")
    for regular in (
        [refused(900.0 * n) for n in range(12)],
        [refused(3600.0 * h + s) for h in range(4) for s in range(0, 60, 12)],
    ):
        assert first(*regular).cause == "nonce-spent-higher"


def test_few_refusals_among_many_nonces_are_some_of_many_calls() -> None:
    """A bot that logs each nonce shows the calls that it does not log."""
    nonces = [line(10.0 * n, f"Nonce: {1_795_392_000_000 + 10_000 * n}") for n in range(12)]
    few = first(*nonces[:6], line(51, "Nonce failure detected!"), *nonces[6:], line(115, "Nonce failure detected!"))
    assert (few.cause, few.confidence) == ("nonce-reordered", Confidence.POSSIBLE)


def test_http_200_is_no_success() -> None:
    """Kraken answers errors so; and a public answer is no private one."""
    request = 'INFO httpx HTTP Request: POST https://api.kraken.com/0/private/Balance "HTTP/1.1 200 OK"'
    public = 'DEBUG <<< {"error":[],"result":{"BCHEUR":{"asks":[["272.5","0.013",1554928]]}}}'
    log = [text for n in range(8) for text in (line(60 * n, request), refused(60 * n + 0.1), line(60 * n + 9, public))]
    found = findings(log)
    assert (found.stats.worked, found.stats.public_worked, found.stats.refused) == (0, 8, 8)
    assert found.diagnoses[0].cause == "nonce-spent-higher"


@pytest.mark.parametrize(
    "text",
    ["data: { error: [],\n  result: \n   { ZEUR: '87.01', XXBT: '0.1' } }", '{"error":[],"result":{"XXBT":"0.1"}}',
     '{"error":[],"result":{"open":{}}}', '{"error"=>[], "result"=>{"txid"=>["O1"]}}', "[kraken.js] Wallets synced."],
)  # fmt: skip
def test_a_private_answer_is_a_success(text: str) -> None:
    """As Node, Python, Go and Ruby print it."""
    assert findings([line(1, f"kraken {text}")]).stats.worked == 1
