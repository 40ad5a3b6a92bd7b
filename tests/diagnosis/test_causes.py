"""The catalogue: complete, permanent, and fit to be read at night."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_type_hints

import pytest

from kraken_doctor.diagnosis.causes import CAUSES, SECTIONS
from kraken_doctor.diagnosis.recognise import SYMPTOMS
from kraken_doctor.error_strings import kraken_error
from kraken_doctor.errors import KrakenUnrecognised
from kraken_doctor.model.cause import Cause, Everywhere, Symptom, Transient
from kraken_doctor.model.findings import Alternative, Remedy, Severity

# The contract: an id may get a better text, never another meaning, and never goes away.
_IDS = """
    credentials-missing credentials-placeholder credentials-damaged secret-malformed key-malformed
    key-secret-swapped key-duplicated account-ambiguous dotenv-damaged dotenv-readable krakenex-missing
    krakenex-untested krakenex-incompatible nonce-generator-broken nonce-generator-default clock-behind clock-ahead
    clock-unverified state-unwritable dns-failed connection-refused connection-timeout connection-reset
    read-timeout proxy-failed tls-untrusted tls-expired tls-hostname tls-failed edge-blocked edge-error
    response-invalid exchange-maintenance exchange-restricted exchange-status-unknown
    exchange-unavailable exchange-busy exchange-error
    exchange-throttled key-invalid signature-invalid permission-missing account-locked account-unconfirmed
    temporary-lockout rate-limited feature-disabled call-rejected error-unrecognised key-expires-soon key-range-limited
    key-can-withdraw
    key-unrestricted account-empty nonce-spent-higher nonce-shared-key nonce-reordered nonce-window-too-small
    nonce-window-wide nonce-ahead-of-clock client-outdated
"""
PERMANENT = _IDS.split()


def test_all_ids_are_there_once() -> None:
    """Each in one section."""
    assert set(CAUSES) == set(PERMANENT)
    assert sum(len(section) for section in SECTIONS.values()) == len(CAUSES) == len(PERMANENT)


@pytest.mark.parametrize("cause", CAUSES.values(), ids=list(CAUSES))
def test_every_cause_is_told_in_full(cause: Cause) -> None:
    """What it is, how it is proved, what to do, when the verdict can be wrong."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", cause.id)
    assert len(cause.title) < 80
    assert not cause.title.endswith(".")
    for text in (cause.meaning, cause.proof, cause.remedy.text, cause.wrong_when):
        assert text.endswith((".", "?")), text
    assert all(link.startswith("https://") for link in cause.links)


@pytest.mark.parametrize("cause", CAUSES.values(), ids=list(CAUSES))
def test_its_strings_lead_back_to_it(cause: Cause) -> None:
    """What the catalogue claims for a cause, the table of errors gives to it."""
    for text in cause.errors:
        error = kraken_error((text,))
        assert not isinstance(error, KrakenUnrecognised)
        if error.cause != "nonce-spent-higher":  # a refused nonce has several; the rules choose
            assert error.cause == cause.id


def test_every_field_has_its_type() -> None:
    """No type checker reads the prose: a text where a list belongs would be taken letter by letter."""
    kinds: dict[Any, Any] = {str: str, tuple[str, ...]: tuple, Severity: Severity, Remedy: Remedy}
    kinds |= {Mapping[str, str]: dict, Transient | None: Transient | None, Everywhere | None: Everywhere | None}
    kinds |= {tuple[Alternative, ...]: tuple}
    entries: list[Cause | Remedy | Symptom | Alternative] = [
        *CAUSES.values(),
        *(cause.remedy for cause in CAUSES.values()),
        *SYMPTOMS,
    ]
    for cause in CAUSES.values():
        entries += [*cause.possible, *cause.possible_with_otp]
        if cause.everywhere:
            entries += [*cause.everywhere.possible, cause.everywhere.remedy]
    for entry in entries:
        for field, kind in get_type_hints(type(entry)).items():
            value = getattr(entry, field)
            assert isinstance(value, kinds[kind]), (entry, field)
            texts = value.values() if isinstance(value, dict) else value if kind == tuple[str, ...] else ()
            assert all(type(text) is str for text in texts), (entry, field)
    assert {symptom.kind for symptom in SYMPTOMS} == {"nonce", "way", "key", "limit", "exchange", "host", "order"}


def test_commands_are_safe_to_run() -> None:
    """Nothing that deletes, and nothing with a secret on the command line."""
    for cause in CAUSES.values():
        for command in cause.remedy.commands:
            assert command.split()[0] in ("chmod", "kraken-doctor", "python"), command
            assert not re.search(r"\b(rm|curl|sudo|sh)\b|API_SECRET", command), command
