"""Secrets don't show themselves, and what leaves is cleaned of them."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import traceback
import urllib.parse
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.redact import HIDDEN, Redactor, Secret, key_id

VALUE = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="


@dataclass
class Holder:
    secret: Secret


def test_every_way_of_printing_gives_a_placeholder() -> None:
    """repr, str, format, %, f-string, dataclass, containers."""
    secret = Secret(VALUE)
    shown = f"{secret} {secret!r} {secret:>30} {[secret]} {Holder(secret)}" + str(secret) + "%s" % secret  # noqa: UP031
    assert VALUE[:8] not in shown
    assert HIDDEN in shown
    assert secret.reveal() == VALUE


def test_a_traceback_with_locals_gives_a_placeholder() -> None:
    """What an error reporter would send."""
    secret = Secret(VALUE)
    try:
        _ = 1 / 0
    except ZeroDivisionError as exc:
        frames = traceback.StackSummary.extract(traceback.walk_tb(exc.__traceback__), capture_locals=True)
        text = "".join(frames.format())
    assert "secret = Secret" in text
    assert VALUE[:8] not in text.replace(repr(VALUE), "")
    assert secret.reveal() == VALUE


def test_is_not_pickled() -> None:
    """Nor deep-copied through pickle's protocol."""
    for action in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            action(Secret(VALUE))


def test_equal_values_are_equal_secrets() -> None:
    """So that two accounts with one key are noticed."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_the_tail_of_a_short_value_is_not_shown() -> None:
    """Four characters of twenty tell little; four of six tell too much."""
    assert Secret("x" * 52 + "4tZA").tail == "…4tZA"
    assert Secret("abc123").tail == "…"


@given(value=st.text(min_size=6), before=st.text(), after=st.text())
def test_known_values_are_hidden_in_every_spelling(value: str, before: str, after: str) -> None:
    """As they are, quoted for URLs and JSON, in base64."""
    if value.strip() != value or len(value) < 6:
        value = f"|{value}|"
    redact = Redactor([Secret(value)])
    raw = value.encode(errors="surrogatepass")
    spellings = [value, json.dumps(value)[1:-1], base64.b64encode(raw).decode(), urllib.parse.quote_plus(value)]
    for spelling in spellings:
        assert spelling not in redact(f"x{spelling}x")


def test_longer_secrets_go_first() -> None:
    """A key inside another must not leave the rest of the longer one standing."""
    redact = Redactor([Secret("abcdef"), Secret("abcdefghij")])
    assert redact("abcdefghij") == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        f"secret={VALUE}",
        "proxy http://user:hunter2@proxy:3128",
        "headers {'API-Key': 'k/ey+value', 'API-Sign': 'sig+value=='}",
        "API-Sign: sig+value==",
    ],
)
def test_what_looks_like_a_secret_is_hidden_unknown(text: str) -> None:
    """Values that this process does not hold."""
    shown = Redactor()(text)
    for part in (VALUE, "hunter2", "k/ey+value", "sig+value"):
        assert part not in shown


def test_ordinary_text_stays_as_it_is() -> None:
    """Nonces, hashes, versions and URLs are what the reader needs."""
    text = "nonce 1795392000000000 sha256 9f86d081884c7d659a2feaa0c55ad015 https://api.kraken.com/0/public/Time 2.2.2"
    assert Redactor([Secret("12345")])(text) == text


def test_key_id_names_without_telling() -> None:
    """The same for the same key, short, and nothing of the key in it."""
    assert key_id(VALUE) == key_id(VALUE) != key_id(VALUE + " ")
    assert len(key_id(VALUE)) == 16
    assert int(key_id(VALUE), 16) >= 0
