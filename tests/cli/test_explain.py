"""`kraken-doctor explain`: offline, from the catalogue that reports take their words from."""

from __future__ import annotations

import io
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.recognise import SYMPTOMS
from kraken_doctor.model.cause import Symptom
from kraken_doctor.render.pages import explain
from kraken_doctor.sandbox.faults import FAULTS
from tests.conftest import Run


def test_all_causes_by_section(doctor: Run) -> None:
    """Every id once, with its title."""
    ended = doctor("explain")
    assert ended.status == 0
    assert re.findall(r"^  ([a-z0-9-]+) {2,}", ended.stdout, re.M) == list(CAUSES)
    assert ended.stdout.startswith("Credentials\n")


@pytest.mark.parametrize("cause", CAUSES)
def test_every_more_line_resolves(doctor: Run, cause: str) -> None:
    """What a report ends with, "More: kraken-doctor explain X", is answered for each X."""
    ended = doctor("explain", cause)
    assert (ended.status, ended.stderr) == (0, "")
    for heading in ("What it is", "Proved by", "Do ", "Wrong when"):
        assert f"  {heading}" in ended.stdout
    assert ended.stdout.startswith(f"{cause} (")
    assert all(link in ended.stdout.splitlines() for link in CAUSES[cause].links)


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.title)
@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_every_error_in_every_form(doctor: Run, form: str, symptom: Symptom) -> None:
    """Its causes in their order."""
    ended = doctor("explain", "-o", form, symptom.title.replace("EOrder:...", "EOrder:Insufficient funds"))
    assert (ended.status, ended.stderr) == (0, "")
    places = [ended.stdout.find(cause) for cause in symptom.causes]
    assert -1 not in places
    assert places == sorted(places)


def test_words_without_quotes(doctor: Run) -> None:
    """The shell splits them; so typed they are."""
    assert doctor("explain", "EAPI:Invalid", "nonce").stdout == doctor("explain", "EAPI:Invalid nonce").stdout


@pytest.mark.parametrize("cause", CAUSES)
def test_what_to_run_next_without_credentials(doctor: Run, cause: str) -> None:
    """Where the sandbox can show a cause, `explain` says how, and what it says names the cause."""
    shown = " ".join(doctor("explain", cause).stdout.split())
    faults = [fault for fault in FAULTS.values() if fault.cause == cause]
    assert ("See it kraken-doctor" in shown) == bool(faults)
    if faults and not (plainest := FAULTS.get(cause, faults[0])).command:
        assert f"check --sandbox --fault {plainest.name}" in shown


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        ("permission-missing", '"Query Funds"'), ("permission-missing", "https://www.kraken.com/u/security/api"),
        ("key-can-withdraw", '"Withdraw Funds"'), ("key-invalid", "does not know it"),
        ("nonce-generator-default", "from kraken_doctor import install; install(api)"),
    ],
)  # fmt: skip
def test_where_on_kraken_and_which_code(doctor: Run, cause: str, line: str) -> None:
    """The key's page, its boxes by their names, the import with the call."""
    assert line in " ".join(doctor("explain", cause).stdout.split())


def test_each_hint_belongs_to_causes_that_there_are() -> None:
    hints = tomllib.loads(Path(explain.__file__).with_suffix(".toml").read_text(encoding="utf-8"))["hint"]
    assert {cause for hint in hints for cause in hint["causes"]} <= set(CAUSES)


@pytest.mark.parametrize("words", ["invalid-nonce", "invalid_nonce", "Invalid-Nonce"])
def test_an_error_written_like_a_cause_is_that_error(doctor: Run, words: str) -> None:
    """With its causes, the nonce's."""
    assert doctor("explain", words).stdout == doctor("explain", "EAPI:Invalid nonce").stdout


def test_from_stdin(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback is too long for an argument."""
    text = "Traceback (most recent call last):\n  ...\nccxt.base.errors.InvalidNonce: kraken\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert doctor("explain", "-").stdout.startswith("EAPI:Invalid nonce\n")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            "2026-11-23 00:00:00 ERROR telegram.error.NetworkError: Bad Gateway\n"
            "2026-11-23 00:00:01 ERROR kraken call failed\nTraceback (most recent call last):\n"
            '  File "bot.py", line 3\n    raise ConnectionError(err)\n'
            "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='api.kraken.com', port=443): Read timed out.\n",
            "Read timed out",
        ),
        ("INFO EMA: bullish\nERROR:root:EAPI:Invalid key\n", "EAPI:Invalid key"),
    ],
)
def test_a_piece_of_a_log_is_answered_as_logs_would(
    doctor: Run, monkeypatch: pytest.MonkeyPatch, text: str, title: str
) -> None:
    """The error of Kraken's, not the first that stands there, nor a line of somebody's source."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    ended = doctor("explain", "-")
    assert (ended.status, ended.stdout.partition("\n")[0]) == (0, title)


def test_a_pasted_error_of_another_service_is_called_so(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with its name."""
    text = "2026-11-23 00:00:00 ERROR telegram.error.NetworkError:\n  Bad Gateway\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    ended = doctor("explain", "-")
    assert (ended.status, ended.stderr) == (2, "Error: that is an error of telegram, not of Kraken\n")


@pytest.mark.parametrize(
    ("error", "whose"),
    [("SSLHandshakeException: No name matching www.okx.com found", "okx"), ("bybit: Read timed out", "bybit")],
)
def test_one_line_of_another_exchange(doctor: Run, error: str, whose: str) -> None:
    """As `logs` would answer; a line that names nobody is taken for Kraken's."""
    ended = doctor("explain", error)
    assert (ended.status, ended.stderr) == (2, f"Error: that is an error of {whose}, not of Kraken\n")
    assert doctor("explain", "Read timed out").status == 0


def test_a_log_of_another_exchange_is_called_so(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the error itself names nobody."""
    text = "INFO Using bybit\nERROR requests.exceptions.ReadTimeout: Read timed out\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert doctor("explain", "-").stderr == "Error: that is an error of another exchange, not of Kraken\n"


def test_json_has_the_causes_in_full(doctor: Run) -> None:
    """For a program that does not know them."""
    explained = json.loads(doctor("explain", "-o", "json", "['EAPI:Invalid nonce']").stdout)["explained"]
    assert explained["text"] == "['EAPI:Invalid nonce']"
    assert [symptom["error"] for symptom in explained["signs"]] == ["EAPI:Invalid nonce"]
    assert [c["cause"] for c in explained["signs"][0]["causes"]] == [c["cause"] for c in explained["causes"]]
    assert len(json.loads(doctor("explain", "-o", "json").stdout)["explained"]["causes"]) == len(CAUSES)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("nonce-spend-higher", "did you mean 'nonce-spent-higher'?"),
        ("clock", "did you mean 'clock-behind' or 'clock-ahead' or"),
        ("EAPI:Invalid nonse", "did you mean 'EAPI:Invalid nonce'?"),
        ("my bot is sad", "kraken-doctor explain lists the causes"),
        ("[bold]x\x1b[31m" + "A" * 5000, "is neither a cause nor a known Kraken error"),
    ],
)
def test_nothing_recognisable_is_status_2_in_one_line(doctor: Run, words: str, answer: str) -> None:
    """With what was meant, where that can be seen."""
    ended = doctor("explain", words)
    assert (ended.status, ended.stdout) == (2, "")
    assert answer in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert len(ended.stderr) < 300
    assert "\x1b" not in ended.stderr


@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_an_unknown_error_is_given_in_full_and_as_data(doctor: Run, form: str) -> None:
    """Nothing in it is markup, an escape or a command."""
    ended = doctor("explain", "-o", form, "EWeird:Some [bold]thing\x1b[31m ::error::boo")
    assert ended.status == 0
    assert "error-unrecognised" in ended.stdout
    assert "EWeird:Some" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_a_pasted_secret_is_not_repeated(doctor: Run) -> None:
    """Who pastes a whole request has pasted its headers."""
    secret = "A" * 86 + "=="
    ended = doctor("explain", "-o", "json", f"EAPI:Invalid key API-Sign: {secret} {secret}")
    assert ended.status == 0
    assert secret not in ended.stdout + ended.stderr


def test_quiet_still_answers(doctor: Run) -> None:
    """It was asked."""
    assert doctor("-q", "explain", "clock-behind").stdout


def test_completion_knows_the_causes() -> None:
    """From the catalogue."""
    from click.shell_completion import ShellComplete

    from kraken_doctor.cli.main import cli

    offers = ShellComplete(cli, {}, "kraken-doctor", "_X").get_completions(["explain"], "nonce-s")
    assert [offer.value for offer in offers] == ["nonce-shared-key", "nonce-spent-higher"]
