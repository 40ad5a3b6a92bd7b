"""Each known wording in each shape of log and among each kind of neighbours: the same cause, and no line is shown."""

from __future__ import annotations

import random

import pytest

from docs.wordings import Wording, wordings
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.recognise import recognise
from kraken_doctor.model.findings import Confidence, Severity
from tests.botlog.logs import findings
from tests.botlog.shapes import CHANGES, LINES, SURROUNDINGS, log

KNOWN = list(wordings())
MANY = 250


def cause_of(text: str) -> str:
    """What a log of *text* points to first; of several none is hidden."""
    found = findings(text).diagnoses
    return found[0].cause if found else "none"


def test_there_are_many() -> None:
    """Each of another client or with other words, by a cause of ours, and with a source."""
    assert len(KNOWN) >= MANY
    assert len({(one.client, one.text) for one in KNOWN}) == len(KNOWN)
    assert {one.cause for one in KNOWN} - {"none"} <= set(CAUSES)
    assert all(one.source.startswith("https://") for one in KNOWN)


@pytest.mark.parametrize("wording", KNOWN, ids=lambda one: f"{one.client}: {one.text[:60]}")
def test_explain_and_logs_know_it(wording: Wording) -> None:
    """The likeliest cause is the same for both."""
    symptoms = recognise(wording.text)
    assert symptoms, "not recognised"
    assert next(iter(symptoms[0].causes), "none") == wording.cause
    assert cause_of(log("python", [wording.text])) == wording.cause


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("shape", LINES)
def test_shapes_and_surroundings(shape: str, surroundings: str) -> None:
    """Some of all wordings each; by chance, but always the same."""
    chosen = random.Random(f"{shape} {surroundings}").sample(KNOWN, 12)
    for wording in chosen:
        text = SURROUNDINGS[surroundings](log(shape, [wording.text]))
        assert cause_of(text) == wording.cause, text


@pytest.mark.parametrize("change", CHANGES)
def test_changes_that_leave_the_words(change: str) -> None:
    """Whoever collected the log, and how: also of a traceback over many lines."""
    for shape in ("python", "chained", "node", "java", "no-time"):
        for wording in random.Random(f"{change} {shape}").sample(KNOWN, 6):
            text = log(shape, [wording.text])
            assert cause_of(CHANGES[change](text)) == wording.cause, CHANGES[change](text)


@pytest.mark.parametrize("shape", LINES)
def test_errors_of_other_services_are_not_krakens(shape: str) -> None:
    """Whatever the wording: where its entry names another host, it is that one's."""
    for wording in random.Random(shape).sample(KNOWN, 60):
        if "kraken" in wording.text.lower() or wording.client.startswith("Kraken") or wording.cause in ("none",):
            continue
        said = f"{wording.text} url: https://api.telegram.org/bot1/getMe"
        text = log(shape, [said]).replace("kraken", "notifier")
        symptoms = recognise(wording.text)
        if symptoms and symptoms[0].title.startswith("E"):
            continue  # Kraken's own string is Kraken's
        assert cause_of(text) == "none", text


CANARY = "zq7Xcanary"


@pytest.mark.slow
@pytest.mark.parametrize("shape", LINES)
def test_no_word_of_a_log_is_shown(shape: str) -> None:
    """A canary in each line, beside each error, known or not: what is told has none of it."""
    texts = [f"{CANARY}0 {wording.text} {CANARY}1 amount={CANARY}2" for wording in KNOWN]
    texts += [f"EGeneral:{CANARY} of {CANARY}", f"E{CANARY}:Foo", f"ERROR:{CANARY}: boo", f"nonce {CANARY} error"]
    found = findings(f"{CANARY}\n".join(log(shape, texts).split("\n")).encode())
    assert found.diagnoses
    assert CANARY not in repr(found)


def test_where_every_name_fails_it_is_this_host() -> None:
    """Then a client's vague word for it has one cause."""
    lost = "Cannot connect to host {} ssl:default [Temporary failure in name resolution]"
    vague = "kraken NetworkError"
    other = lost.format("api.telegram.org:443")
    (found,) = findings(log("python", [other, vague], 2.0)).diagnoses
    assert (found.cause, found.confidence, found.possible) == ("dns-failed", Confidence.LIKELY, ())
    slow = "api.telegram.org: Read timed out"
    (unclear,) = findings(log("python", [slow, vague], 2.0)).diagnoses
    assert len(unclear.possible) > 1
    (alone,) = findings(log("python", [vague])).diagnoses
    assert len(alone.possible) > 1
    assert findings(log("python", [other]).replace("kraken", "bot")).diagnoses == ()


def test_a_bot_of_another_exchange_is_none_of_ours() -> None:
    """Though its errors name no host."""
    text = 'INFO Using Exchange "Binance"\n2026-11-23 00:00:01 ERROR requests.exceptions.ReadTimeout: Read timed out\n'
    assert findings(text).diagnoses == ()
    ours = findings(text.replace("Binance", "Kraken")).diagnoses
    assert [(d.cause, d.severity) for d in ours] == [("read-timeout", Severity.FAIL)]
