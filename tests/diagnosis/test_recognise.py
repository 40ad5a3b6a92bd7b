"""Errors as users paste them, and the causes they point to."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.diagnosis import recognise as recognise_module
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.recognise import (
    LONGEST_CHARACTERS,
    SYMPTOMS,
    cause_named,
    recognise,
    suggestions,
    unknown_error,
)
from kraken_doctor.model.cause import Symptom

NONCE = "nonce-spent-higher"

# As they stand in issues and on screens, with what is around them.
PASTED = (
    ("EAPI:Invalid nonce", NONCE),
    ("['EAPI:Invalid nonce']", NONCE),
    ('["EAPI:Invalid nonce"]', NONCE),
    ('kraken {"error":["EAPI:Invalid nonce"]}', NONCE),
    ('{"error":["EAPI:Invalid nonce"],"result":{}}', NONCE),
    ("API:Invalid nonce", NONCE),
    ("eapi: invalid nonce", NONCE),
    ("❌ Kraken connection test failed (USER:daivon_frazier): EAPI:Invalid nonce", NONCE),
    ('ccxt.base.errors.InvalidNonce: kraken {"error":["EAPI:Invalid nonce"]}', NONCE),
    ("freqtrade.exceptions.InvalidOrderException: Could not get balance due to InvalidNonce. Message: kraken", NONCE),
    ("kraken.exceptions.KrakenInvalidNonceError: An invalid nonce was supplied.", NONCE),
    ("pykrakenapi.pykrakenapi.KrakenAPIError: ['EAPI:Invalid nonce']", NONCE),
    ("Traceback (most recent call last):\n  File \"bot.py\", line 3\nException: ['EAPI:Invalid nonce']\n", NONCE),
    ("kraken_doctor.errors.KrakenInvalidNonce: EAPI:Invalid nonce", NONCE),
    ("EAPI:Invalid key", "key-invalid"),
    ('ccxt.base.errors.AuthenticationError: kraken {"error":["EAPI:Invalid key"]}', "key-invalid"),
    ("kraken.exceptions.KrakenInvalidAPIKeyError: An invalid API-Key header was supplied.", "key-invalid"),
    ("EAPI:Invalid signature", "signature-invalid"),
    ("EGeneral:Permission denied", "permission-missing"),
    ("ccxt.base.errors.PermissionDenied: kraken", "permission-missing"),
    ("EGeneral:Temporary lockout", "temporary-lockout"),
    ('ccxt.base.errors.DDoSProtection: kraken {"error":["EGeneral:Temporary lockout"]}', "temporary-lockout"),
    ("EService: Throttled: 1741500000", "exchange-throttled"),
    ("EGeneral:Too many requests", "exchange-throttled"),
    ("EAPI:Rate limit exceeded", "rate-limited"),
    ("pykrakenapi.pykrakenapi.CallRateLimitError: call rate limiter exceeded", "rate-limited"),
    ("EService:Unavailable", "exchange-unavailable"),
    ("EService:Busy", "exchange-busy"),
    ("EGeneral:Internal error:5", "exchange-error"),
    ("EService:Market in cancel_only mode", "exchange-restricted"),
    ("EAuth:Account unconfirmed", "account-unconfirmed"),
    ("EAuth:Account temporary disabled", "account-locked"),
    (
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.kraken.com', port=443): Max retries"
        " exceeded with url: /0/private/Balance (Caused by NameResolutionError(\"<urllib3.connection.HTTPSConnection"
        " object at 0x7f>: Failed to resolve 'api.kraken.com' ([Errno -3] Temporary failure in name resolution)\"))",
        "dns-failed",
    ),
    (
        "requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host='api.kraken.com', port=443): Max retries exceeded"
        " with url: / (Caused by ConnectTimeoutError(<urllib3...>, 'Connection to api.kraken.com timed out. (connect"
        " timeout=5)'))",
        "connection-timeout",
    ),
    (
        "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='api.kraken.com', port=443): Read timed out. (read"
        " timeout=10)",
        "read-timeout",
    ),
    ("ccxt.base.errors.RequestTimeout: kraken POST https://api.kraken.com/0/private/Balance", "read-timeout"),
    ("requests.exceptions.ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote end closed'))",
     "connection-reset"),
    ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local"
     " issuer certificate (_ssl.c:1006)", "tls-untrusted"),
    ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired", "clock-ahead"),
    ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for",
     "tls-hostname"),
    ("requests.exceptions.ProxyError: ... Cannot connect to proxy., Connection refused", "proxy-failed"),
    ("requests.exceptions.HTTPError: 520 Server Error:  for url: https://api.kraken.com/", "edge-error"),
    ("ccxt.base.errors.ExchangeNotAvailable: kraken 520 ", "edge-error"),
    ("requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: https://api.kraken.com/", "edge-blocked"),
    ("json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)", "edge-error"),
    ("binascii.Error: Incorrect padding", "secret-malformed"),
    ("Exception: Either key or secret is not set! (Use `load_key()`.", "credentials-missing"),
    ("requests.exceptions.InvalidHeader: Invalid leading whitespace, reserved character(s), or return character(s) in"
     " header value: ' abc'", "credentials-damaged"),
    ("❌ Failed to override nonce generator", "krakenex-incompatible"),
    ("ModuleNotFoundError: No module named 'krakenex'", "krakenex-missing"),
    ("kraken_doctor.errors.NonceStoreError: /state/nonce.db: database disk image is malformed", "state-unwritable"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "cause"), PASTED, ids=range(len(PASTED)))
def test_the_likeliest_cause_of_what_users_paste(text: str, cause: str) -> None:
    """Whatever stands around the words, and whoever wrapped them."""
    symptoms = recognise(text)
    assert len(symptoms) == 1
    assert next(iter(symptoms[0].causes)) == cause


def test_several_errors_of_one_answer_in_their_order() -> None:
    """The array may hold more than one; the first comes first."""
    symptoms = recognise("['EGeneral:Permission denied', 'EAPI:Rate limit exceeded']")
    assert [symptom.title for symptom in symptoms] == ["EGeneral:Permission denied", "EAPI:Rate limit exceeded"]


@pytest.mark.parametrize(
    "text", ["EOrder:Insufficient funds", "EQuery:Unknown asset pair", "EGeneral:Invalid arguments"]
)
def test_an_order_is_no_cause(text: str) -> None:
    """What the exchange says about an order says nothing against the connection."""
    (symptom,) = recognise(text)
    assert (symptom.kind, dict(symptom.causes)) == ("order", {})


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.title)
def test_every_symptom_is_told_in_full(symptom: Symptom) -> None:
    """Causes exist; where there are several each says what tells it apart; the command is one of ours."""
    assert set(symptom.causes) <= set(CAUSES)
    assert all(symptom.causes.values()) or len(symptom.causes) == 1, symptom.causes
    assert symptom.meaning.endswith(".")
    assert re.fullmatch(r"kraken-doctor (check|accounts|version|nonce)( --only path)?", symptom.command)
    assert all(link.startswith("https://") for link in symptom.links)


def test_titles_are_signs_of_themselves() -> None:
    """What a page is headed with can be asked for; the last of a family stands for its members."""
    for symptom in SYMPTOMS:
        if not symptom.title.startswith("EOrder"):
            assert recognise(symptom.title) == (symptom,), symptom.title


def test_the_catalogue_and_the_signs_agree() -> None:
    """Each error that a cause claims leads back to that cause."""
    for cause in CAUSES.values():
        for error in cause.errors:
            pointed_to = [found for symptom in recognise(error) for found in symptom.causes]
            assert cause.id in (pointed_to or ["call-rejected"]), (cause.id, error)


def test_every_cause_can_be_asked_for() -> None:
    """By its id, with blanks or in capitals too."""
    for cause in CAUSES.values():
        assert cause_named(cause.id) is cause
        assert cause_named(f" '{cause.id.replace('-', ' ').upper()}' ") is cause


def test_near_misses() -> None:
    """One letter off is asked back; what is like nothing is not guessed at."""
    assert suggestions("nonce-spend-higher") == ["nonce-spent-higher"]
    assert suggestions("['EAPI:Invalid nonse']") == ["EAPI:Invalid nonce"]
    assert suggestions("hello world") == []


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.title)
def test_case_is_ignored_as_by_the_flag(symptom: Symptom) -> None:
    """Small letters are looked for in small letters; the place is the same, whatever else the text has."""
    pattern = symptom.pattern or re.escape(symptom.title)
    assert pattern.isascii()
    odd = str.maketrans("siIk", "\u017f\u0131\u0130\u212a")
    for text, _ in PASTED:
        for form in (text, text.upper(), text.swapcase(), text.translate(odd), f"\u0130 \xdf \xc9 {text}"):
            expected = re.search(pattern, form, re.IGNORECASE)
            found = recognise_module._pattern(symptom).search(form.translate(recognise_module._LOWER))
            assert (found and found.span()) == (expected and expected.span())


def test_an_unknown_error_is_known_by_its_form() -> None:
    """In full, without the brackets around it."""
    assert unknown_error("x ['ENew:Never seen before:detail'] y") == "ENew:Never seen before:detail"
    assert unknown_error("Error: no such thing") == ""
    assert unknown_error("hello") == ""


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    """No text breaks it."""
    recognise(text)
    suggestions(text)
    assert len(unknown_error(text)) < 300


@pytest.mark.slow
@pytest.mark.parametrize("letters", ["a", "E", "EOrder:", "5", " ", "E:", "EAPI :", "invalid_", "'"])
def test_no_text_takes_long(letters: str) -> None:
    """A megabyte of anything is cut first; what remains is read in linear time (the time limit is pytest's)."""
    for _ in range(20):
        recognise(letters * (2 * LONGEST_CHARACTERS))
        unknown_error(letters * (2 * LONGEST_CHARACTERS))
