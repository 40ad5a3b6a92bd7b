"""Kraken's strings to types: by prefix, forgiving in form, and never by guess."""

from __future__ import annotations

import pytest

from kraken_doctor import errors
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.error_strings import is_failure, kraken_error
from kraken_doctor.errors import KrakenError


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("EAPI:Invalid nonce", errors.KrakenInvalidNonce),
        ("eapi:invalid NONCE", errors.KrakenInvalidNonce),
        ("EAPI: Invalid nonce", errors.KrakenInvalidNonce),
        ("EService: Throttled: 1741500000", errors.KrakenThrottled),
        ("EService:Throttled:1741500000", errors.KrakenThrottled),
        ("EGeneral:Internal error:5", errors.KrakenInternalError),
        ("EGeneral:Temporary lockout", errors.KrakenTemporaryLockout),
        ("EAccount:Locked", errors.KrakenAccountLocked),
        ("EAPI:Invalid nonces", errors.KrakenUnrecognised),
        ("EAPI:Invalid", errors.KrakenUnrecognised),
        ("", errors.KrakenUnrecognised),
        ("EService:Something new", errors.KrakenUnrecognised),
    ],
)
def test_strings_to_types(text: str, kind: type[KrakenError]) -> None:
    """Blanks and case don't matter; a string that only looks alike is not guessed at."""
    error = kraken_error((text,))
    assert type(error) is kind
    assert error.text == text


def test_the_first_known_string_decides() -> None:
    """An answer may hold several; all are kept."""
    error = kraken_error(("WDatabase:No change", "EFoo:Bar", "EAPI:Invalid key"))
    assert isinstance(error, errors.KrakenInvalidKey)
    assert error.errors == ("WDatabase:No change", "EFoo:Bar", "EAPI:Invalid key")


def test_one_that_forbids_trying_again_goes_before_one_that_does_not() -> None:
    """In whatever order they stand."""
    for texts in (
        ("EService:Busy", "EGeneral:Temporary lockout"),
        ("EGeneral:Temporary lockout", "EAPI:Rate limit exceeded"),
    ):
        assert isinstance(kraken_error(texts), errors.KrakenTemporaryLockout)


def test_warnings_are_no_failure() -> None:
    """A string that begins with W stands beside a result."""
    assert not is_failure(())
    assert not is_failure(("WDatabase:No change",))
    assert is_failure(("WDatabase:No change", "EAPI:Invalid key"))


def test_every_type_leads_to_a_cause() -> None:
    """What the table knows, the catalogue can explain."""
    for kind in KrakenError.__subclasses__():
        assert kind.cause in CAUSES, kind
