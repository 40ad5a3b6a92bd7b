"""Every reader of Kraken's strings knows the same ones: a call, `explain`, `logs`, `check`."""

from __future__ import annotations

import pytest

from kraken_doctor.botlog.events import parse_event
from kraken_doctor.botlog.reading import Entry
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.causes.symptoms import EXCHANGE_SYMPTOMS
from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.diagnosis.recognise import recognise
from kraken_doctor.error_strings import kraken_error
from kraken_doctor.errors import STRINGS, KrakenError, KrakenInvalidNonce, KrakenUnrecognised
from kraken_doctor.model.findings import Severity
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import refusal
from tests.conftest import Run
from tests.diagnosis.cases import RIGHT, US, A, call, called

NAMED = {
    "EService:Market in cancel_only mode", "EService:Deadline elapsed", "EAccount:Invalid permissions",
    "EGeneral:Invalid arguments",
}  # fmt: skip
"""What `check` once called an error that this version does not know, and `explain` knew."""


def as_said(string: str) -> str:
    """A string of the table as an exchange would say it."""
    return string.replace("E*:", "EAccount:").replace("*", "Something new")


SAID = [as_said(string) for string in STRINGS]


def causes_in_check(*strings: str) -> list[tuple[str, Severity, str]]:
    """What `check` makes of a first private call that was answered with *strings*."""
    made = diagnose([RIGHT, called(call(1, "us", US, ", ".join(strings), endpoint="GetApiKeyInfo"))])
    return [(found.cause, found.severity, found.error) for found in made if found.account == A]


@pytest.mark.parametrize(("text", "kind"), [(as_said(string), kind) for string, kind in STRINGS.items()])
def test_each_string_has_one_meaning_for_all_readers(text: str, kind: type[KrakenError]) -> None:
    """One type, one symptom, and causes that go together; in every form in which it is met."""
    (symptom,) = recognise(text)
    assert symptom in EXCHANGE_SYMPTOMS
    # A call that was judged is no fault of the connection: `logs` and `explain` say so, `check` has its name for it.
    assert next(iter(symptom.causes), "call-rejected") == kind.cause
    assert (kind.cause == "call-rejected") == (symptom.kind == "order")
    for form in (text, text.casefold(), text.replace(":", ": ", 1), f"{text}:detail", f"EFoo:Bar, {text}"):
        assert type(kraken_error((form,))) is kind, form
        assert recognise(form) == (symptom,), form
        event = parse_event(Entry(at=None, stamped=False, text=f"kraken said ['{form}']", head=""))
        assert event is not None
        assert (event.says.symptoms, event.says.unknown) == ((symptom,), "")
    ((cause, severity, error),) = causes_in_check(text)
    assert (severity, error) == (Severity.FAIL, text)
    assert cause in symptom.causes if kind is KrakenInvalidNonce else cause == kind.cause


def test_no_reader_knows_a_string_that_the_table_does_not() -> None:
    """Titles of symptoms and strings of causes are in it; what has Kraken's form alone is unknown to all."""
    for symptom in EXCHANGE_SYMPTOMS:
        for title in symptom.title.replace("...", "Something").split(", "):
            assert not isinstance(kraken_error((title,)), KrakenUnrecognised), title
    for cause in CAUSES.values():
        assert set(cause.errors) <= set(STRINGS)
    for unknown in ("EMoon:Phase", "EAPI:Invalid keys", "EService:Something new", "EGeneral:Internal errors"):
        assert isinstance(kraken_error((unknown,)), KrakenUnrecognised)
        assert recognise(unknown) == ()
        ((named, _, _),) = causes_in_check(unknown)
        assert named == "error-unrecognised"


@pytest.mark.parametrize("known", SAID)
@pytest.mark.parametrize("others", [("EFoo:Bar",), ("WDatabase:No change",), ("WFoo:Bar", "EFoo:Bar, with a comma")])
def test_the_known_string_decides_wherever_it_stands(known: str, others: tuple[str, ...]) -> None:
    """Unknown ones before it and warnings beside it are shown, and change nothing."""
    for strings in ((*others, known), (known, *others)):
        assert type(kraken_error(strings)) is type(kraken_error((known,)))
        ((cause, _, error),) = causes_in_check(*strings)
        ((alone, _, _),) = causes_in_check(known)
        assert (cause, error) == (alone, ", ".join(strings))


@pytest.mark.parametrize("text", sorted(NAMED))
def test_check_names_what_explain_knows(
    doctor: Run, server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Through the command line, on the wire."""
    server.exchange.interceptors.append(lambda request: refusal(text) if "/private/" in request.path else None)
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_API_SECRET", key.secret)
    ended = doctor("check", "--no-ntp", "--nonce-unit", "us")
    assert ended.status == 1
    assert f"(MASTER): {text}" in ended.stdout
    for said in (ended.stdout, doctor("explain", text).stdout):
        assert "does not know" not in said
        assert "unrecognised" not in said
